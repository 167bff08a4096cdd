//! Answering: from answers to a connection's bytes. What a turn has for one connection leaves in
//! one vectored write. It never reads, and never decides what is answered.

use super::{Clients, date, orders};
use crate::connection::{Connection, Speech, Stage};
use crate::limits::{CONNECTIONS_PER_TURN, READ_SLICE_BYTES};
use crate::output::Written;
use crate::patience::Awaited;
use crate::timeouts::NEVER;
use bytes::Bytes;
use overtime_protocol::http::{After, Deframer, ReplyContext, write_answer};
use overtime_protocol::{Answer, Monotonic, Problem, ReplyTo, UnixMillis};
use std::net::Shutdown;
use std::ops::Range;

/// What this turn has to say.
#[derive(Debug, Default)]
pub(super) struct Answering {
    /// Heads and small bodies of this turn's answers.
    encoded: Vec<u8>,
    flushes: Vec<Flush>,
    /// Of those, how many are the last on their connection because its time is up or nothing else is
    /// to be made of it.
    pub(super) partings: usize,
    date: date::DateField,
}

/// One connection's share of the flush phase.
#[derive(Debug)]
struct Flush {
    index: usize,
    head: Range<usize>,
    body: Option<Bytes>,
}

impl Answering {
    pub(super) fn has_work(&self) -> bool {
        !self.flushes.is_empty()
    }

    /// Has what is left of the connection's output written.
    pub(super) fn go_on(&mut self, index: usize) {
        self.flushes.push(Flush { index, head: 0..0, body: None });
    }

    fn encode(&mut self, index: usize, answer: Answer, context: &ReplyContext) {
        let start = self.encoded.len();
        let body = write_answer(answer, context, self.date.text(), &mut self.encoded);
        self.flushes.push(Flush { index, head: start..self.encoded.len(), body });
    }

    /// Sets the clock that answers show.
    pub(super) fn set_date(&mut self, now: UnixMillis) {
        self.date.set(now);
    }

    /// The value of `Date` in this turn.
    pub(super) fn date(&self) -> &str {
        self.date.text()
    }

    fn send(&mut self, index: usize, bytes: &[u8]) {
        let start = self.encoded.len();
        self.encoded.extend_from_slice(bytes);
        self.flushes.push(Flush { index, head: start..self.encoded.len(), body: None });
    }

    /// Takes the buffers back for the next turn, which what was not written goes on in.
    fn recycle(&mut self, encoded: Vec<u8>, mut flushes: Vec<Flush>) {
        self.encoded = encoded;
        self.encoded.clear();
        // A turn with many or large answers must not cost memory for ever.
        self.encoded.shrink_to(READ_SLICE_BYTES * 4);
        flushes.append(&mut self.flushes);
        self.flushes = flushes;
        self.flushes.shrink_to(CONNECTIONS_PER_TURN);
    }
}

/// The answer to what is given up on the spot.
pub(super) fn closing(problem: Problem, date: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let body = write_answer(problem.into(), &ReplyContext::closing(), date, &mut bytes);
    bytes.extend_from_slice(&body.unwrap_or_default());
    bytes
}

impl Clients {
    /// Sends bytes that are not an answer yet.
    pub(super) fn send(&mut self, index: usize, bytes: &[u8]) {
        self.answering.send(index, bytes);
    }

    /// Sends an answer to whom it is for, if that caller is still there.
    pub(crate) fn answer(&mut self, to: ReplyTo, answer: Answer) {
        let (index, request) = orders::caller(to);
        if let Some(Connection { speech: Speech::Native(_), .. }) = self.connections.get(index) {
            self.answer_native(index, request, answer);
            return;
        }
        let asked = self.connections.get(index).filter(|connection| connection.request == request);
        match asked.map(|connection| &connection.stage) {
            Some(Stage::Waiting(_)) => self.answer_here(index, answer),
            Some(Stage::Following(_)) => self.answer_follower(index, answer),
            _ => self.counters.undelivered += 1,
        }
    }

