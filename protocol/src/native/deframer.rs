//! Bytes in, messages out. A deframer belongs to one side of one connection and knows where in a
//! frame that side stands. It never reads behind the frame it is in, keeps no byte before it has
//! checked its length, and once it has lost count it says so and reads nothing more.

use super::head::Head;
use super::limits::{DISCARD_MAX_BYTES, HEADER_MAX_BYTES, Limits};
use super::message::Message;
use super::preamble::{PREAMBLE_BYTES, malformed};
use crate::http::Phase;
use crate::problem::{Code, Problem};
use crate::segments::{Expected, SegmentPool, Segments};

/// Cuts the bytes of one side of a connection into messages. While idle it owns no heap memory.
#[derive(Debug)]
pub struct Deframer<M> {
    state: State,
    /// The first frame has come.
    opened: bool,
    /// Bytes of earlier payloads that were copied.
    copied: u64,
    side: std::marker::PhantomData<M>,
}

/// A frame up to its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<M> {
    /// Chosen by the client; an answer has the id of its request. 0 if the message is about the
    /// connection.
    pub id: u32,
    /// What is said.
    pub message: M,
    /// How long the payload is that follows; `None` if the message has none by its type.
    pub payload_len: Option<u64>,
}

/// What was reached.
#[derive(Debug)]
pub enum Step<M: Message> {
    /// Nothing yet: all of the input was taken, more is needed.
    More,
    /// A message. Its payload, if it has one by its type, comes with a later step, also if it is
    /// empty.
    Head(Frame<M>),
    /// The payload of the message that came before.
    Payload(M::Payload),
    /// The frame with this id is refused and never seen; those behind it are read on.
    Refused(u32, Problem),
}

#[derive(Debug)]
enum State {
    Between,
    /// A preamble and header that came in pieces.
    Head(Vec<u8>),
    Payload {
        left: u64,
        segments: Segments,
    },
    /// The payload of a refused frame, of which so much is still to come.
    Passing {
        left: u64,
    },
    Refused(Box<Problem>),
}

impl<M: Message> Default for Deframer<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: Message> Deframer<M> {
    /// A deframer for a new connection.
    pub fn new() -> Self {
        Self { state: State::Between, opened: false, copied: 0, side: std::marker::PhantomData }
    }

    /// Where in a frame the connection stands.
    pub fn phase(&self) -> Phase {
        match self.state {
            State::Between => Phase::Idle,
            State::Head(_) => Phase::Head,
            State::Payload { .. } | State::Passing { .. } => Phase::Body,
            State::Refused(_) => Phase::Refused,
        }
    }

    /// Room to read the next bytes of a long payload into, so that they need not be copied; `None`
    /// if they are to come by [`Deframer::advance`]. Read into the front of it, then say how much
    /// it was to [`Deframer::filled`].
    pub fn spare(&mut self, pool: &SegmentPool) -> Option<&mut [u8]> {
        match &mut self.state {
            State::Payload { left, segments } if *left > 0 => {
                let is_long = segments.len().saturating_add(*left) >= pool.sizes().direct_min_bytes;
                is_long.then(|| segments.spare(Expected::Exactly(*left), pool))
            }
            _ => None,
        }
    }

    /// Takes the first `count` bytes of the room that [`Deframer::spare`] gave last.
    pub fn filled(&mut self, count: usize) -> Step<M> {
        let State::Payload { left, segments } = &mut self.state else {
            unreachable!("room is given within a payload only");
        };
        *left -= count as u64;
        segments.take(count, 0);
        self.after_payload()
    }

    /// How many bytes of payloads were copied since they were read, in all.
    pub fn copied(&self) -> u64 {
        match &self.state {
            State::Payload { segments, .. } => self.copied + segments.copied(),
            _ => self.copied,
        }
    }

    /// How many bytes of a payload are still to come, be it to be passed over; 0 outside one.
    pub fn payload_remaining(&self) -> u64 {
        match self.state {
            State::Payload { left, .. } | State::Passing { left } => left,
            State::Between | State::Head(_) | State::Refused(_) => 0,
        }
    }

    /// Whether the first frame has come.
    pub fn is_opened(&self) -> bool {
        self.opened
    }

    /// Takes bytes from the start of `input` until a step is reached; returns how many it took.
    ///
    /// Behind a [`Step::Head`] with a payload the caller decides whether it wants it, and then
    /// calls again with what follows, be it nothing. Bytes behind a frame are never taken by the
    /// call that ends it. With [`Step::More`] all of `input` was taken.
    ///
    /// # Errors
    /// What comes cannot be read any more: each later call takes nothing and returns the same
    /// problem.
    pub fn advance(&mut self, input: &[u8], limits: &Limits) -> (usize, Result<Step<M>, Problem>) {
        let passed = self.pass(input);
        match self.step(&input[passed..], limits) {
            Ok((used, step)) => (passed + used, Ok(step)),
            Err(problem) => {
                if !matches!(self.state, State::Refused(_)) {
                    self.state = State::Refused(Box::new(problem.clone()));
                }
                (0, Err(problem))
            }
        }
    }

