//! Bytes in, requests out. A deframer belongs to one connection and knows where in a message that
//! connection stands. It never reads behind the message it is in, and once it has refused one it
//! refuses all: bytes behind a message that was misread may be anything.

use super::body::Body;
use super::head::{self, Head};
use super::limits::Limits;
use super::refusal::Refusal;
use super::scan::HeadScan;
use crate::payload::Payload;
use crate::problem::Problem;
use crate::segments::SegmentPool;

/// Cuts the bytes of one connection into requests. While idle it owns no heap memory.
#[derive(Debug)]
pub struct Deframer {
    state: State,
    /// See [`Deframer::copied`]; what the body under way adds comes to it at its end.
    copied: u64,
}

/// Where in a message a connection stands: each has its own timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Between messages.
    Idle,
    /// Within a head.
    Head,
    /// Behind a head, until its body is whole.
    Body,
    /// Behind a refusal: nothing more is read.
    Refused,
}

/// What was reached.
#[derive(Debug)]
pub enum Step {
    /// Nothing yet: all of the input was taken, more is needed.
    More,
    /// The head of a request. Its body comes with a later step, also if it is empty.
    Head(Head),
    /// The body of the request whose head came before. The next message may begin.
    Body(Payload),
}

#[derive(Debug)]
enum State {
    Idle(Blank),
    Head(Partial),
    Body(Body),
    Refused(Refusal),
}

/// What came of the one empty line that may stand before a request (RFC 9112, section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blank {
    None,
    Cr,
    CrLf,
}

/// A head that came in pieces.
#[derive(Debug)]
struct Partial {
    bytes: Vec<u8>,
    scan: HeadScan,
}

impl Default for Deframer {
    fn default() -> Self {
        Self::new()
    }
}

impl Deframer {
    /// A deframer for a new connection.
    pub fn new() -> Self {
        Self { state: State::Idle(Blank::None), copied: 0 }
    }

    /// Where in a message the connection stands.
    pub fn phase(&self) -> Phase {
        match self.state {
            State::Idle(_) => Phase::Idle,
            State::Head(_) => Phase::Head,
            State::Body(_) => Phase::Body,
            State::Refused(_) => Phase::Refused,
        }
    }

    /// How many bytes of the body are still to come: 0 outside a body, `None` if the body is
    /// chunked or the message was refused.
    pub fn body_remaining(&self) -> Option<u64> {
        match &self.state {
            State::Idle(_) | State::Head(_) => Some(0),
            State::Body(body) => body.remaining(),
            State::Refused(_) => None,
        }
    }

    /// Nobody wants the body under way: its bytes are passed over, and it ends as an empty one. Only
    /// for a body whose length is known.
    pub fn pass_over_body(&mut self) {
        if let State::Body(body) = &mut self.state {
            body.pass_over();
        }
    }

    /// Takes bytes from the start of `input` until a step is reached; returns how many it took.
    ///
    /// Behind [`Step::Head`] the caller decides what to do about the request and then calls again
    /// with what follows, be it nothing: a request without a body gives its empty one at once.
    /// Bytes behind a body are never taken by the call that ends it. With [`Step::More`] all of
    /// `input` was taken.
    ///
    /// # Errors
    /// The message is refused, and with it every byte that is still to come: each later call
    /// takes nothing and returns the same problem. The connection is of no more use.
    pub fn advance(&mut self, input: &[u8], limits: &Limits) -> (usize, Result<Step, Problem>) {
        match self.step(input, limits) {
            Ok((used, step)) => (used, Ok(step)),
            Err(refusal) => (0, Err(self.refuse(refusal))),
        }
    }

    /// Room to read the next bytes of a large body into, so that they need not be copied;
    /// `None` if they are to come by [`Deframer::advance`]. Nothing but the body fits into it, but
    /// the framing of a chunked body and what comes behind that. Read into the front of it, then
    /// say how much it was to [`Deframer::filled`].
    pub fn spare(&mut self, pool: &SegmentPool) -> Option<&mut [u8]> {
        match &mut self.state {
            State::Body(body) => body.spare(pool),
            State::Idle(_) | State::Head(_) | State::Refused(_) => None,
        }
    }