    pub(super) fn answer_here(&mut self, index: usize, answer: Answer) {
        let connection = &mut self.connections[index];
        let stage = std::mem::replace(&mut connection.stage, Stage::Answering(After::KeepAlive));
        let Stage::Waiting(context) = stage else {
            unreachable!("only a request that waits is answered");
        };
        self.answer_in(index, *context, answer);
    }

    /// Answers the request in progress, of which everything is known that the answer needs.
    pub(super) fn answer_in(&mut self, index: usize, mut context: ReplyContext, answer: Answer) {
        self.counters.turned_away.note(&answer);
        if self.closing {
            context.after = After::Close;
        }
        self.connections[index].stage = Stage::Answering(context.after);
        self.answering.encode(index, answer, &context);
    }

    /// Answers something that was never a request.
    pub(super) fn answer_and_close(&mut self, index: usize, answer: Answer) {
        let connection = &mut self.connections[index];
        connection.stage = Stage::Answering(After::Close);
        self.wait_until(index, NEVER);
        let connection = &mut self.connections[index];
        // What has come of a body is of no more use.
        connection.deframer = Deframer::new();
        self.budget.release(&std::mem::take(&mut connection.share));
        self.answering.encode(index, answer, &ReplyContext::closing());
        self.answering.partings += 1;
        self.mind_the_places();
    }

    /// Writes what this turn has for each connection.
    pub(crate) fn flush(&mut self, now: Monotonic) {
        let encoded = std::mem::take(&mut self.answering.encoded);
        let mut flushes = std::mem::take(&mut self.answering.flushes);
        for flush in flushes.drain(..) {
            self.flush_one(flush, &encoded, now);
        }
        self.answering.recycle(encoded, flushes);
        self.answering.partings = 0;
    }

    /// Writes what is left of the connection's output, without waiting for the turn's flush.
    pub(super) fn go_on_now(&mut self, index: usize, now: Monotonic) {
        self.flush_one(Flush { index, head: 0..0, body: None }, &[], now);
    }

    fn flush_one(&mut self, flush: Flush, encoded: &[u8], now: Monotonic) {
        let Flush { index, head, body } = flush;
        let Some(connection) = self.connections.get_mut(index) else { return };
        if let Speech::Native(_) = connection.speech {
            self.flush_native(index, now);
            return;
        }
        let Connection { stream, output, .. } = connection;
        let before = self.counters.bytes_written;
        let written = output.write(stream, &encoded[head], body, &mut self.counters.bytes_written);
        let moved = self.counters.bytes_written - before;
        match written {
            Ok(Written::All) => self.after_output(index, now),
            Ok(Written::Slice) => {
                self.await_reader(index, moved, now);
                self.answering.go_on(index);
            }
            Ok(Written::Blocked) => self.await_reader(index, moved, now),
            Err(_) => self.close(index),
        }
    }

    /// A peer that does not read its answer is given up like one that does not send its body. It
    /// has just taken so many bytes.
    pub(super) fn await_reader(&mut self, index: usize, bytes: u64, now: Monotonic) {
        if self.patience.awaited(index) != Some(Awaited::Reader) {
            self.begin_pace(index, Awaited::Reader, now);
        } else if bytes > 0 {
            self.go_on_pace(index, Awaited::Reader, bytes, now);
        } else {
            return;
        }
        self.look_again(index, now);
    }

    pub(super) fn after_output(&mut self, index: usize, now: Monotonic) {
        let connection = &mut self.connections[index];
        match connection.stage {
            Stage::Answering(After::KeepAlive) => {
                connection.stage = Stage::Reading;
                self.await_peer(index, Awaited::Request, now);
                self.list(index);
            }
            Stage::Answering(After::Close) => {
                connection.stage = Stage::Lingering;
                connection.behind = Vec::new();
                if connection.stream.shutdown(Shutdown::Write).is_err() {
                    self.close(index);
                    return;
                }
                self.await_peer(index, Awaited::End, now);
                self.list(index);
            }
            Stage::Reading
            | Stage::Ordered(_)
            | Stage::Paused(_)
            | Stage::Waiting(_)
            | Stage::Following(_)
            | Stage::Lingering => {}
        }
    }
}
