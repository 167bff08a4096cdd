//! Feeds a deframer and writes down what it says, so that two ways of cutting the same bytes can
//! be compared.

use overtime_protocol::http::Phase;
use overtime_protocol::native::{Deframer, Frame, Limits, Message, Reply, Request, Step};
use overtime_protocol::{Code, Opener};
use std::fmt::Debug;
use std::sync::OnceLock;

/// One thing that a deframer said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said<M> {
    Head(Frame<M>),
    Payload(Vec<u8>),
    /// One frame is refused.
    Refused(u32, Code),
    /// Nothing more is read.
    Lost(Code),
}

/// A message of either side whose payload can be looked at.
pub(crate) trait Shown: Message + Clone + Debug + PartialEq {
    fn opened(payload: Self::Payload) -> Vec<u8>;
}

impl Shown for Request {
    fn opened(payload: Self::Payload) -> Vec<u8> {
        static OPENER: OnceLock<Opener> = OnceLock::new();
        let opener = OPENER.get_or_init(|| Opener::mint().expect("minted once a process"));
        opener.open(&payload).expect("in memory").concat()
    }
}

impl Shown for Reply {
    fn opened(payload: Self::Payload) -> Vec<u8> {
        payload.into()
    }
}

/// What a deframer says of `pieces`. Checks on the way what holds for every input.
pub(crate) fn feed<'a, M: Shown>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limits: &Limits,
) -> Vec<Said<M>> {
    let (mut deframer, mut said) = (Deframer::<M>::new(), Vec::new());
    for piece in pieces {
        let mut rest = piece;
        loop {
            let (used, step) = deframer.advance(rest, limits);
            rest = &rest[used..];
            match step {
                Ok(Step::More) => {
                    assert!(rest.is_empty(), "`More` leaves nothing");
                    break;
                }
                Ok(Step::Head(frame)) => said.push(Said::Head(frame)),
                Ok(Step::Payload(payload)) => {
                    assert_eq!(deframer.phase(), Phase::Idle);
                    said.push(Said::Payload(M::opened(payload)));
                }
                Ok(Step::Refused(id, problem)) => said.push(Said::Refused(id, problem.code)),
                Err(problem) => {
                    assert_eq!(deframer.phase(), Phase::Refused);
                    let (used, again) = deframer.advance(b"more", limits);
                    assert_eq!((used, again.err()), (0, Some(problem.clone())));
                    said.push(Said::Lost(problem.code));
                    return said;
                }
            }
        }
    }
    said
}

/// What a deframer says of `bytes`, which must be the same whether they come at once, byte by
/// byte, or in any two pieces.
pub(crate) fn feed_every_way<M: Shown>(bytes: &[u8], limits: &Limits) -> Vec<Said<M>> {
    let at_once = feed([bytes], limits);
    assert_eq!(feed(bytes.chunks(1), limits), at_once, "byte by byte");
    for at in 1..bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert_eq!(feed([first, second], limits), at_once, "cut at {at}");
    }
    at_once
}
