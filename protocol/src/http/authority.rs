//! The `host[:port]` of a `Host` field or of an absolute target (RFC 3986, section 3.2). It never
//! resolves a name; it only decides whether two readers would see the same host.

use std::net::Ipv6Addr;

/// Whether `text` is a host, optionally with a port. User information, commas, empty hosts, zone
/// ids and future IP literals are refused.
pub(super) fn is_authority(text: &str) -> bool {
    let (host_is_good, port) = match text.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, rest)) => (address.parse::<Ipv6Addr>().is_ok(), rest),
            None => return false,
        },
        None => {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (is_registered_name(host.as_bytes()), port)
        }
    };
    host_is_good && is_port(port)
}

/// An empty port, as in `host:`, is legal and means the default one.
fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        Some("") => true,
        Some(digits) => {
            digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
        }
        None => text.is_empty(),
    }
}

/// Every IPv4 address has the form of a registered name.
fn is_registered_name(host: &[u8]) -> bool {
    let mut rest = host;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, tail @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                tail
            }
            (byte, tail) if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=".contains(byte) => {
                tail
            }
            _ => return false,
        };
    }
    !host.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses_with_an_optional_port() {
        let longest = "a".repeat(300);
        for text in [
            "localhost",
            "a.example:8080",
            "127.0.0.1:7070",
            "a:",
            "a:0",
            "a:65535",
            "[::1]",
            "[::1]:7070",
            "[2001:db8::1:2]:",
            "[::ffff:1.2.3.4]",
            "x%41y",
            &longest,
        ] {
            assert!(is_authority(text), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            ":80",
            "a b",
            "a,b",
            "user@a",
            "user:pw@a",
            "a:b",
            "a:65536",
            "a:000080000",
            "a:+80",
            "a:80:80",
            "a/",
            "a?b",
            "a#b",
            "[::1",
            "::1",
            "[::1]x",
            "[::1]:x",
            "[]",
            "[1.2.3.4]",
            "[fe80::1%25eth0]",
            "[v1.a]",
            "%4",
            "%zz",
            "a\\b",
            "ä",
            "a\tb",
            "\"a\"",
            "<a>",
        ] {
            assert!(!is_authority(text), "{text}");
        }
    }
}
