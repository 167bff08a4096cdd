//! Good frames, one behind the other.

use crate::cases::{replies, requests};
use crate::drive::{Said, Shown, feed, feed_every_way};
use overtime_protocol::http::Phase;
use overtime_protocol::native::{
    Deframer, Hello, Limits, Message, Reply, Request, Step, Submit, write,
};
use overtime_protocol::{SegmentPool, SegmentSizes};

pub(crate) fn frame<M: Message>(id: u32, message: &M, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(id, message, payload.len() as u64, &mut bytes).unwrap();
    bytes.extend_from_slice(payload);
    bytes
}

pub(crate) fn hello() -> Vec<u8> {
    frame(0, &Request::Hello(Hello::from("test")), b"")
}

pub(crate) fn submit(id: u32, payload: &[u8]) -> Vec<u8> {
    frame(id, &Request::Submit(Box::new(Submit::to("echo"))), payload)
}

fn heads<M: Shown>(said: &[Said<M>]) -> Vec<M> {
    let head = |said: &Said<M>| match said {
        Said::Head(frame) => Some(frame.message.clone()),
        _ => None,
    };
    said.iter().filter_map(head).collect()
}

#[test]
fn a_whole_conversation_is_understood_however_it_is_cut() {
    let cases = requests();
    let bytes: Vec<u8> =
        cases.iter().flat_map(|case| frame(case.id, &case.message, case.payload)).collect();
    let said = feed_every_way::<Request>(&bytes, &Limits::default());
    let expected: Vec<Request> = cases.into_iter().map(|case| case.message).collect();
    assert_eq!(heads(&said), expected);

    let mut cases = replies();
    cases.retain(|case| case.file != "hello-refused");
    let bytes: Vec<u8> =
        cases.iter().flat_map(|case| frame(case.id, &case.message, case.payload)).collect();
    let said = feed_every_way::<Reply>(&bytes, &Limits::default());
    let expected: Vec<_> = cases.into_iter().map(|case| case.message).collect();
    assert_eq!(heads(&said), expected);
}

#[test]
fn a_long_payload_comes_in_segments_and_whole() {
    let payload: Vec<u8> = (0..300_000_u32).map(|at| at as u8).collect();
    let bytes = [hello(), submit(1, &payload), submit(2, b"")].concat();
    for size in [1_000, 65_536, bytes.len()] {
        let said = feed::<Request>(bytes.chunks(size), &Limits::default());
        let payloads: Vec<_> =
            said.iter().filter(|said| matches!(said, Said::Payload(_))).collect();
        assert_eq!(payloads, [&Said::Payload(payload.clone()), &Said::Payload(Vec::new())]);
    }
}

/// Reads the payload straight into its segments wherever it may, `piece` bytes at a time.
fn feed_direct(bytes: &[u8], piece: usize, sizes: SegmentSizes) -> (Vec<Vec<u8>>, u64) {
    let (mut deframer, limits) = (Deframer::<Request>::new(), Limits::default());
    let (pool, mut rest, mut payloads) = (SegmentPool::new(sizes), bytes, Vec::new());
    loop {
        let step = match deframer.spare(&pool) {
            Some(room) => {
                let count = room.len().min(piece).min(rest.len());
                room[..count].copy_from_slice(&rest[..count]);
                rest = &rest[count..];
                deframer.filled(count)
            }
            None => {
                let (used, step) = deframer.advance(&rest[..rest.len().min(piece)], &limits);
                rest = &rest[used..];
                step.unwrap()
            }
        };
        match step {
            Step::Payload(payload) => payloads.push(Request::opened(payload)),
            Step::More if rest.is_empty() => return (payloads, deframer.copied()),
            Step::More | Step::Head(_) => {}
            Step::Refused(id, problem) => panic!("{id}: {problem:?}"),
        }
    }
}

#[test]
fn a_payload_that_is_read_straight_into_its_segments_is_the_same() {
    let long: Vec<u8> = (0..1_000_u32).map(|at| at as u8).collect();
    let bytes = [hello(), submit(1, &long), submit(2, b"short"), submit(3, &long)].concat();
    let expected = vec![long.clone(), b"short".to_vec(), long];
    let sizes = SegmentSizes { segment_bytes: 64, direct_min_bytes: 100, free_max: 4 };
    for piece in 1..200 {
        let (payloads, copied) = feed_direct(&bytes, piece, sizes);
        assert_eq!(payloads, expected, "{piece}");
        // What comes with a head is copied, and a short payload always is.
        assert!((5..=5 + 2 * piece as u64).contains(&copied), "{copied} of {piece}");
    }
}

#[test]
fn phases_follow_the_frame() {
    let (mut deframer, limits) = (Deframer::<Request>::new(), Limits::default());
    let (hello, submit) = (hello(), submit(1, b"abc"));
    let mut feed = |bytes: &[u8]| {
        let (used, step) = deframer.advance(bytes, &limits);
        assert!(step.is_ok());
        (used, deframer.phase(), deframer.is_opened())
    };
    assert_eq!(feed(b""), (0, Phase::Idle, false));
    assert_eq!(feed(&hello[..3]), (3, Phase::Head, false));
    assert_eq!(feed(&hello[3..]), (hello.len() - 3, Phase::Idle, true));
    let head = submit.len() - 3;
    assert_eq!(feed(&submit), (head, Phase::Body, true));
    assert_eq!(feed(b"ab"), (2, Phase::Body, true));
    assert_eq!(feed(b"c\xf5"), (1, Phase::Idle, true));
}

#[test]
fn an_unwanted_payload_is_passed_over() {
    for (size, lost) in [(65_536, false), (65_537, true)] {
        let payload = vec![7; size];
        let bytes = [hello(), submit(1, &payload), submit(2, b"next")].concat();
        let said = feed_refusing_first(&bytes);
        let expected: &[Option<u32>] = if lost { &[Some(1), None] } else { &[Some(1), Some(2)] };
        assert_eq!(said, expected, "{size}");
    }
}

/// The ids of the submissions, the first of which is refused; `None` if nothing more is read.
fn feed_refusing_first(bytes: &[u8]) -> Vec<Option<u32>> {
    let (mut deframer, limits) = (Deframer::<Request>::new(), Limits::default());
    let problem = overtime_protocol::Problem::new(overtime_protocol::Code::Backlog, "");
    let (mut rest, mut said) = (bytes, Vec::new());
    loop {
        let (used, step) = deframer.advance(rest, &limits);
        rest = &rest[used..];
        match step {
            Ok(Step::Head(frame)) if frame.id > 0 => {
                said.push(Some(frame.id));
                if frame.id == 1 {
                    deframer.pass_over(&problem);
                }
            }
            Ok(Step::More) => return said,
            Ok(_) => {}
            Err(again) => {
                assert_eq!(again, problem);
                said.push(None);
                return said;
            }
        }
    }
}