    /// Refuses the frame whose head came last: its payload is passed over unseen, and the frames
    /// behind it are read on. If it is longer than [`DISCARD_MAX_BYTES`], nothing is read any
    /// more, and this problem says why.
    pub fn pass_over(&mut self, problem: &Problem) {
        if let State::Payload { left, .. } = self.state {
            self.pass_over_next(left, problem);
        }
    }

    /// Lets go of a payload that has come in part. What comes behind it cannot be read any more.
    pub fn forget(&mut self) {
        self.copied = self.copied();
        self.state = State::Between;
    }

    fn pass_over_next(&mut self, left: u64, problem: &Problem) {
        self.state = match left {
            0 => State::Between,
            1..=DISCARD_MAX_BYTES => State::Passing { left },
            _ => State::Refused(Box::new(problem.clone())),
        };
    }

    /// Takes what belongs to the payload of a refused frame.
    fn pass(&mut self, input: &[u8]) -> usize {
        let State::Passing { left } = &mut self.state else { return 0 };
        let now = at_most(input, *left);
        *left -= now as u64;
        if *left == 0 {
            self.state = State::Between;
        }
        now
    }

    fn step(&mut self, input: &[u8], limits: &Limits) -> Result<(usize, Step<M>), Problem> {
        match &mut self.state {
            State::Between if input.is_empty() => Ok((0, Step::More)),
            State::Between => self.start(input, limits),
            State::Head(bytes) => {
                let bytes = std::mem::take(bytes);
                self.go_on(bytes, input, limits)
            }
            State::Payload { left, segments } => {
                let now = &input[..at_most(input, *left)];
                segments.extend(now, Expected::Exactly(*left));
                *left -= now.len() as u64;
                Ok((now.len(), self.after_payload()))
            }
            State::Passing { .. } => Ok((0, Step::More)),
            State::Refused(problem) => Err((**problem).clone()),
        }
    }

    /// A head that comes whole is read where it lies; only one that does not is kept.
    fn start(&mut self, input: &[u8], limits: &Limits) -> Result<(usize, Step<M>), Problem> {
        match Head::read::<M>(input, self.opened)? {
            Some(head) => Ok((head.len, self.take_head(&head, input, limits)?)),
            None => {
                self.state = State::Head(input.to_vec());
                Ok((input.len(), Step::More))
            }
        }
    }

    /// Takes what belongs to a head of which a part is kept from the start of `input`.
    fn go_on(
        &mut self,
        mut bytes: Vec<u8>,
        input: &[u8],
        limits: &Limits,
    ) -> Result<(usize, Step<M>), Problem> {
        let kept = bytes.len();
        let room = PREAMBLE_BYTES + HEADER_MAX_BYTES - kept;
        let now = &input[..input.len().min(room)];
        bytes.reserve_exact(now.len());
        bytes.extend_from_slice(now);
        match Head::read::<M>(&bytes, self.opened)? {
            Some(head) => Ok((head.len - kept, self.take_head(&head, &bytes, limits)?)),
            None => {
                self.state = State::Head(bytes);
                Ok((now.len(), Step::More))
            }
        }
    }

    fn take_head(
        &mut self,
        head: &Head,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Step<M>, Problem> {
        let Head { preamble, rule, len } = *head;
        (self.state, self.opened) = (State::Between, true);
        let message = M::read(preamble.kind, &bytes[PREAMBLE_BYTES..len])
            .ok_or_else(|| malformed("The header is not what this type of frame has."));
        let message = message.and_then(|message| {
            if preamble.payload_len <= limits.payload_max_bytes {
                Ok(message)
            } else {
                Err(too_large())
            }
        });
        match message {
            Ok(message) => {
                let (id, payload_len) = (preamble.id, head.payload_len());
                if let Some(left) = payload_len {
                    self.state = State::Payload { left, segments: Segments::default() };
                }
                Ok(Step::Head(Frame { id, message, payload_len }))
            }
            Err(problem) if rule.version == 0 => Err(problem),
            Err(problem) => {
                self.pass_over_next(preamble.payload_len, &problem);
                Ok(Step::Refused(preamble.id, problem))
            }
        }
    }

    fn after_payload(&mut self) -> Step<M> {
        match std::mem::replace(&mut self.state, State::Between) {
            State::Payload { left: 0, segments } => {
                self.copied += segments.copied();
                Step::Payload(M::seal(segments.into_pieces()))
            }
            unfinished => {
                self.state = unfinished;
                Step::More
            }
        }
    }
}

fn too_large() -> Problem {
    Problem::new(Code::PayloadTooLarge, "The payload is longer than this server takes.")
}

fn at_most(bytes: &[u8], most: u64) -> usize {
    usize::try_from(most).map_or(bytes.len(), |most| bytes.len().min(most))
}

#[cfg(test)]
mod tests;
