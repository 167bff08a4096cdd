//! Wrong frames: each is refused by name, alone if its end is known and with all that follows if
//! it is not.

use crate::drive::{Said, feed_every_way};
use crate::frames::{frame, hello, submit};
use overtime_protocol::Code;
use overtime_protocol::native::{Hello, Limits, Reply, Request};

/// Bytes behind a hello of which nothing is read, and nothing behind them.
fn check_lost(bytes: &[u8], code: Code) {
    let bytes = [&hello(), bytes, &submit(9, b"smuggled")].concat();
    let said = feed_every_way::<Request>(&bytes, &Limits::default());
    assert_eq!(said[1..], [Said::Lost(code)]);
}

/// A good submission with one byte of its preamble changed.
fn changed(at: usize, byte: u8) -> Vec<u8> {
    let mut bytes = submit(1, b"abc");
    bytes[at] = byte;
    bytes
}

#[test]
fn preambles_that_cannot_be_read_end_the_reading() {
    check_lost(&changed(0, b'G'), Code::MalformedFrame);
    check_lost(&changed(1, 2), Code::VersionUnsupported);
    check_lost(&changed(1, 0xff), Code::VersionUnsupported);
    check_lost(&changed(1, 0), Code::MalformedFrame);
    for kind in [0x00, 0x0B, 0x80, 0x81, 0x83, 0xff] {
        check_lost(&changed(2, kind), Code::MalformedFrame);
    }
    check_lost(&changed(3, 1), Code::MalformedFrame);
    check_lost(&changed(4, 0), Code::MalformedFrame);
    check_lost(&changed(9, 0x11), Code::HeadTooLarge);
    check_lost(&changed(9, 0xff), Code::HeadTooLarge);
    check_lost(&changed(10, 1), Code::MalformedFrame);
    check_lost(&changed(11, 1), Code::MalformedFrame);
    check_lost(&frame(1, &Request::Ping, b"x"), Code::MalformedFrame);
    check_lost(&frame(0, &Request::Ping, b""), Code::MalformedFrame);
    check_lost(&hello(), Code::MalformedFrame);
}

#[test]
fn the_first_frame_is_a_hello() {
    let limits = Limits::default();
    let hello_with_id = frame(1, &Request::Hello(Hello::from("test")), b"");
    for bytes in [submit(1, b"abc"), frame(1, &Request::Ping, b""), hello_with_id] {
        let said = feed_every_way::<Request>(&bytes, &limits);
        assert_eq!(said, [Said::Lost(Code::MalformedFrame)]);
    }
    let said = feed_every_way::<Reply>(&frame(1, &Reply::Pong, b""), &limits);
    assert_eq!(said, [Said::Lost(Code::MalformedFrame)]);
}

#[test]
fn a_hello_may_say_more_than_is_understood_and_nothing_else_may() {
    let mut grown = hello();
    grown[8] += 4;
    // No key, and what a later version has to say.
    grown.extend_from_slice(b"\0new");
    let said = feed_every_way::<Request>(&[grown, submit(1, b"")].concat(), &Limits::default());
    assert!(matches!(&said[..], [Said::Head(_), Said::Head(_), Said::Payload(_)]), "{said:?}");

    let mut grown = submit(1, b"");
    grown[8] += 1;
    grown.push(0);
    let said = feed_every_way::<Request>(&[hello(), grown].concat(), &Limits::default());
    assert_eq!(said[1..], [Said::Refused(1, Code::MalformedFrame)]);
}

#[test]
fn a_hello_that_cannot_be_read_ends_the_reading() {
    let mut bytes = hello();
    bytes[22] = 200;
    let mut with_half_a_key = hello();
    with_half_a_key[8] += 3;
    with_half_a_key.extend_from_slice(b"\x05ot");
    for bytes in [bytes, with_half_a_key] {
        let said = feed_every_way::<Request>(&bytes, &Limits::default());
        assert_eq!(said, [Said::Lost(Code::MalformedFrame)]);
    }
}

#[test]
fn a_header_that_cannot_be_read_refuses_its_frame_alone() {
    // The kind's length; the kind, in what is not UTF-8; the form; the first option.
    for (at, byte) in [(20, 200), (20, 255), (21, 0xff), (25, 2), (26, 2)] {
        let mut wrong = submit(1, b"abc");
        wrong[at] = byte;
        let bytes = [hello(), wrong, submit(2, b"next")].concat();
        let said = feed_every_way::<Request>(&bytes, &Limits::default());
        assert_eq!(said[1], Said::Refused(1, Code::MalformedFrame), "{byte} at {at}");
        assert_eq!(said.last(), Some(&Said::Payload(b"next".to_vec())), "{byte} at {at}");
    }
}

#[test]
fn a_payload_over_the_limit_is_refused_before_it_comes() {
    let limits = Limits { payload_max_bytes: 4 };
    let fits = [hello(), submit(1, b"1234"), submit(2, b"12345"), submit(3, b"1")].concat();
    let said = feed_every_way::<Request>(&fits, &limits);
    assert_eq!(said[3], Said::Refused(2, Code::PayloadTooLarge));
    assert_eq!(said.last(), Some(&Said::Payload(b"1".to_vec())));

    for claimed in [65_537, u64::MAX] {
        let mut bytes = [hello(), submit(1, b"")].concat();
        let at = bytes.len() - submit(1, b"").len() + 12;
        bytes[at..at + 8].copy_from_slice(&claimed.to_le_bytes());
        let said = feed_every_way::<Request>(&bytes, &limits);
        let lost = [Said::Refused(1, Code::PayloadTooLarge), Said::Lost(Code::PayloadTooLarge)];
        assert_eq!(said[1..], lost);
    }
}

#[test]
fn versions_are_agreed_on() {
    let offers = |version_min, version_max| {
        let client = "test".into();
        Hello { version_min, version_max, client, key: None }.version()
    };
    assert_eq!(offers(1, 1), Some(1));
    assert_eq!(offers(0, 9), Some(1));
    assert_eq!((offers(2, 9), offers(0, 0), offers(9, 1)), (None, None, None));
}
