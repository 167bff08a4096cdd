//! Native connections among the clients: when each is read, written, given up and closed. What
//! their frames say is the session's to know.

use super::{Clients, Screen};
use crate::connection::{Connection, Found, Speech};
use crate::limits::{
    BODY_WAIT_MAX, BODY_WAIT_RETRY, FRAMES_SLICE_BYTES, LINGER_CLOSE, Limits, READ_SLICE_BYTES,
    UNSENT_MAX_BYTES, WRITE_SLICE_BYTES,
};
use crate::native::{Clocks, Desk, MAGIC, Session, Stage};
use crate::output::{Output, Written};
use crate::payload_budget::Grant;
use bytes::Bytes;
use overtime_protocol::http::Phase;
use overtime_protocol::native;
use overtime_protocol::{Answer, Code, Monotonic, Problem};
use std::io;
use std::net::Shutdown;

impl Session {
    /// Whether the connection takes in bytes now. A client that does not read its answers is not
    /// asked for more requests.
    pub(crate) fn takes_input(&self, output: &Output) -> bool {
        match self.stage() {
            Stage::Open if self.is_paused() => false,
            Stage::Open => self.outbox.len() + output.len() <= UNSENT_MAX_BYTES,
            Stage::Lingering => true,
            Stage::Leaving | Stage::Finished => false,
        }
    }

    /// What is read of it in one turn, in bytes. Between payloads a few thousand bytes are many
    /// requests.
    fn slice_bytes(&self) -> usize {
        let payload = usize::try_from(self.payload_remaining()).unwrap_or(usize::MAX);
        payload.saturating_add(FRAMES_SLICE_BYTES).min(READ_SLICE_BYTES)
    }

    /// Something was read, or may be again.
    fn note_input(&mut self, now: Monotonic, limits: &Limits) {
        let standing = self.standing();
        self.clocks.read(standing, now, limits);
    }
}

impl Clients {
    /// The first byte of the connection says that it speaks the native protocol.
    fn turn_native(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let clocks = Clocks::new(connection.deadline.at);
        connection.speech = Speech::Native(Box::new(Session::new(clocks)));
    }

    /// The first byte of a connection says what is spoken on it.
    pub(super) fn hear(&mut self, index: usize, input: &[u8], now: Monotonic, screen: Screen<'_>) {
        let connection = &mut self.connections[index];
        if let Speech::Unknown = connection.speech {
            if input.first() == Some(&MAGIC) {
                self.turn_native(index);
                self.feed_native(index, input, now, screen);
                return;
            }
            connection.speech = Speech::Http;
        }
        self.feed(index, input, now, screen);
    }

    /// Reads a turn's slice, and takes in what was found.
    pub(super) fn serve_native(&mut self, index: usize, now: Monotonic, screen: Screen<'_>) {
        let connection = &mut self.connections[index];
        if !connection.behind.is_empty() {
            let behind = std::mem::take(&mut connection.behind);
            self.feed_native(index, &behind, now, screen);
            return;
        }
        if self.fill_native(index, now, screen) {
            return;
        }
        let Some(session) = self.connections[index].session() else { return };
        let slice = session.slice_bytes();
        let mut scratch = std::mem::take(&mut self.reading.scratch);
        let found = self.connections[index].read(&mut scratch[..slice]);
        if let Some(count) = self.found_native(index, found, now) {
            self.feed_native(index, &scratch[..count], now, screen);
        }
        self.reading.scratch = scratch;
    }

    /// Reads a turn's slice straight into the payload under way; `false` if that is not the way.
    fn fill_native(&mut self, index: usize, now: Monotonic, screen: Screen<'_>) -> bool {
        let mut slice = 0;
        while slice < READ_SLICE_BYTES {
            let Some(found) = self.connections[index].read_body(&self.reading.pool) else { break };
            let Some(count) = self.found_native(index, found, now) else { return true };
            slice += count;
            self.at_desk(index, screen, |session, desk| session.filled(count, desk));
            self.after_native_input(index, now);
            if !self.connections[index].readable {
                return true;
            }
        }
        slice > 0
    }

