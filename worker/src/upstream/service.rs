//! A service: one host that kinds call, with all that its calls share: connections that stay open,
//! credentials, bounds. It knows no kinds.

use super::dialer::{Dialer, LookedUpLater};
use super::signature::Signer;
use super::url::{Origin, ServiceUrl};
use overtime_protocol::UpstreamName;
use std::fmt;
use std::time::Duration;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::HeaderValue;
use ureq::tls::{RootCerts, TlsConfig};

/// How long a connection is kept that nobody uses. Many servers give an idle one up after five
/// seconds, and a request that meets the end of its connection is a failure.
const IDLE_MAX: Duration = Duration::from_secs(4);

/// The buffers of a connection, in bytes; a head has to fit.
const BUFFER_BYTES: usize = 32 * 1024;

/// What a service is told of itself.
pub struct ServiceOptions {
    /// Its name.
    pub name: UpstreamName,
    /// Where it is.
    pub url: ServiceUrl,
    /// What it is shown as `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// What signs what it is sent.
    pub signer: Option<Signer>,
    /// How long a whole call may take.
    pub timeout: Duration,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How many connections are kept open.
    pub connections: usize,
    /// The longest answer.
    pub answer_max_bytes: usize,
    /// Whether it may lie where the world does not reach.
    pub private: bool,
}

/// A service that can be called from any thread.
pub struct Service {
    pub(super) name: UpstreamName,
    pub(super) url: ServiceUrl,
    pub(super) agent: Agent,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) bearer: Option<String>,
    pub(super) signer: Option<Signer>,
    pub(super) timeout: Duration,
    pub(super) answer_max_bytes: usize,
}

impl Service {
    /// The service, which is not tried yet.
    ///
    /// # Errors
    /// What is wrong with the bearer token, without a word of it.
    pub fn new(options: ServiceOptions) -> Result<Self, &'static str> {
        let authorization = options.bearer.as_deref().map(authorization).transpose()?;
        let dialer = Dialer::new(options.url.origin(), options.private);
        let agent = Agent::with_parts(config(&options), dialer, LookedUpLater);
        let ServiceOptions { name, url, bearer, signer, timeout, answer_max_bytes, .. } = options;
        Ok(Self { name, url, agent, authorization, bearer, signer, timeout, answer_max_bytes })
    }

    pub(super) fn origin(&self) -> &Origin {
        self.url.origin()
    }
}

fn config(options: &ServiceOptions) -> Config {
    // Whom to trust is what the operating system says: it knows the authorities of one's own house,
    // and learns of revoked ones without a new build of this program.
    let trust = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    Agent::config_builder()
        .http_status_as_error(false)
        // They are followed with the payload, and only where credentials may go.
        .max_redirects(0)
        // Only the configuration says where work goes.
        .proxy(None)
        .tls_config(trust)
        .user_agent(concat!("overtime/", env!("CARGO_PKG_VERSION")))
        .timeout_global(Some(options.timeout))
        .timeout_connect(Some(options.connect_timeout))
        .max_idle_connections(options.connections)
        .max_idle_connections_per_host(options.connections)
        .max_idle_age(IDLE_MAX)
        .input_buffer_size(BUFFER_BYTES)
        .output_buffer_size(BUFFER_BYTES)
        .max_response_header_size(BUFFER_BYTES)
        .build()
}

fn authorization(bearer: &str) -> Result<HeaderValue, &'static str> {
    let visible = !bearer.is_empty() && bearer.bytes().all(|byte| byte.is_ascii_graphic());
    let value = HeaderValue::from_str(&format!("Bearer {bearer}")).ok().filter(|_| visible);
    let mut value = value.ok_or("it is not a token of visible ASCII characters")?;
    value.set_sensitive(true);
    Ok(value)
}

/// Nothing of its secrets.
impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("name", &self.name).finish_non_exhaustive()
    }
}
