//! Where a service is: its address as an operator writes it down, read more strictly than the
//! standards ask for, so that nothing in it can mean two things. Nothing is looked up here.

use super::address::set_aside;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ureq::http::Uri;
use ureq::http::uri::Scheme;

/// The longest address.
const URL_MAX_BYTES: usize = 2_048;

/// The longest name that the domain name system takes.
const NAME_MAX_BYTES: usize = 253;

/// `http://` or `https://`, a host, maybe a port, maybe a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceUrl {
    scheme: Scheme,
    /// Host and port as they are sent.
    authority: String,
    origin: Origin,
    /// What every path begins with; without a slash at its end unless nothing is appended.
    path: String,
}

/// Whom a connection is made to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) secure: bool,
    pub(super) host: Host,
    pub(super) port: u16,
}

/// Who is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Address(IpAddr),
    /// In small letters.
    Name(String),
}

impl ServiceUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it, without the address: there may be a password in it.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.len() > URL_MAX_BYTES {
            return Err("it is not an address in at most 2048 visible ASCII characters");
        }
        if text.contains(['?', '#']) {
            return Err("it must end with the path, without `?` and `#`");
        }
        let uri: Uri =
            text.parse().map_err(|_| "it is not an address such as https://host/path")?;
        let origin = Origin::of(&uri)?;
        let scheme = if origin.secure { Scheme::HTTPS } else { Scheme::HTTP };
        let authority = uri.authority().map(|authority| authority.as_str().to_owned());
        let authority = authority.unwrap_or_default();
        Ok(Self { scheme, authority, origin, path: uri.path().to_owned() })
    }

    /// The address of what lies at `path` below this one; the address itself if that is empty.
    ///
    /// # Errors
    /// What is wrong with the path.
    pub fn below(&self, path: &str) -> Result<Uri, &'static str> {
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) || path.len() > URL_MAX_BYTES {
            return Err("it is not a path in at most 2048 visible ASCII characters");
        }
        if !path.is_empty() && !path.starts_with(['/', '?']) {
            return Err("it must begin with `/`");
        }
        if path.contains('#') {
            return Err("it must not have a `#`");
        }
        let base = if path.starts_with('/') { self.path.trim_end_matches('/') } else { &self.path };
        let uri = Uri::builder().scheme(self.scheme.clone()).authority(&*self.authority);
        uri.path_and_query(format!("{base}{path}")).build().map_err(|_| "it is not a path")
    }

    /// What its host is set aside for, if it is plain from how it is written that it does not lie in
    /// the world (RFC 6761 for names). Where other names lead shows when they are looked up.
    pub fn set_aside(&self) -> Option<&'static str> {
        match &self.origin.host {
            Host::Address(address) => set_aside(*address),
            Host::Name(name) => {
                let last = name.trim_end_matches('.').rsplit('.').next();
                (last == Some("localhost")).then_some("loopback")
            }
        }
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Origin {
    /// Whom an absolute address leads to.
    pub(super) fn of(uri: &Uri) -> Result<Self, &'static str> {
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("it must begin with https:// or http://"),
        };
        let authority = uri.authority().ok_or("it names no host")?;
        if authority.as_str().contains('@') {
            return Err("it must not hold a user or a password: use bearer_env or bearer_file");
        }
        let port = match (authority.port_u16(), authority.as_str().ends_with(']')) {
            (Some(0), _) => return Err("there is no port 0"),
            (Some(port), _) => port,
            (None, false) if authority.as_str().contains(':') => return Err("its port is no port"),
            (None, _) => Self::usual_port(secure),
        };
        Ok(Self { secure, host: Host::read(authority.host())?, port })
    }

    fn usual_port(secure: bool) -> u16 {
        if secure { 443 } else { 80 }
    }

    /// Whether whoever was called here may be called there with the same credentials: the same
    /// host, at the same port, or from the usual port without TLS to the usual one with it.
    pub(super) fn may_lead_to(&self, other: &Self) -> bool {
        let upgrades = !self.secure
            && other.secure
            && self.port == Self::usual_port(false)
            && other.port == Self::usual_port(true);
        self.host == other.host
            && (upgrades || (self.port == other.port && self.secure == other.secure))
    }
}

impl Host {
    fn read(text: &str) -> Result<Self, &'static str> {
        if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            let address = inner.parse::<Ipv6Addr>();
            return address
                .map(|address| Self::Address(address.into()))
                .map_err(|_| "its host is no IPv6 address");
        }
        if ends_in_number(text) {
            let address = text.parse::<Ipv4Addr>();
            return address
                .map(|address| Self::Address(address.into()))
                .map_err(|_| "its host is an address in an unusual spelling: use four numbers");
        }
        let is_label = |label: &str| {
            let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            (1..=63).contains(&label.len()) && label.bytes().all(is_known)
        };
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.len() > NAME_MAX_BYTES || !name.split('.').all(is_label) {
            return Err("its host is no name; names in other scripts are written as xn--…");
        }
        Ok(Self::Name(name.to_ascii_lowercase()))
    }
}

