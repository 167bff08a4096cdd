//! Bodies that are refused, and framing that does not tell one end. Behind each stands a good
//! request that must never appear.

use crate::drive::{Said, check_refused, feed};
use overtime_protocol::http::{Deframer, Limits, Step};
use overtime_protocol::{Code, SegmentPool};

fn check(bytes: impl AsRef<[u8]>, code: Code) {
    check_refused(bytes.as_ref(), code, &Limits::default());
}

/// Checks POST requests with these framing lines and nothing behind them.
fn check_framing(code: Code, cases: &[&str]) {
    for lines in cases {
        check(format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n"), code);
    }
}

#[test]
fn two_lengths() {
    check_framing(
        Code::AmbiguousFraming,
        &[
            "Content-Length: 5\r\nContent-Length: 6",
            "Content-Length: 5\r\nContent-Length: 5",
            "Content-Length: 5\r\nContent-Length: x",
            "Content-Length: 5,5",
            "Content-Length: 5, 6",
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 0",
            "Transfer-Encoding: gzip\r\nContent-Length: 5",
        ],
    );
}

#[test]
fn lengths_that_are_no_number() {
    check_framing(
        Code::MalformedRequest,
        &[
            "Content-Length:",
            "Content-Length: +5",
            "Content-Length: -5",
            "Content-Length: 0x5",
            "Content-Length: 5 5",
            "Content-Length: 5.0",
            "Content-Length: 5;",
            "Content-Length: \"5\"",
            "Content-Length: 00000000000000000005",
            "Content-Length: 99999999999999999999",
            "Content-Length: five",
        ],
    );
    check(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \xb2\r\n\r\n", Code::MalformedRequest);
}

#[test]
fn transfer_codings_that_hide_the_end() {
    check_framing(
        Code::AmbiguousFraming,
        &[
            "Transfer-Encoding: identity",
            "Transfer-Encoding: gzip",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding: chunked, chunked",
            "Transfer-Encoding: chunked, gzip",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            "Transfer-Encoding: gzip, chunked, chunked",
        ],
    );
    check_framing(
        Code::MalformedRequest,
        &[
            "Transfer-Encoding:",
            "Transfer-Encoding: chunked,",
            "Transfer-Encoding: ,chunked",
            "Transfer-Encoding: chunked;q=1",
            "Transfer-Encoding: \"chunked\"",
            "Transfer-Encoding: chunked chunked",
        ],
    );
    let coded = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\xa0\r\n\r\n";
    check(coded, Code::MalformedRequest);
    for coding in ["chunked", "gzip, chunked"] {
        let old = format!("POST / HTTP/1.0\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n");
        check(old, Code::AmbiguousFraming);
    }
}

#[test]
fn transfer_codings_that_are_not_implemented() {
    check_framing(
        Code::TransferCodingUnknown,
        &[
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: identity, Chunked",
        ],
    );
}

#[test]
fn bodies_that_are_too_large() {
    let limits = Limits { body_max_bytes: 4, ..Limits::default() };
    let length = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    check_refused(length.as_bytes(), Code::PayloadTooLarge, &limits);
    for chunks in
        ["5\r\n", "4\r\nabcd\r\n1\r\n", "FFFFFFFFFFFFFFFF\r\n", "1\r\na\r\nffffffffffffffff;a\r\n"]
    {
        let text =
            format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        check_refused(text.as_bytes(), Code::PayloadTooLarge, &limits);
    }
}

#[test]
fn chunks() {
    for chunks in [
        "\r\n",
        "5 \r\n",
        " 5\r\n",
        "+5\r\n",
        "-5\r\n",
        "0x5\r\n",
        "5_0\r\n",
        "g\r\n",
        "\t5\r\n",
        ";a\r\n",
        "00000000000000005\r\n",
        "5\n",
        "5\rx",
        "5\r\r\n",
        "\u{ff15}\r\n",
        "1\r\nxy",
        "1\r\nx\n",
        "1\r\nx\rx",
        "1\r\nx\r\n\r\n",
        "1\r\nx0\r\n\r\n",
        "0\r\n\n",
        "0\r\n\rx",
        "0\n\r\n",
        "0\r\nA\r\n\r\n",
        "0\r\n: b\r\n\r\n",
        "0\r\nA : b\r\n\r\n",
        "0\r\nA: b\n\r\n",
        "0\r\nA: b\rc\r\n\r\n",
        "0\r\nA: \0\r\n\r\n",
        "0\r\n A: b\r\n\r\n",
        "0\r\nA: b\r\n c\r\n\r\n",
        "0\r\nA(: b\r\n\r\n",
        "1;\r\n",
        "1;;a\r\n",
        "1; a\r\n",
        "1 ;a\r\n",
        "1;a =b\r\n",
        "1;a= b\r\n",
        "1;a=\r\n",
        "1;a=b c\r\n",
        "1;a=\"\r\n",
        "1;a=\"b\"c\r\n",
        "1;a=\"\n\"\r\n",
        "1;a=\"\\\r\n",
        "1;a=\"\0\"\r\n",
        "1;a\n",
        "1;a\rx",
        "1;a(\r\n",
        "1;=b\r\n",
        "1;a=b=c\r\n",
        "1;\u{e4}\r\n",
        "1,a\r\n",
    ] {
        let text =
            format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        check(text, Code::MalformedChunk);
    }
}

fn chunked(body: &str) -> Vec<u8> {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    format!("{head}{body}").into_bytes()
}

/// Whether these chunks are taken, fed at once.
fn is_taken(body: &str) -> bool {
    let bytes = chunked(body);
    let (taken, said) = feed([&bytes[..]], &Limits::default());
    taken == bytes.len() && matches!(said.last(), Some(Said::Body(_)))
}

#[test]
fn overhead_of_chunks_is_bounded() {
    let extended = |length: usize| format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(length - 1));
    assert!(is_taken(&extended(256)));
    assert!(!is_taken(&extended(257)));
    let many =
        |chunks| format!("{}0\r\n\r\n", format!("1;{}\r\nx\r\n", "a".repeat(255)).repeat(chunks));
    assert!(is_taken(&many(63)));
    assert!(!is_taken(&many(65)));
    let trailer = |length: usize| format!("0\r\nA:{}\r\n\r\n", "b".repeat(length));
    assert!(is_taken(&trailer(16_000)));
    assert!(!is_taken(&trailer(17_000)));
}

/// What a large body of unknown length costs to copy: nothing of a chunk's data that is read
/// apart from its framing, and otherwise a move within what was read.
#[test]
fn data_without_framing_before_it_is_not_moved() {
    let (pool, limits) = (SegmentPool::default(), Limits::default());
    let mut deframer = Deframer::new();
    let head = chunked("20000\r\n");
    let (used, step) = deframer.advance(&head, &limits);
    assert!(matches!(step, Ok(Step::Head(_))));
    assert!(matches!(deframer.advance(&head[used..], &limits), (_, Ok(Step::More))));
    for _ in 0..2 {
        let room = deframer.spare(&pool).expect("the chunk is large").len();
        assert_eq!(room, 0x10000);
        let step = deframer.filled(room, &limits, &mut Vec::new());
        assert!(matches!(step, Ok(Step::More)));
    }
    assert_eq!((deframer.body_received(), deframer.copied()), (0x20000, 0));
    let (end, mut behind) = (b"\r\n3\r\nabc\r\n0\r\n\r\nGET", Vec::new());
    deframer.spare(&pool).expect("the body is large")[..end.len()].copy_from_slice(end);
    let step = deframer.filled(end.len(), &limits, &mut behind);
    assert!(matches!(step, Ok(Step::Body(payload)) if payload.len() == 0x20003));
    assert_eq!((deframer.copied(), behind), (3, b"GET".to_vec()));
}

#[test]
fn a_small_body_offers_no_room() {
    let (pool, limits) = (SegmentPool::default(), Limits::default());
    for (length, offers) in [(65_535, false), (65_536, true)] {
        let mut deframer = Deframer::new();
        assert!(deframer.spare(&pool).is_none());
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        assert!(matches!(deframer.advance(head.as_bytes(), &limits).1, Ok(Step::Head(_))));
        assert_eq!(deframer.spare(&pool).is_some(), offers, "{length}");
    }
}

#[test]
fn a_body_that_nobody_wants_is_passed_over_and_what_is_behind_it_is_not() {
    let limits = Limits::default();
    let text = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nrefuseGET /b HTTP/1.1\r\n";
    for cut in 0..=6 {
        let mut deframer = Deframer::new();
        let (used, step) = deframer.advance(text.as_bytes(), &limits);
        assert!(matches!(step, Ok(Step::Head(_))));
        deframer.pass_over_body();
        assert!(deframer.spare(&SegmentPool::default()).is_none());
        let (body, behind) = text.as_bytes()[used..].split_at(cut);
        let mut taken = deframer.advance(body, &limits);
        if cut < 6 {
            assert!(matches!(taken, (_, Ok(Step::More))), "{cut}");
            assert_eq!(deframer.body_remaining(), Some(6 - cut as u64));
            taken = deframer.advance(behind, &limits);
        }
        assert!(matches!(taken.1, Ok(Step::Body(payload)) if payload.is_empty()), "{cut}");
        assert_eq!(deframer.copied(), 0);
        assert_eq!(&text.as_bytes()[used + 6..][..4], b"GET ");
    }
}
