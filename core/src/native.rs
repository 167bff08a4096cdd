//! One native connection: frames in, orders and answers out, with many requests in flight. It
//! never touches the socket: what is to be sent lies in its outbox until the turn's flush.

use crate::exchange::Routed;
use bytes::Bytes;
use in_flight::InFlight;
use overtime_protocol::http::Phase;
use overtime_protocol::native::{
    Deframer, Frame, Hello, Reply, Request, Step, Welcome, write, write_answer, write_goodbye,
    write_hello_refused,
};
use overtime_protocol::{Answer, Code, Monotonic, Payload, Problem, SegmentPool};

mod admission;
pub(crate) mod clocks;
mod desk;
mod in_flight;

pub(crate) use clocks::{Clocks, Standing};
pub(crate) use desk::Desk;

/// The first byte of a connection that speaks the native protocol.
pub(crate) use overtime_protocol::native::MAGIC;

/// An outbox that has grown beyond this is given back once it is empty.
const OUTBOX_KEPT_BYTES: usize = 16 * 1024;

/// One connection.
#[derive(Debug)]
pub(crate) struct Session {
    deframer: Deframer<Request>,
    in_flight: InFlight,
    /// The key that the client has shown, which is looked at with each request again.
    key: Option<Box<str>>,
    /// The number of the submission whose payload is coming, and what it asks for.
    coming: Option<(u32, Routed)>,
    /// Its payload waits for memory, unread.
    paused: bool,
    stage: Stage,
    /// What this turn has to say.
    pub(crate) outbox: Vec<u8>,
    /// The connection is on this turn's list of those that have something to say.
    pub(crate) flushing: bool,
    pub(crate) clocks: Clocks,
    /// A frame has come since the clocks were set.
    moved: bool,
}

/// What the connection is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Frames are read.
    Open,
    /// No more are; those in flight are answered.
    Leaving,
    /// The same, and the peer has sent all it will send.
    Finished,
    /// Everything is said; what still comes in is thrown away until the peer closes.
    Lingering,
}

/// No request with that number is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotInFlight;

