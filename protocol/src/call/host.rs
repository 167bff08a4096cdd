//! Whether a request names a host that is this machine. A page whose name is pointed at loopback
//! once it is loaded (DNS rebinding) is of the same origin as what it calls, but it cannot help
//! naming itself. It never resolves a name.

use crate::http::{Field, Head};
use crate::problem::{Code, Problem};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The hosts that a request may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// All: something else guards the server.
    Any,
    /// Names and addresses of loopback.
    Loopback,
}

impl Hosts {
    /// The hosts to be named by callers of a server at this address, if it asks for no key.
    pub fn of_listener(address: IpAddr) -> Self {
        if address.to_canonical().is_loopback() { Self::Loopback } else { Self::Any }
    }

    /// Refuses a request for another host. HTTP/1.0 may name none, and no browser speaks it.
    ///
    /// # Errors
    /// `forbidden-host`.
    pub fn check(self, head: &Head) -> Result<(), Problem> {
        match (self, head.field(Field::Host)) {
            (Self::Any, _) | (Self::Loopback, None) => Ok(()),
            (Self::Loopback, Some(authority)) if is_loopback(host(authority)) => Ok(()),
            (Self::Loopback, Some(_)) => {
                let detail = "The server listens on loopback and answers to its names only: \
                              localhost, *.localhost, 127.0.0.0/8 and [::1].";
                Err(Problem::new(Code::ForbiddenHost, detail))
            }
        }
    }
}

/// An authority without its port.
fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    }
}

/// RFC 6761, section 6.3: these names are loopback whatever a resolver says.
fn is_loopback(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse().is_ok_and(|it: Ipv6Addr| it.to_canonical().is_loopback());
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return address.is_loopback();
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default();
    last.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Deframer, Limits, Step};

    fn head(text: &str) -> Head {
        match Deframer::new().advance(text.as_bytes(), &Limits::default()).1 {
            Ok(Step::Head(head)) => head,
            other => panic!("{text:?} is no head: {other:?}"),
        }
    }

    fn check(hosts: Hosts, host: &str) -> Result<(), Problem> {
        hosts.check(&head(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")))
    }

    #[test]
    fn loopback_answers_to_its_own_names() {
        for host in [
            "localhost",
            "LocalHost:7070",
            "localhost.",
            "localhost.:7070",
            "tasks.localhost:1",
            "127.0.0.1",
            "127.0.0.1:7070",
            "127.1.2.3:",
            "[::1]",
            "[::1]:7070",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]:7070",
        ] {
            assert_eq!(check(Hosts::Loopback, host), Ok(()), "{host}");
        }
    }

    #[test]
    fn loopback_answers_to_no_other_name() {
        for host in [
            "evil.example",
            "evil.example:7070",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "notlocalhost",
            "localhost..",
            "192.168.0.1",
            "0.0.0.0:7070",
            "[::]:7070",
            "[::2]",
            "[2001:db8::1]",
            "localhost%2eevil.example",
        ] {
            let problem = check(Hosts::Loopback, host).expect_err(host);
            assert_eq!(problem.code, Code::ForbiddenHost, "{host}");
            assert_eq!(check(Hosts::Any, host), Ok(()), "{host}");
        }
    }

    #[test]
    fn who_names_no_host_is_no_browser() {
        assert_eq!(Hosts::Loopback.check(&head("GET / HTTP/1.0\r\n\r\n")), Ok(()));
    }

    #[test]
    fn the_listener_decides() {
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(Hosts::of_listener(address.parse().unwrap()), Hosts::Loopback, "{address}");
        }
        for address in ["0.0.0.0", "10.0.0.1", "::", "2001:db8::1"] {
            assert_eq!(Hosts::of_listener(address.parse().unwrap()), Hosts::Any, "{address}");
        }
    }
}
