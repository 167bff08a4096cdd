//! Where a server is: `http://`, `https://` or, for the native protocol, `overtime://`. It resolves
//! nothing.

use super::builder::NoClient;

/// The scheme of the native protocol.
const NATIVE: &str = "overtime://";

/// The port that a server listens on unless it is told another.
const PORT: u16 = 7070;

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// What the targets of requests are appended to.
    Http(String),
    /// Host and port.
    Native(String),
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, NoClient> {
        let address = text.trim_end_matches('/');
        let has_host = address.split_once("://").is_some_and(|(_, rest)| !rest.is_empty());
        if !has_host {
            return Err(NoClient::Address(text.to_owned()));
        }
        if let Some(host) = address.strip_prefix(NATIVE) {
            return Ok(Self::Native(with_port(host)));
        }
        let is_plain = address.starts_with("http://");
        let is_sealed = address.starts_with("https://");
        match is_plain || (is_sealed && cfg!(feature = "tls")) {
            true => Ok(Self::Http(address.to_owned())),
            false if is_sealed => Err(NoClient::NoTls),
            false => Err(NoClient::Address(text.to_owned())),
        }
    }
}

fn with_port(host: &str) -> String {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    // In an address of IPv6 the last colon may be its own.
    match has_port && (!host.starts_with('[') || host.contains("]:")) {
        true => host.to_owned(),
        false => format!("{host}:{PORT}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_decides_the_protocol() {
        let http = |text: &str| Ok(Address::Http(text.to_owned()));
        let native = |text: &str| Ok(Address::Native(text.to_owned()));
        assert_eq!(Address::parse("http://127.0.0.1:7070/"), http("http://127.0.0.1:7070"));
        assert_eq!(Address::parse("http://host/under"), http("http://host/under"));
        assert_eq!(Address::parse("overtime://host:1"), native("host:1"));
        assert_eq!(Address::parse("overtime://host"), native("host:7070"));
        assert_eq!(Address::parse("overtime://[::1]"), native("[::1]:7070"));
        assert_eq!(Address::parse("overtime://[::1]:9"), native("[::1]:9"));
        for wrong in ["", "host", "http://", "ftp://host", "127.0.0.1:7070"] {
            assert!(matches!(Address::parse(wrong), Err(NoClient::Address(_))), "{wrong}");
        }
    }
}
