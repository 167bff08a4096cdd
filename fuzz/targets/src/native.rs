//! The native protocol: what a deframer says of some bytes does not depend on how they were cut,
//! every message that was read is written and read again as it was, and what it asks for is decided
//! without a panic.

use crate::allocations::at_most;
use crate::cuts::Cuts;
use crate::opener::opened;
use overtime_protocol::http::Phase;
use overtime_protocol::native::{
    Deframer, Frame, HEADER_MAX_BYTES, Hello, Limits, Message, PREAMBLE_BYTES, Reply, Request,
    Step, Welcome, write,
};
use overtime_protocol::{Problem, SegmentPool, SegmentSizes};
use std::fmt::Debug;

/// Reads the bytes behind the cuts and one byte of options, which says whose they are.
pub fn run(data: &[u8]) {
    let Some((cuts, [options, bytes @ ..])) = Cuts::take(data) else { return };
    if options & 1 == 0 {
        check::<Request>(cuts, *options, bytes);
    } else {
        check::<Reply>(cuts, *options, bytes);
    }
}

/// A message of either side whose payload can be looked at.
trait Shown: Message + Clone + Debug + PartialEq {
    fn opened(payload: Self::Payload) -> Vec<u8>;
    /// What a side says first.
    fn first() -> Self;
    /// Decides what is asked for, if something is.
    fn decide(&self) {}
}

impl Shown for Request {
    fn opened(payload: Self::Payload) -> Vec<u8> {
        opened(&payload)
    }

    fn first() -> Self {
        Self::Hello(Hello::from(""))
    }

    fn decide(&self) {
        match self {
            Self::Hello(hello) => drop(hello.version()),
            Self::Submit(submit) => drop(submit.call()),
            Self::Get(get) => drop(get.call()),
            Self::GetContact(get) => drop(get.call()),
            Self::Cancel(named) | Self::Retry(named) | Self::Explain(named) => drop(named.id()),
            Self::List(listing) => drop(listing.tasks()),
            Self::Errors(listing) => drop(listing.errors()),
            Self::Ping => {}
        }
    }
}

impl Shown for Reply {
    fn opened(payload: Self::Payload) -> Vec<u8> {
        payload.into()
    }

    fn first() -> Self {
        Self::Welcome(Welcome::new(""))
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Said<M> {
    Head(Frame<M>),
    Payload(Vec<u8>),
    Refused(u32, Problem),
    Lost(Problem),
}

const PAYLOAD_MAX_BYTES: u64 = 300;

/// A deframer with a head in parts, and what is written down here.
const MEMORY_BASE_BYTES: usize = 64 * 1024;

fn check<M: Shown<Payload: Debug>>(cuts: Cuts, options: u8, bytes: &[u8]) {
    // A short frame asks for little memory, however many there are.
    let room = MEMORY_BASE_BYTES + 64 * bytes.len();
    let whole = at_most(room, || feed::<M>(&[bytes], None));
    for said in &whole {
        match said {
            Said::Head(frame) => check_head(frame),
            Said::Payload(payload) => assert!(payload.len() as u64 <= PAYLOAD_MAX_BYTES),
            Said::Refused(_, problem) | Said::Lost(problem) => {
                assert!(problem.code.status() >= 400);
            }
        }
    }
    let pieces = cuts.of(bytes);
    assert_eq!(feed::<M>(&pieces, None), whole, "cut");
    let sizes = SegmentSizes {
        segment_bytes: 1 + usize::from(options >> 2),
        direct_min_bytes: u64::from(options & 2) << 5,
        free_max: 4,
    };
    let directly = feed::<M>(&pieces, Some(&SegmentPool::new(sizes)));
    assert_eq!(directly, whole, "read in place");
}

fn check_head<M: Shown<Payload: Debug>>(frame: &Frame<M>) {
    frame.message.decide();
    let mut written = Vec::new();
    let payload_len = frame.payload_len.unwrap_or_default();
    write(frame.id, &frame.message, payload_len, &mut written).expect("it came in such a header");
    assert!(written.len() <= PREAMBLE_BYTES + HEADER_MAX_BYTES);
    // Some frames can only be the first, others only come later.
    let first = Deframer::<M>::new().advance(&written, &LIMITS);
    let (used, step) = match first {
        (_, Ok(Step::Head(_))) => first,
        _ => after_first::<M>().advance(&written, &LIMITS),
    };
    let Ok(Step::Head(again)) = step else { panic!("{step:?} for {frame:?}") };
    assert_eq!(used, written.len());
    assert_eq!(again, *frame);
}

const LIMITS: Limits = Limits { payload_max_bytes: PAYLOAD_MAX_BYTES };

/// A deframer that has read the first frame of its side.
fn after_first<M: Shown>() -> Deframer<M> {
    let (mut bytes, mut deframer) = (Vec::new(), Deframer::new());
    write(0, &M::first(), 0, &mut bytes).expect("it is short");
    deframer.advance(&bytes, &LIMITS).1.expect("it may come first");
    deframer
}

fn feed<M: Shown>(pieces: &[&[u8]], pool: Option<&SegmentPool>) -> Vec<Said<M>> {
    let (mut deframer, mut said) = (Deframer::<M>::new(), Vec::new());
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let (used, step) = step(&mut deframer, rest, pool);
            rest = &rest[used..];
            match step {
                Ok(Step::More) if rest.is_empty() => break,
                Ok(Step::More) => assert!(pool.is_some(), "`More` leaves nothing but for room"),
                Ok(Step::Head(frame)) => said.push(Said::Head(frame)),
                Ok(Step::Payload(payload)) => said.push(Said::Payload(M::opened(payload))),
                Ok(Step::Refused(id, problem)) => said.push(Said::Refused(id, problem)),
                Err(problem) => {
                    assert_eq!(deframer.phase(), Phase::Refused);
                    let (used, again) = deframer.advance(b"more", &LIMITS);
                    assert_eq!((used, again.err().as_ref()), (0, Some(&problem)));
                    said.push(Said::Lost(problem));
                    return said;
                }
            }
        }
    }
    said
}

fn step<M: Shown>(
    deframer: &mut Deframer<M>,
    rest: &[u8],
    pool: Option<&SegmentPool>,
) -> (usize, Result<Step<M>, Problem>) {
    if !rest.is_empty()
        && let Some(room) = pool.and_then(|pool| deframer.spare(pool))
    {
        let count = room.len().min(rest.len());
        assert!(count > 0, "room is room for something");
        room[..count].copy_from_slice(&rest[..count]);
        return (count, Ok(deframer.filled(count)));
    }
    deframer.advance(rest, &LIMITS)
}