impl Session {
    pub(crate) fn new(clocks: Clocks) -> Self {
        Self {
            deframer: Deframer::new(),
            in_flight: InFlight::default(),
            key: None,
            coming: None,
            paused: false,
            stage: Stage::Open,
            outbox: Vec::new(),
            flushing: false,
            clocks,
            moved: false,
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    pub(crate) fn phase(&self) -> Phase {
        self.deframer.phase()
    }

    /// How many bytes of a payload are still to come.
    pub(crate) fn payload_remaining(&self) -> u64 {
        self.deframer.payload_remaining()
    }

    /// Whether a payload waits for memory.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether a submission is not whole yet.
    pub(crate) fn has_coming(&self) -> bool {
        self.coming.is_some()
    }

    /// How many bytes of payloads were copied since they were read.
    pub(crate) fn copied(&self) -> u64 {
        self.deframer.copied()
    }

    /// Takes in what has come; returns what it has not taken, which is to come again behind a
    /// pause.
    pub(crate) fn feed<'a>(&mut self, mut input: &'a [u8], desk: &mut Desk<'_>) -> &'a [u8] {
        while self.stage == Stage::Open && !self.paused {
            let (used, step) = self.deframer.advance(input, &desk.limits);
            input = &input[used..];
            match step {
                Ok(Step::More) => return input,
                Ok(step) => self.take(step, desk),
                Err(problem) => {
                    desk.counters.refused += 1;
                    self.leave(&problem);
                }
            }
        }
        input
    }

    /// Room to read the next bytes of a long payload into.
    pub(crate) fn spare(&mut self, pool: &SegmentPool) -> Option<&mut [u8]> {
        let reads = self.stage == Stage::Open && !self.paused;
        reads.then(|| self.deframer.spare(pool))?
    }

    /// Takes what was read into the room.
    pub(crate) fn filled(&mut self, count: usize, desk: &mut Desk<'_>) {
        let step = self.deframer.filled(count);
        self.take(step, desk);
    }

    fn take(&mut self, step: Step<Request>, desk: &mut Desk<'_>) {
        match step {
            Step::More => {}
            Step::Head(frame) => self.take_head(frame, desk),
            Step::Payload(payload) => self.take_payload(payload, desk),
            Step::Refused(id, problem) => {
                desk.counters.refused += 1;
                self.fail(id, problem);
            }
        }
    }

    fn take_head(&mut self, frame: Frame<Request>, desk: &mut Desk<'_>) {
        self.moved = true;
        match &frame.message {
            Request::Hello(hello) => self.greet(hello, desk),
            Request::Ping => self.say(frame.id, &Reply::Pong),
            Request::Submit(_)
            | Request::Get(_)
            | Request::GetContact(_)
            | Request::Cancel(_)
            | Request::Retry(_)
            | Request::Explain(_)
            | Request::List(_)
            | Request::Errors(_) => {
                self.take_request(&frame, desk);
            }
        }
    }

    fn greet(&mut self, hello: &Hello, desk: &mut Desk<'_>) {
        let Some(version) = hello.version() else {
            desk.counters.refused += 1;
            self.refuse_hello(&Problem::new(Code::VersionUnsupported, "Version 1 is spoken here."));
            return;
        };
        self.key.clone_from(&hello.key);
        if let Err(problem) = desk.router.callers.of(self.key.as_deref()) {
            desk.counters.refused += 1;
            desk.counters.turned_away.note_problem(&problem);
            self.refuse_hello(&problem);
            return;
        }
        if desk.closing {
            self.leave(&Problem::new(Code::Draining, "the server is on its way out"));
            return;
        }
        let welcome = Welcome {
            version,
            payload_max_bytes: desk.limits.payload_max_bytes,
            ..desk.router.welcome()
        };
        self.say(0, &Reply::Welcome(welcome));
    }

    fn refuse_hello(&mut self, problem: &Problem) {
        write_hello_refused(problem, &mut self.outbox);
        self.stop_reading(Stage::Leaving);
    }

    fn take_payload(&mut self, payload: Payload, desk: &mut Desk<'_>) {
        let (number, routed) = self.coming.take().expect("a payload follows its head");
        desk.budget.settle(std::mem::take(desk.share), payload.len());
        desk.orders.take((desk.index, number), routed, payload);
    }

    /// Writes the answer to the request with this number; a long body is handed back, to be sent
    /// behind the outbox.
    pub(crate) fn answer(
        &mut self,
        number: u32,
        answer: Answer,
    ) -> Result<Option<Bytes>, NotInFlight> {
        let (id, known_tag) = self.in_flight.take(number).ok_or(NotInFlight)?;
        Ok(write_answer(id, answer, known_tag.as_ref(), &mut self.outbox))
    }

    fn fail(&mut self, id: u32, problem: Problem) {
        let body = write_answer(id, problem.into(), None, &mut self.outbox);
        self.outbox.extend_from_slice(&body.unwrap_or_default());
    }

    fn say(&mut self, id: u32, reply: &Reply) {
        write(id, reply, 0, &mut self.outbox).expect("what is said here is short");
    }

    /// Says that nothing more is read, and why. What is in flight is still answered.
    pub(crate) fn leave(&mut self, problem: &Problem) {
        if self.stage == Stage::Open {
            write_goodbye(problem, &mut self.outbox);
            self.stop_reading(Stage::Leaving);
        }
    }

    /// The peer has sent all it will send.
    pub(crate) fn finish(&mut self) {
        self.stop_reading(Stage::Finished);
    }

    /// Everything is said; the peer has until then to close.
    pub(crate) fn linger(&mut self, until: Monotonic) {
        self.stage = Stage::Lingering;
        self.clocks.linger(until);
    }

    /// There is memory for the payload.
    pub(crate) fn resume(&mut self) {
        self.paused = false;
    }

    /// The payload has waited for memory for too long.
    pub(crate) fn give_up(&mut self, problem: Problem) {
        self.paused = false;
        self.deframer.pass_over(&problem);
        let coming = self.coming.take().and_then(|(number, _)| self.in_flight.take(number));
        if let Some((id, _)) = coming {
            self.fail(id, problem);
        }
    }

    /// A submission that is not whole by now will never be.
    fn stop_reading(&mut self, stage: Stage) {
        self.stage = stage;
        self.paused = false;
        self.deframer.forget();
        if let Some((number, _)) = self.coming.take() {
            self.in_flight.take(number);
        }
    }

    /// Whether nobody is owed an answer. Something may still be on its way out.
    pub(crate) fn owes_nothing(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Whether a frame has come since that was last asked.
    pub(crate) fn has_moved(&self) -> bool {
        self.moved
    }

    /// Where reading stands, and whether a frame has come since this was last asked.
    pub(crate) fn standing(&mut self) -> Standing {
        Standing {
            phase: self.deframer.phase(),
            moved: std::mem::take(&mut self.moved),
            quiet: self.owes_nothing(),
        }
    }

    /// Takes the outbox back once it is written.
    pub(crate) fn recycle(&mut self, mut outbox: Vec<u8>) {
        if outbox.capacity() <= OUTBOX_KEPT_BYTES {
            outbox.clear();
            self.outbox = outbox;
        }
    }
}

#[cfg(test)]
mod tests;
