//! What native connections have to say leaves in one write a turn, and what is left to do behind
//! that: to read on, to linger or to close.

use crate::clients::Clients;
use crate::connection::{Connection, Speech};
use crate::limits::{LINGER_CLOSE, WRITE_SLICE_BYTES};
use crate::native::{NotInFlight, Stage};
use crate::output::Written;
use bytes::Bytes;
use overtime_protocol::{Answer, Monotonic};
use std::net::Shutdown;

impl Clients {
    /// Looks after a connection for which something has changed: what it has to say is flushed in
    /// this turn, and if that is nothing it may be over.
    pub(super) fn tend_native(&mut self, index: usize, now: Monotonic) {
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
            self.watch_native(index, now);
            return;
        }
        self.after_native_output(index, now);
    }

    /// Sends an answer to the request with this number, if it is in flight.
    pub(in crate::clients) fn answer_native(&mut self, index: usize, number: u32, answer: Answer) {
        let Connection { speech, output, .. } = &mut self.connections[index];
        let Speech::Native(session) = speech else { return };
        self.counters.turned_away.note(&answer);
        match session.answer(number, answer) {
            Ok(None) => {}
            Ok(Some(body)) => {
                output.push(Bytes::from(std::mem::take(&mut session.outbox)));
                output.push(body);
            }
            Err(NotInFlight) => {
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
    pub(in crate::clients) fn flush_native(&mut self, index: usize, now: Monotonic) {
        let Connection { speech, output, stream, .. } = &mut self.connections[index];
        let Speech::Native(session) = speech else { return };
        session.flushing = false;
        let written_before = self.counters.bytes_written;
        let written = if output.is_empty() {
            let mut outbox = std::mem::take(&mut session.outbox);
            if outbox.len() > WRITE_SLICE_BYTES {
                output.push(Bytes::from(std::mem::take(&mut outbox)));
            }
            let written = output.write(stream, &outbox, None, &mut self.counters.bytes_written);
            session.recycle(outbox);
            written
        } else {
            // What the socket does not take gathers in the outbox, to leave in one piece.
            output.write(stream, &[], None, &mut self.counters.bytes_written)
        };
        let moved = self.counters.bytes_written - written_before;
        match written {
            Ok(Written::All) if session.outbox.is_empty() => {
                self.after_native_output(index, now);
                return;
            }
            Ok(Written::All | Written::Slice) => {
                session.flushing = true;
                self.answering.go_on(index);
            }
            Ok(Written::Blocked) => {}
            Err(_) => {
                self.close(index);
                return;
            }
        }
        session.clocks.write_pending(moved, now, &self.limits);
        if moved > 0 {
            // It is waited for anew.
            self.patience.end(index);
        }
        self.watch_native(index, now);
    }

    /// Sets when to look at the connection again, and what its peer is waited for to do.
    fn watch_native(&mut self, index: usize, now: Monotonic) {
        let Connection { speech, output, deadline, .. } = &mut self.connections[index];
        let Speech::Native(session) = speech else { return };
        self.timeouts.set(index, deadline, session.clocks.due());
        match session.awaited(output) {
            Some(awaited) => self.patience.go_on(index, awaited, now),
            None => self.patience.end(index),
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
        self.watch_native(index, now);
        self.list(index);
    }
}
