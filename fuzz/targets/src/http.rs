//! The HTTP deframer: what it says of some bytes does not depend on how they were cut or into which
//! memory they were read, it takes nothing behind a refusal, and it stays within its limits.

use crate::allocations::at_most;
use crate::cuts::Cuts;
use crate::opener::opened;
use overtime_protocol::http::{Deframer, Field, Head, Limits, Phase, Step};
use overtime_protocol::{Problem, SegmentPool, SegmentSizes};

/// Reads the bytes behind the cuts and one byte of options.
pub fn run(data: &[u8]) {
    let Some((cuts, [options, bytes @ ..])) = Cuts::take(data) else { return };
    let limits = if options & 1 == 0 { Limits::default() } else { TIGHT };
    let room = MEMORY_BASE_BYTES + 8 * bytes.len();
    let whole = at_most(room, || feed(&[bytes], &limits, None));
    for said in &whole.said {
        check_limits(said, &limits);
    }
    assert!(whole.taken.is_none_or(|taken| taken <= bytes.len()));
    let pieces = cuts.of(bytes);
    assert_eq!(feed(&pieces, &limits, None), whole, "cut");
    let sizes = SegmentSizes {
        segment_bytes: 1 + usize::from(options >> 2),
        direct_min_bytes: u64::from(options & 2) << 5,
        free_max: 4,
    };
    assert_eq!(feed(&pieces, &limits, Some(&SegmentPool::new(sizes))), whole, "read in place");
}

const TIGHT: Limits =
    Limits { head_max_bytes: 120, fields_max: 4, target_max_bytes: 24, body_max_bytes: 40 };

/// A deframer and what is written down here.
const MEMORY_BASE_BYTES: usize = 64 * 1024;

#[derive(Debug, PartialEq, Eq)]
struct Told {
    /// Of a message that is refused, those bytes are taken that came before it was.
    taken: Option<usize>,
    said: Vec<Said>,
    /// Where the last message stands that is not whole.
    phase: Phase,
}

#[derive(Debug, PartialEq, Eq)]
enum Said {
    Head(Box<Head>),
    Body(Vec<u8>),
    Refused(Box<Problem>),
}

fn feed(pieces: &[&[u8]], limits: &Limits, pool: Option<&SegmentPool>) -> Told {
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
                Ok(Step::Body(payload)) => said.push(Said::Body(opened(&payload))),
                Err(problem) => {
                    assert_eq!(deframer.phase(), Phase::Refused);
                    let (used, again) = deframer.advance(b"GET / HTTP/1.1\r\n\r\n", limits);
                    assert_eq!((used, again.err().as_ref()), (0, Some(&problem)));
                    said.push(Said::Refused(Box::new(problem)));
                    return Told { taken: None, said, phase: Phase::Refused };
                }
            }
        }
    }
    Told { taken: Some(taken), said, phase: deframer.phase() }
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
        let count = room.len().min(rest.len());
        assert!(count > 0, "room is room for something");
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

fn check_limits(said: &Said, limits: &Limits) {
    match said {
        Said::Head(head) => {
            let target = head.path().len() + head.query().map_or(0, |query| query.len() + 1);
            // An absolute target may end behind its authority, and is shown as `/`.
            assert!(target <= limits.target_max_bytes.max(1));
            assert!(head.declared_length().is_none_or(|len| len <= limits.body_max_bytes));
            for field in [Field::Host, Field::Prefer, Field::IdempotencyKey] {
                let value = head.field(field).unwrap_or_default();
                assert!(value.is_ascii() && value.len() <= limits.head_max_bytes);
                assert!(!value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t'));
            }
        }
        Said::Body(body) => assert!(body.len() as u64 <= limits.body_max_bytes),
        Said::Refused(problem) => assert!(problem.code.status() >= 400),
    }
}
