//! Which addresses lie in the world: whoever configures a service out there must not be led to what
//! lies beside this server. It knows the ranges that are set aside, and opens no connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an IPv4 address is set aside for (the IANA's registry of special-purpose addresses), with
/// the length of the prefix.
const SET_ASIDE: [(Ipv4Addr, u32, &str); 17] = [
    (Ipv4Addr::UNSPECIFIED, 32, "unspecified"),
    (Ipv4Addr::new(0, 0, 0, 0), 8, "of this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "of a carrier's own network"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "set aside for protocols"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "of 6to4 relays"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "for benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::BROADCAST, 32, "broadcast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

/// The same within the part of IPv6 that is given out to the world, `2000::/3`. What carries an
/// IPv4 address through a tunnel (Teredo, 6to4) leads to wherever that tunnel ends.
const SET_ASIDE_WITHIN: [(Ipv6Addr, u32, &str); 5] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, "of a Teredo tunnel"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "set aside for protocols"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "for documentation"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "of a 6to4 tunnel"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "for documentation"),
];

/// Where IPv4 addresses lie that a gateway translates (RFC 6052).
const TRANSLATED: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);

/// What the address is set aside for, if it does not lie in the world.
pub(super) fn set_aside(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => set_aside_v4(address),
        IpAddr::V6(address) => set_aside_v6(address),
    }
}

fn set_aside_v4(address: Ipv4Addr) -> Option<&'static str> {
    let within = |(start, prefix, _): &&(Ipv4Addr, u32, &str)| {
        (address.to_bits() ^ start.to_bits()) >> (32 - prefix) == 0
    };
    SET_ASIDE.iter().find(within).map(|(_, _, what)| *what)
}

fn set_aside_v6(address: Ipv6Addr) -> Option<&'static str> {
    // Both reach the very same IPv4 address.
    if let Some(inner) = address.to_ipv4_mapped() {
        return set_aside_v4(inner);
    }
    if is_within(address, TRANSLATED, 96) {
        return set_aside_v4(Ipv4Addr::from_bits(address.to_bits() as u32));
    }
    if address.segments()[0] >> 13 != 1 {
        return Some(beside_the_world(address));
    }
    let within = |(start, prefix, _): &&(Ipv6Addr, u32, &str)| is_within(address, *start, *prefix);
    SET_ASIDE_WITHIN.iter().find(within).map(|(_, _, what)| *what)
}

/// Whatever is not given out is refused; these have names.
fn beside_the_world(address: Ipv6Addr) -> &'static str {
    match address.segments()[0] {
        _ if address.is_unspecified() => "unspecified",
        _ if address.is_loopback() => "loopback",
        0xff00.. => "multicast",
        0xfec0..0xff00 => "site-local",
        0xfe80..0xfec0 => "link-local",
        0xfc00..0xfe00 => "private (unique local)",
        0 => "an IPv4 address in disguise",
        _ => "reserved",
    }
}

fn is_within(address: Ipv6Addr, start: Ipv6Addr, prefix: u32) -> bool {
    (address.to_bits() ^ start.to_bits()) >> (128 - prefix) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<&'static str> {
        set_aside(text.parse().unwrap_or_else(|_| panic!("{text} is no address")))
    }

    #[test]
    fn what_lies_in_the_world_may_be_called() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "3ffe:ffff::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
    }

    #[test]
    fn what_does_not_is_named() {
        for (text, what) in [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "of this network"),
            ("10.0.0.1", "private"),
            ("10.255.255.255", "private"),
            ("100.64.0.1", "of a carrier's own network"),
            ("100.127.255.255", "of a carrier's own network"),
            ("127.0.0.1", "loopback"),
            ("127.255.255.254", "loopback"),
            ("169.254.169.254", "link-local"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.0.0.8", "set aside for protocols"),
            ("192.0.2.1", "for documentation"),
            ("192.88.99.1", "of 6to4 relays"),
            ("192.168.0.1", "private"),
            ("198.18.0.1", "for benchmarks"),
            ("198.19.255.255", "for benchmarks"),
            ("198.51.100.1", "for documentation"),
            ("203.0.113.1", "for documentation"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::127.0.0.1", "an IPv4 address in disguise"),
            ("::8.8.8.8", "an IPv4 address in disguise"),
            ("::ffff:0:127.0.0.1", "an IPv4 address in disguise"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:10.1.2.3", "private"),
            ("::ffff:169.254.169.254", "link-local"),
            ("64:ff9b::127.0.0.1", "loopback"),
            ("64:ff9b::10.0.0.1", "private"),
            ("64:ff9b:1::8.8.8.8", "reserved"),
            ("100::1", "reserved"),
            ("2001::1", "of a Teredo tunnel"),
            ("2001:0:7f00:1::", "of a Teredo tunnel"),
            ("2001:2::1", "set aside for protocols"),
            ("2001:10::1", "set aside for protocols"),
            ("2001:1ff:ffff::1", "set aside for protocols"),
            ("2001:db8::1", "for documentation"),
            ("2002:7f00:1::1", "of a 6to4 tunnel"),
            ("2002:a00:1::", "of a 6to4 tunnel"),
            ("3fff::1", "for documentation"),
            ("4000::1", "reserved"),
            ("5f00::1", "reserved"),
            ("fc00::1", "private (unique local)"),
            ("fd12:3456:789a::1", "private (unique local)"),
            ("fe80::1", "link-local"),
            ("febf::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
        ] {
            assert_eq!(told(text), Some(what), "{text}");
        }
    }
}
