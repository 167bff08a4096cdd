//! The one way to a service: its name is looked up, every address that it stands for is checked, and
//! the connection is made to one of those very addresses. Nothing else in this process connects to
//! a service, so whatever a name says the next time is checked the next time.

use super::address::set_aside;
use super::lookup::{Lookup, LookupError};
use super::url::{Host, Origin};
use super::wire::Wire;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, RustlsConnector,
};
use ureq::{Error, unversioned::transport::Transport};

/// The most addresses of a name that are tried.
const ADDRESSES_MAX: usize = 8;

/// No address gets less time than this.
const ADDRESS_TIME_MIN: Duration = Duration::from_millis(10);

/// Connects to one host.
#[derive(Debug)]
pub(super) struct Dialer {
    host: Host,
    /// Whether it may lie where the world does not reach.
    private: bool,
    /// How its name is looked up, if it has one.
    lookup: Option<Lookup>,
    tls: RustlsConnector,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotConnected {
    /// It lies where it must not.
    Forbidden(String),
    /// It is not there, or not who it should be.
    Failed(String),
    /// It does not answer in time.
    TimedOut,
}

impl Dialer {
    pub(super) fn new(origin: &Origin, private: bool) -> Self {
        let host = origin.host.clone();
        let lookup = match &host {
            Host::Address(_) => None,
            Host::Name(name) => Some(Lookup::of(name)),
        };
        Self { host, private, lookup, tls: RustlsConnector::default() }
    }

    fn dial(&self, details: &ConnectionDetails<'_>) -> Result<Wire, NotConnected> {
        let origin = Origin::of(details.uri).map_err(|why| forbidden(why.to_owned()))?;
        if origin.host != self.host {
            return Err(forbidden("it is another host".to_owned()));
        }
        let deadline = deadline_of(details.timeout);
        let addresses = self.addresses(deadline)?;
        self.check(&addresses)?;
        let stream = connect(&addresses, origin.port, deadline)?;
        stream.set_nodelay(true).map_err(failed)?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Wire::new(stream, buffers))
    }

    fn addresses(&self, deadline: Instant) -> Result<Arc<[IpAddr]>, NotConnected> {
        match (&self.host, &self.lookup) {
            (Host::Address(address), _) => Ok([*address].into()),
            (Host::Name(_), None) => Err(NotConnected::Failed("it has no address".to_owned())),
            (Host::Name(_), Some(lookup)) => match lookup.addresses(deadline) {
                Ok(addresses) => Ok(addresses),
                Err(LookupError::TimedOut) => Err(NotConnected::TimedOut),
                Err(LookupError::Unknown(told)) => Err(NotConnected::Failed(told)),
            },
        }
    }

    /// One address that is not to be called is enough: such a name is not to be trusted.
    fn check(&self, addresses: &[IpAddr]) -> Result<(), NotConnected> {
        if self.private {
            return Ok(());
        }
        let refused = addresses.iter().find_map(|address| Some((address, set_aside(*address)?)));
        match refused {
            None => Ok(()),
            Some((address, what)) => Err(forbidden(format!(
                "its address {address} is {what}; only with private = true it may be"
            ))),
        }
    }
}

impl Connector for Dialer {
    type Out = Either<Wire, <RustlsConnector as Connector<Wire>>::Out>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let wire = self.dial(details).map_err(|error| Error::Other(Box::new(error)))?;
        if !details.needs_tls() {
            return Ok(Some(Either::A(wire)));
        }
        let secured = self.tls.connect(details, Some(wire)).map_err(|error| {
            Error::Other(Box::new(match error {
                Error::Timeout(_) => NotConnected::TimedOut,
                error => NotConnected::Failed(format!("TLS: {error}")),
            }))
        })?;
        Ok(secured.filter(Transport::is_tls).map(Either::B))
    }
}

fn connect(addresses: &[IpAddr], port: u16, deadline: Instant) -> Result<TcpStream, NotConnected> {
    let addresses = &addresses[..addresses.len().min(ADDRESSES_MAX)];
    let mut last = NotConnected::Failed("it has no address".to_owned());
    for (place, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(NotConnected::TimedOut);
        }
        // Half of what is left for each, and all of it for the last.
        let share = if place + 1 == addresses.len() { left } else { left / 2 };
        let address = SocketAddr::new(*address, port);
        match TcpStream::connect_timeout(&address, share.max(ADDRESS_TIME_MIN)) {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => last = NotConnected::TimedOut,
            Err(error) => last = failed(error),
        }
    }
    Err(last)
}

fn deadline_of(timeout: NextTimeout) -> Instant {
    let now = Instant::now();
    now.checked_add(*timeout.after).unwrap_or(now + Duration::from_hours(1))
}

fn forbidden(why: String) -> NotConnected {
    NotConnected::Forbidden(why)
}

fn failed(error: io::Error) -> NotConnected {
    NotConnected::Failed(error.to_string())
}

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden(why) | Self::Failed(why) => f.write_str(why),
            Self::TimedOut => f.write_str("it did not answer in time"),
        }
    }
}

impl std::error::Error for NotConnected {}

/// Leaves the lookup to the dialer: with a connection that is still open there is none.
#[derive(Debug)]
pub(super) struct LookedUpLater;

impl Resolver for LookedUpLater {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}