    fn found_native(
        &mut self,
        index: usize,
        found: io::Result<Found>,
        now: Monotonic,
    ) -> Option<usize> {
        match found {
            Ok(Found::End) => {
                self.counters.reads += 1;
                self.finish_native(index, now);
                None
            }
            found => self.found(index, found),
        }
    }

    fn feed_native(&mut self, index: usize, input: &[u8], now: Monotonic, screen: Screen<'_>) {
        let left = self.at_desk(index, screen, |session, desk| {
            let left = session.feed(input, desk);
            if session.is_paused() { left } else { &[] }
        });
        self.connections[index].behind.extend_from_slice(left);
        self.after_native_input(index, now);
    }

    /// Has the session do something for which it needs the others.
    fn at_desk<T>(
        &mut self,
        index: usize,
        screen: Screen<'_>,
        work: impl FnOnce(&mut Session, &mut Desk<'_>) -> T,
    ) -> T {
        let Connection { speech, share, .. } = &mut self.connections[index];
        let Speech::Native(session) = speech else {
            unreachable!("only native connections are served here");
        };
        let copied = session.copied();
        let mut desk = Desk {
            router: &mut self.reading.router,
            screen,
            orders: &mut self.reading.orders,
            budget: &mut self.budget,
            share,
            counters: &mut self.counters,
            limits: native::Limits { payload_max_bytes: self.limits.http.body_max_bytes },
            index,
            closing: self.closing,
        };
        let done = work(session, &mut desk);
        self.counters.bytes_copied += session.copied() - copied;
        done
    }

    fn after_native_input(&mut self, index: usize, now: Monotonic) {
        let Some(session) = self.connections[index].session() else { return };
        if session.is_paused() {
            session.clocks.wait_for_memory(now + BODY_WAIT_MAX);
        } else {
            session.note_input(now, &self.limits);
        }
        self.tend_native(index, now);
    }

    /// There is memory for the payload that has waited for it.
    pub(super) fn resume_native(&mut self, grant: Grant, now: Monotonic) {
        let Grant { connection: index, bytes } = grant;
        let connection = &mut self.connections[index];
        connection.share.bytes += bytes;
        let Some(session) = connection.session() else { return };
        session.resume();
        session.note_input(now, &self.limits);
        self.tend_native(index, now);
        self.list(index);
    }

    /// The peer has sent all it will send. It is answered what it is owed.
    fn finish_native(&mut self, index: usize, now: Monotonic) {
        let connection = &mut self.connections[index];
        connection.readable = false;
        let Speech::Native(session) = &mut connection.speech else { return };
        if session.stage() == Stage::Lingering {
            self.close(index);
            return;
        }
        session.finish();
        session.clocks.pause_reading();
        self.tend_native(index, now);
    }

    /// Looks after a connection for which something has changed: what it has to say is flushed in
    /// this turn, and if that is nothing it may be over.
    fn tend_native(&mut self, index: usize, now: Monotonic) {
        let connection = &mut self.connections[index];
        let Speech::Native(session) = &mut connection.speech else { return };
        if !session.has_coming() {
            self.budget.release(&std::mem::take(&mut connection.share));
        }
        if !session.outbox.is_empty() || !connection.output.is_empty() {
            if !session.flushing {
                session.flushing = true;
                self.answering.go_on(index);
            }
            if !session.is_paused() && !session.takes_input(&connection.output) {
                session.clocks.pause_reading();
            }
            let due = session.clocks.due();
            self.timeouts.set(index, &mut connection.deadline, due);
            return;
        }
        self.after_native_output(index, now);
    }

    /// Sends an answer to the request with this number, if it is in flight.
    pub(super) fn answer_native(&mut self, index: usize, number: u32, answer: Answer) {
        let Connection { speech, output, .. } = &mut self.connections[index];
        let Speech::Native(session) = speech else { return };
        match session.answer(number, answer) {
            Ok(None) => {}
            Ok(Some(body)) => {
                output.push(Bytes::from(std::mem::take(&mut session.outbox)));
                output.push(body);
            }
            Err(_) => {
                self.counters.undelivered += 1;
                return;
            }
        }
        if !session.flushing {
            session.flushing = true;
            self.answering.go_on(index);
        }
    }

    /// Writes what the turn has for the connection.
    pub(super) fn flush_native(&mut self, index: usize, now: Monotonic) {
        let Connection { speech, output, stream, .. } = &mut self.connections[index];
        let Speech::Native(session) = speech else { return };
        session.flushing = false;
        let mut outbox = std::mem::take(&mut session.outbox);
        if outbox.len() > WRITE_SLICE_BYTES {
            output.push(Bytes::from(std::mem::take(&mut outbox)));
        }
        let written_before = self.counters.bytes_written;
        let written = output.write(stream, &outbox, None, &mut self.counters.bytes_written);
        let progress = self.counters.bytes_written > written_before;
        session.recycle(outbox);
        match written {
            Ok(Written::All) => self.after_native_output(index, now),
            Ok(left) => {
                session.clocks.write_pending(progress, now, &self.limits);
                if left == Written::Slice {
                    session.flushing = true;
                    self.answering.go_on(index);
                }
                let connection = &mut self.connections[index];
                let due = connection.session().map_or(now, |session| session.clocks.due());
                self.timeouts.set(index, &mut connection.deadline, due);
            }
            Err(_) => self.close(index),
        }
    }

    /// Nothing is left to be written: the connection is over, or it is read on.
    fn after_native_output(&mut self, index: usize, now: Monotonic) {
        let connection = &mut self.connections[index];
        let Speech::Native(session) = &mut connection.speech else { return };
        session.clocks.written();
        match session.stage() {
            Stage::Open => {
                let standing = session.standing();
                session.clocks.resume_reading(standing, now, &self.limits);
            }
            Stage::Finished if session.owes_nothing() => {
                self.close(index);
                return;
            }
            Stage::Leaving if session.owes_nothing() => {
                if connection.stream.shutdown(Shutdown::Write).is_err() {
                    self.close(index);
                    return;
                }
                connection.behind = Vec::new();
                session.linger(now + LINGER_CLOSE);
            }
            Stage::Leaving | Stage::Finished => session.clocks.pause_reading(),
            Stage::Lingering => {}
        }
        let due = session.clocks.due();
        self.timeouts.set(index, &mut connection.deadline, due);
        self.list(index);
    }

    /// The connection's time is up, and its entry among the timeouts is gone.
    pub(super) fn time_out_native(&mut self, index: usize, now: Monotonic) {
        let connection = &mut self.connections[index];
        let Speech::Native(session) = &mut connection.speech else { return };
        let lingers = session.stage() == Stage::Lingering;
        if !lingers {
            self.counters.timed_out += 1;
        }
        if lingers || session.clocks.write_is_late(now) || session.phase() == Phase::Idle {
            self.close(index);
            return;
        }
        if session.is_paused() {
            let detail = "the memory for payloads was used up for too long";
            let problem = Problem::new(Code::PayloadMemory, detail).after(BODY_WAIT_RETRY);
            session.give_up(problem);
            session.note_input(now, &self.limits);
        } else {
            let detail = "the rest of the frame did not arrive in time";
            session.leave(&Problem::new(Code::RequestTimeout, detail));
            session.clocks.pause_reading();
        }
        connection.deadline.at = session.clocks.due();
        self.timeouts.renew(index, &mut connection.deadline);
        self.tend_native(index, now);
        self.list(index);
    }

    /// From here on every connection closes behind its answer, and those with many requests in
    /// flight behind the last of them.
    pub(crate) fn begin_closing(&mut self, problem: &Problem, now: Monotonic) {
        self.closing = true;
        let natives = self
            .connections
            .iter_mut()
            .filter_map(|(index, connection)| connection.session().is_some().then_some(index));
        for index in natives.collect::<Vec<_>>() {
            if let Some(session) = self.connections[index].session() {
                session.leave(problem);
                session.clocks.pause_reading();
                self.tend_native(index, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeouts::NEVER;

    #[test]
    fn a_client_that_does_not_read_is_not_read() {
        let mut session = Session::new(Clocks::new(NEVER));
        let mut output = Output::default();
        session.outbox.resize(UNSENT_MAX_BYTES, 0);
        assert!(session.takes_input(&output));
        output.push(Bytes::from_static(b"one more"));
        assert!(!session.takes_input(&output));
    }
}