/// Whether resolvers might take a host for an IPv4 address, as in `127.1`, `0x7f.1` or
/// `2130706433` (the rule of the URL standard).
fn ends_in_number(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let is_decimal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal || hex.is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_appended() {
        for (base, path, whole) in [
            ("http://a", "", "http://a/"),
            ("http://a/", "", "http://a/"),
            ("http://a/v1", "", "http://a/v1"),
            ("http://a/v1/", "", "http://a/v1/"),
            ("https://A.example:8443/v1/", "/x", "https://A.example:8443/v1/x"),
            ("https://a.example/v1", "/x/", "https://a.example/v1/x/"),
            ("http://[2606:4700::1111]:81", "/x?y=1", "http://[2606:4700::1111]:81/x?y=1"),
            ("http://a/v1", "?y=1", "http://a/v1?y=1"),
        ] {
            let uri = ServiceUrl::new(base).unwrap().below(path).unwrap();
            assert_eq!(uri.to_string().to_lowercase(), whole.to_lowercase());
        }
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for text in [
            "",
            "a.example",
            "//a.example",
            "ftp://a.example",
            "file:///etc/passwd",
            "unix:/run/a",
            "http://",
            "http:///x",
            "http://:80",
            "http://a.example:",
            "http://a.example:0",
            "http://a.example:65536",
            "http://a.example:8o",
            "http://user@a.example",
            "http://user:password@a.example",
            "http://a.example@127.0.0.1",
            "http://a.example#@127.0.0.1",
            "http://a.example\\@127.0.0.1",
            "http://a.example/?x=1",
            "http://a.example/#x",
            "http://a b/",
            "http://a.example/ x",
            "http://a..example",
            "http://.a.example",
            "http://a.example..",
            "http://a%2eexample",
            "http://127.0.0.1%2f@a.example",
            "http://ä.example",
            "http://１２７.0.0.1",
            "http://127。0。0。1",
            "http://①②⑦.0.0.1",
            "http://127.1",
            "http://127.0.1",
            "http://127.0.0.1.",
            "http://127.0.0.01",
            "http://0177.0.0.1",
            "http://017700000001",
            "http://0x7f.1",
            "http://0x7f000001",
            "http://0X7F.0.0.1",
            "http://a.0x",
            "http://2130706433",
            "http://0",
            "http://00000000.00000000.0.0",
            "http://256.0.0.1",
            "http://1.2.3.4.5",
            "http://[::1",
            "http://::1",
            "http://[127.0.0.1]",
            "http://[::1%25lo]",
            "http://[fe80::1%lo]",
            "http://[v1.a]",
        ] {
            assert!(ServiceUrl::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_complaint_repeats_a_password() {
        for text in ["http://me:sesame@a", "ftp://me:sesame@a", "http://me:sesame@a:0"] {
            assert!(!ServiceUrl::new(text).unwrap_err().contains("sesame"));
        }
    }

    #[test]
    fn credentials_go_where_they_were_meant_to() {
        let origin = |text: &str| Origin::of(&text.parse().unwrap()).unwrap();
        for (from, to, may) in [
            ("http://a/x", "http://A/y", true),
            ("http://a/x", "http://a:80/y", true),
            ("http://a/x", "https://a/y", true),
            ("http://a./x", "https://a/y", true),
            ("http://a:81/x", "http://a:81/y", true),
            ("http://a/x", "http://b/x", false),
            ("http://a/x", "http://a.b/x", false),
            ("http://a/x", "http://a:81/x", false),
            ("http://a:81/x", "https://a/x", false),
            ("http://a:81/x", "https://a:81/x", false),
            ("https://a/x", "http://a/x", false),
            ("https://a/x", "https://a:444/x", false),
            ("http://127.0.0.1/", "http://[::ffff:127.0.0.1]/", false),
        ] {
            assert_eq!(origin(from).may_lead_to(&origin(to)), may, "{from} to {to}");
        }
    }

    #[test]
    fn what_lies_beside_the_server_can_be_told_from_how_it_is_written() {
        let told = |host: &str| ServiceUrl::new(&format!("http://{host}/x")).unwrap().set_aside();
        for host in
            ["127.0.0.1:90", "localhost:90", "LOCALHOST", "localhost.", "a.localhost", "[::1]"]
        {
            assert_eq!(told(host), Some("loopback"), "{host}");
        }
        assert_eq!((told("10.1.2.3"), told("[fe80::1]").is_some()), (Some("private"), true));
        for host in ["8.8.8.8", "example.com", "localhost.example.com", "notlocalhost"] {
            assert_eq!(told(host), None, "{host}");
        }
    }

    #[test]
    fn paths_stay_paths() {
        let url = ServiceUrl::new("http://a/v1").unwrap();
        for path in ["x", "@b/", ".b", ":81/", "/x#y", "/x y", "/ä", "http://b/"] {
            assert!(url.below(path).is_err(), "{path}");
        }
    }
}
