//! Loopback in every spelling: whatever is written down, nobody there hears of it.

use super::scripted::{Scripted, fault, options, parcel, route};
use crate::Failure;
use crate::upstream::ServiceUrl;
use overtime_protocol::CallEnd;

/// Hosts that lead, or might lead, to this machine.
const SPELLINGS: [&str; 72] = [
    "127.0.0.1",
    "127.0.0.2",
    "127.1.1.1",
    "127.255.255.254",
    "127.1",
    "127.0.1",
    "127.0.0.1.",
    "127.0.0.01",
    "127.0.0.001",
    "127.000.000.001",
    "0127.0.0.1",
    "0177.0.0.1",
    "0177.0.0.01",
    "0177.0.0x1",
    "0177.1",
    "017700000001",
    "0x7f.1",
    "0x7f.0.0.1",
    "0x7f.0x0.0x0.0x1",
    "0X7F.1",
    "0x7F000001",
    "0x7f000001",
    "0x00000000007f000001",
    "2130706433",
    "02130706433",
    "2130706433.",
    "4294967295",
    "0",
    "00",
    "0.",
    "0x0",
    "0.0.0.0",
    "0.0",
    "0.0.0",
    "000.000.000.000",
    "0.0.0.0.",
    "256.256.256.256",
    "1.0x7f000001",
    "localhost",
    "LOCALHOST",
    "LocalHost",
    "localhost.",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::01]",
    "[::]",
    "[0::0]",
    "[::0.0.0.1]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:7F00:0001]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[::ffff:127.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[fe80::1%25lo]",
    "[::1%25lo]",
    "[::1%lo]",
    "１２７.0.0.1",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "loc%61lhost",
    "%6c%6f%63alhost",
    "a@127.0.0.1",
    "a:b@localhost",
    "127.0.0.1\\",
];

#[test]
fn no_spelling_of_loopback_is_called() {
    let listener = Scripted::always("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let port = listener.address.port();
    let sixth = Scripted::at(&format!("[::1]:{port}"), |_| Vec::new());
    let mut called = 0;
    for host in SPELLINGS {
        let url = format!("http://{host}:{port}/x");
        // What is refused when it is read is never called.
        if ServiceUrl::new(&url).is_err() {
            continue;
        }
        called += 1;
        let mut options = options(&url);
        options.private = false;
        let delivered = route(options, "").deliver(&parcel(&[]));
        let failure = delivered.result.unwrap_err();
        assert!(matches!(failure, Failure::Defect(_)), "{host}: {failure:?}");
        assert_eq!(fault(&failure).code, "upstream-address", "{host}: {failure:?}");
        assert_eq!(delivered.end, CallEnd::Untold);
    }
    assert!(called >= 20, "only {called} were read at all");
    assert_eq!(listener.connections(), 0);
    assert_eq!(sixth.map_or(0, |sixth| sixth.connections()), 0);
}

#[test]
fn who_is_told_that_it_is_private_is_called() {
    let listener = Scripted::always("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let port = listener.address.port();
    for host in ["127.0.0.1", "localhost"] {
        let route = route(options(&format!("http://{host}:{port}")), "/x");
        assert!(route.deliver(&parcel(&[])).result.is_ok(), "{host}");
    }
    assert_eq!(listener.connections(), 2);
}
