//! How a client is made. It sends nothing.

use crate::address::Address;
use crate::client::Client;
use crate::clock::{Clock, SystemClock};
use crate::conversation::{Desk, Watcher};
use crate::credentials::{Credentials, Source};
use crate::manners::{Answer, Manners, Next, Rules};
use crate::transport::{Http, Native, Transport};
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

/// How long a call may take unless it says otherwise.
const DEADLINE: Duration = Duration::from_secs(60);

/// A client in the making.
pub struct Builder {
    address: String,
    source: Source,
    deadline: Duration,
    rules: Rules,
    seed: Option<u64>,
    clock: Box<dyn Clock>,
    watcher: Watcher,
}

/// Why there is no client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoClient {
    /// The address has another form than `http://`, `https://` or `overtime://` and a host.
    Address(String),
    /// The address starts with `https`, and the feature `tls` is off.
    NoTls,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("address", &self.address).finish_non_exhaustive()
    }
}

impl fmt::Display for NoClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(text) => write!(
                f,
                "{text:?} is no address: it is http://, https:// or overtime:// and a host"
            ),
            Self::NoTls => f.write_str("an https address wants the feature `tls`"),
        }
    }
}

impl std::error::Error for NoClient {}

impl Builder {
    /// A client of the server at that address.
    pub(crate) fn to(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            source: Box::new(|_| None),
            deadline: DEADLINE,
            rules: Rules::default(),
            seed: None,
            clock: Box::new(SystemClock::default()),
            watcher: Box::new(|_, _| ()),
        }
    }

    /// The tenant's key.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        let key = key.into();
        self.credentials(move |_| Some(key.clone()))
    }

    /// Where the tenant's key comes from. It is asked before the first request, and again when the
    /// server does not take the key that it is told; the same or no key means that there is no
    /// other.
    #[must_use]
    pub fn credentials(
        self,
        source: impl Fn(Option<&str>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self { source: Box::new(source), ..self }
    }

    /// How long a call may take that does not say so itself.
    #[must_use]
    pub fn deadline(self, span: Duration) -> Self {
        Self { deadline: span, ..self }
    }

    /// Other numbers for the client's manners.
    #[must_use]
    pub fn rules(self, rules: Rules) -> Self {
        Self { rules, ..self }
    }

    /// The seed of all chance but that of keys; unless it is said, the system chooses one.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// Another clock.
    #[must_use]
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        Self { clock: Box::new(clock), ..self }
    }

    /// Is told after each answer what came back and what is done next; on the thread that calls,
    /// which waits for it.
    #[must_use]
    pub fn watch(self, watcher: impl Fn(&Answer, &Next) + Send + Sync + 'static) -> Self {
        Self { watcher: Box::new(watcher), ..self }
    }

    /// The client; nothing is sent before its first call.
    ///
    /// # Errors
    /// The address is none.
    pub fn build(self) -> Result<Client, NoClient> {
        let transport: Box<dyn Transport> = match Address::parse(&self.address)? {
            Address::Http(base) => Box::new(Http::to(base)),
            Address::Native(address) => Box::new(Native::to(address)),
        };
        let seed = self.seed.unwrap_or_else(seed_by_chance);
        Ok(Client::at(Desk {
            transport,
            credentials: Credentials::new(self.source),
            manners: Mutex::new(Manners::new(self.rules, seed)),
            clock: self.clock,
            watcher: self.watcher,
            deadline: self.deadline,
        }))
    }
}

/// Clients that were started together must not keep step.
fn seed_by_chance() -> u64 {
    getrandom::u64().expect("the operating system gives chance")
}