    /// Takes the first `count` bytes of the room that [`Deframer::spare`] gave last. Bytes behind
    /// a body, which the next call of [`Deframer::advance`] must begin with, are appended to
    /// `behind`.
    ///
    /// # Errors
    /// As [`Deframer::advance`].
    pub fn filled(
        &mut self,
        count: usize,
        limits: &Limits,
        behind: &mut Vec<u8>,
    ) -> Result<Step, Problem> {
        let State::Body(body) = &mut self.state else {
            unreachable!("room is given within a body only");
        };
        match body.filled(count, limits, behind) {
            Ok(()) => Ok(self.after_body()),
            Err(refusal) => Err(self.refuse(refusal)),
        }
    }

    /// How many bytes of the body under way have come, its framing not counted.
    pub fn body_received(&self) -> u64 {
        match &self.state {
            State::Body(body) => body.received(),
            State::Idle(_) | State::Head(_) | State::Refused(_) => 0,
        }
    }

    /// How many bytes of bodies were copied or moved here since they were read, in all.
    pub fn copied(&self) -> u64 {
        match &self.state {
            State::Body(body) => self.copied + body.copied(),
            State::Idle(_) | State::Head(_) | State::Refused(_) => self.copied,
        }
    }

    fn refuse(&mut self, refusal: Refusal) -> Problem {
        self.copied = self.copied();
        self.state = State::Refused(refusal);
        refusal.into()
    }

    fn step(&mut self, input: &[u8], limits: &Limits) -> Result<(usize, Step), Refusal> {
        match &mut self.state {
            State::Idle(blank) => {
                let skipped = blank.skip(input)?;
                let (used, step) = self.start_head(&input[skipped..], limits)?;
                Ok((skipped + used, step))
            }
            State::Head(partial) => {
                let (used, head) = partial.advance(input, limits)?;
                Ok((used, self.after_head(head)))
            }
            State::Body(body) => {
                let used = body.advance(input, limits)?;
                Ok((used, self.after_body()))
            }
            State::Refused(refusal) => Err(*refusal),
        }
    }

    /// A head that comes whole is read where it lies; only one that does not is kept.
    fn start_head(&mut self, input: &[u8], limits: &Limits) -> Result<(usize, Step), Refusal> {
        if input.is_empty() {
            return Ok((0, Step::More));
        }
        let mut scan = HeadScan::default();
        match scan.advance(input, limits)? {
            Some(length) => {
                let head = head::read(&input[..length], limits)?;
                Ok((length, self.after_head(Some(head))))
            }
            None => {
                self.state = State::Head(Partial { bytes: input.to_vec(), scan });
                Ok((input.len(), Step::More))
            }
        }
    }

    fn after_head(&mut self, head: Option<Head>) -> Step {
        match head {
            Some(head) => {
                self.state = State::Body(Body::new(head.framing()));
                Step::Head(head)
            }
            None => Step::More,
        }
    }

    fn after_body(&mut self) -> Step {
        match std::mem::replace(&mut self.state, State::Idle(Blank::None)) {
            State::Body(body) if body.is_over() => {
                self.copied += body.copied();
                Step::Body(body.seal())
            }
            unfinished => {
                self.state = unfinished;
                Step::More
            }
        }
    }
}

impl Blank {
    /// Takes an empty line from the start of `input`, the first one only: the scan refuses more.
    fn skip(&mut self, input: &[u8]) -> Result<usize, Refusal> {
        let mut used = 0;
        if *self == Self::None && input.first() == Some(&b'\r') {
            (*self, used) = (Self::Cr, 1);
        }
        match (*self, input.get(used)) {
            (Self::Cr, Some(b'\n')) => {
                *self = Self::CrLf;
                Ok(used + 1)
            }
            (Self::Cr, Some(_)) => {
                Err(Refusal::malformed("A CR without an LF stands before the request."))
            }
            _ => Ok(used),
        }
    }
}

impl Partial {
    /// Takes what belongs to the head from the start of `input`.
    fn advance(&mut self, input: &[u8], limits: &Limits) -> Result<(usize, Option<Head>), Refusal> {
        let kept = self.bytes.len();
        let room = limits.head_bytes().saturating_sub(kept);
        self.bytes.extend_from_slice(&input[..input.len().min(room)]);
        match self.scan.advance(&self.bytes, limits)? {
            Some(length) => Ok((length - kept, Some(head::read(&self.bytes[..length], limits)?))),
            None => Ok((self.bytes.len() - kept, None)),
        }
    }
}

#[cfg(test)]
mod tests;
