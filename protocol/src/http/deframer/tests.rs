//! Where a deframer stands, and what it counts.

use super::*;

#[test]
fn a_deframer_is_small() {
    assert!(size_of::<Deframer>() <= 128, "{}", size_of::<Deframer>());
}

#[test]
fn phases_follow_the_message() {
    let (mut deframer, limits) = (Deframer::new(), Limits::default());
    let mut feed = |bytes: &[u8]| {
        let (used, step) = deframer.advance(bytes, &limits);
        assert!(step.is_ok());
        (used, deframer.phase(), deframer.body_remaining())
    };
    assert_eq!(feed(b""), (0, Phase::Idle, Some(0)));
    assert_eq!(feed(b"\r\n"), (2, Phase::Idle, Some(0)));
    assert_eq!(feed(b"GET / HTTP/1.1\r\nHost: a\r\n"), (25, Phase::Head, Some(0)));
    assert_eq!(feed(b"Content-Length: 3\r\n\r\nabc"), (21, Phase::Body, Some(3)));
    assert_eq!(feed(b"ab"), (2, Phase::Body, Some(1)));
    assert_eq!(feed(b"cGET"), (1, Phase::Idle, Some(0)));
}

#[test]
fn what_was_copied_stays_counted_when_the_body_is_refused() {
    let (mut deframer, limits) = (Deframer::new(), Limits::default());
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert!(deframer.advance(head, &limits).1.is_ok());
    assert!(deframer.advance(b"5\r\nhello\r\n", &limits).1.is_ok());
    assert!(deframer.advance(b"nonsense", &limits).1.is_err());
    assert_eq!(deframer.copied(), 5);
}

#[test]
fn the_bytes_of_a_body_that_comes_with_its_head_stay_out_of_the_head() {
    let (mut deframer, limits) = (Deframer::new(), Limits::default());
    assert_eq!(deframer.advance(b"GET / HTTP/1.1\r\n", &limits).0, 16);
    let (used, step) =
        deframer.advance(b"Host: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n", &limits);
    assert_eq!(used, 9 + 28 + 2);
    assert!(matches!(step, Ok(Step::Head(_))));
    assert_eq!(deframer.body_remaining(), None);
}

#[test]
fn a_body_that_nobody_wants_is_passed_over_and_nothing_of_it_kept() {
    let (mut deframer, limits) = (Deframer::new(), Limits::default());
    let pool = SegmentPool::default();
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    assert!(matches!(deframer.advance(head, &limits), (_, Ok(Step::Head(_)))));
    deframer.pass_over_body();
    assert!(deframer.spare(&pool).is_none());
    assert!(matches!(deframer.advance(&[b'x'; 60_000], &limits), (60_000, Ok(Step::More))));
    assert_eq!((deframer.body_remaining(), deframer.body_received()), (Some(40_000), 0));
    let (used, step) = deframer.advance(&[b'x'; 60_000], &limits);
    let Ok(Step::Body(payload)) = step else { panic!("{step:?}") };
    assert_eq!((used, payload.len(), deframer.copied()), (40_000, 0, 0));
    assert_eq!(deframer.phase(), Phase::Idle);
}
