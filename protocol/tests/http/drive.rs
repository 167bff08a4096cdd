//! Feeds a deframer and writes down what it says, so that two ways of cutting the same bytes can
//! be compared.

use overtime_protocol::http::{Deframer, Field, Head, Limits, Phase, Step};
use overtime_protocol::{Code, Opener, Payload, Problem, SegmentPool, SegmentSizes};
use std::sync::OnceLock;

/// One thing that a deframer said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Head(Box<Head>),
    Body(Vec<u8>),
    Refused(Code),
}

/// What a deframer says of `pieces`, and how many bytes it took of them. Checks on the way what
/// holds for every input.
pub(crate) fn feed<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limits: &Limits,
) -> (usize, Vec<Said>) {
    feed_from(pieces, limits, None)
}

/// The same, where bodies are read straight into segments of a few bytes.
pub(crate) fn feed_directly<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limits: &Limits,
) -> Vec<Said> {
    let sizes = SegmentSizes { segment_bytes: 5, direct_min_bytes: 0, free_max: 4 };
    feed_from(pieces, limits, Some(&SegmentPool::new(sizes))).1
}

fn feed_from<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limits: &Limits,
    pool: Option<&SegmentPool>,
) -> (usize, Vec<Said>) {
    let (mut deframer, mut said, mut taken) = (Deframer::new(), Vec::new(), 0);
    for piece in pieces {
        let mut rest = piece.to_vec();
        loop {
            let before = rest.len();
            let step = step(&mut deframer, &mut rest, limits, pool);
            taken += before - rest.len();
            match step {
                Ok(Step::More) if rest.is_empty() => break,
                Ok(Step::More) => assert!(pool.is_some(), "`More` leaves nothing but for room"),
                Ok(Step::Head(head)) => said.push(Said::Head(Box::new(head))),
                Ok(Step::Body(payload)) => {
                    assert_eq!(
                        (deframer.phase(), deframer.body_remaining()),
                        (Phase::Idle, Some(0))
                    );
                    said.push(Said::Body(opened(&payload)));
                    if rest.is_empty() {
                        break;
                    }
                }
                Err(problem) => {
                    stays_refused(&mut deframer, &problem, limits);
                    said.push(Said::Refused(problem.code));
                    return (taken, said);
                }
            }
        }
    }
    (taken, said)
}

/// One step, by way of the deframer's own room if there is a pool and it offers some.
fn step(
    deframer: &mut Deframer,
    rest: &mut Vec<u8>,
    limits: &Limits,
    pool: Option<&SegmentPool>,
) -> Result<Step, Problem> {
    let bytes_left = !rest.is_empty();
    if let Some(pool) = pool.filter(|_| bytes_left)
        && let Some(room) = deframer.spare(pool)
    {
        assert!(!room.is_empty(), "room is room for something");
        let count = room.len().min(rest.len());
        room[..count].copy_from_slice(&rest[..count]);
        let mut behind = Vec::new();
        let step = deframer.filled(count, limits, &mut behind);
        rest.splice(..count, behind);
        return step;
    }
    let (used, step) = deframer.advance(rest, limits);
    rest.drain(..used);
    step
}

/// A refusal is final, whatever comes behind it.
fn stays_refused(deframer: &mut Deframer, problem: &Problem, limits: &Limits) {
    assert_eq!(deframer.phase(), Phase::Refused);
    for input in [&b""[..], b"\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let (used, again) = deframer.advance(input, limits);
        assert_eq!((used, again.as_ref().err()), (0, Some(problem)));
    }
}

fn opened(payload: &Payload) -> Vec<u8> {
    static OPENER: OnceLock<Opener> = OnceLock::new();
    let opener = OPENER.get_or_init(|| Opener::mint().expect("minted once a process"));
    opener.open(payload).expect("in memory").concat()
}

/// What a deframer says of `bytes`, which must be the same whether they come at once, byte by
/// byte, or in any two pieces.
pub(crate) fn feed_every_way(bytes: &[u8], limits: &Limits) -> Vec<Said> {
    let (_, at_once) = feed([bytes], limits);
    assert_eq!(feed(bytes.chunks(1), limits).1, at_once, "byte by byte: {}", bytes.escape_ascii());
    for length in [1, 3, bytes.len().max(1)] {
        let directly = feed_directly(bytes.chunks(length), limits);
        assert_eq!(directly, at_once, "directly by {length}: {}", bytes.escape_ascii());
    }
    for at in 1..bytes.len() {
        let (first, second) = bytes.split_at(at);
        let (_, in_two) = feed([first, second], limits);
        assert_eq!(in_two, at_once, "cut at {at}: {}", bytes.escape_ascii());
        let directly = feed_directly([first, second], limits);
        assert_eq!(directly, at_once, "directly, cut at {at}: {}", bytes.escape_ascii());
    }
    at_once
}

/// The one request that `bytes` are.
pub(crate) fn request(bytes: &[u8]) -> (Box<Head>, Vec<u8>) {
    match <[Said; 2]>::try_from(feed_every_way(bytes, &Limits::default())) {
        Ok([Said::Head(head), Said::Body(body)]) => (head, body),
        other => panic!("no one request: {} is {other:?}", bytes.escape_ascii()),
    }
}

/// Checks that `bytes` end in this refusal, and that a good request behind them never appears.
pub(crate) fn check_refused(bytes: &[u8], code: Code, limits: &Limits) {
    let mut followed = bytes.to_vec();
    followed.extend_from_slice(b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    for bytes in [bytes, &followed] {
        let said = feed_every_way(bytes, limits);
        assert_eq!(said.last(), Some(&Said::Refused(code)), "{}", bytes.escape_ascii());
        let smuggled = |said: &Said| match said {
            Said::Head(head) => head.path() == "/smuggled",
            Said::Body(_) | Said::Refused(_) => false,
        };
        assert!(!said.iter().any(smuggled), "{}", bytes.escape_ascii());
    }
}

/// The fields that a head keeps, for comparing.
pub(crate) const FIELDS: [Field; 12] = [
    Field::Host,
    Field::Authorization,
    Field::ContentType,
    Field::Prefer,
    Field::Priority,
    Field::IdempotencyKey,
    Field::IfNoneMatch,
    Field::Traceparent,
    Field::Origin,
    Field::SecFetchSite,
    Field::Accept,
    Field::LastEventId,
];
