//! Native connections among the clients: when and how much of each is read. What their frames say
//! is the session's to know.

use super::{Clients, Screen};
use crate::connection::{Connection, Found, Speech};
use crate::limits::{
    BODY_WAIT_MAX, FRAMES_SLICE_BYTES, Limits, READ_SLICE_BYTES, UNSENT_MAX_BYTES,
};
use crate::native::{Clocks, Desk, MAGIC, Session, Stage};
use crate::output::Output;
use crate::patience::Awaited;
use crate::payload_budget::Grant;
use overtime_protocol::Monotonic;
use overtime_protocol::http::Phase;
use overtime_protocol::native;
use std::io;

mod ends;
mod writing;

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

    /// What the peer is waited for to do before anything else can be done with the connection.
    pub(super) fn awaited(&self, output: &Output) -> Option<Awaited> {
        match self.stage() {
            Stage::Lingering => Some(Awaited::End),
            _ if !output.is_empty() => Some(Awaited::Reader),
            Stage::Open if !self.is_paused() => match self.phase() {
                Phase::Head => Some(Awaited::Head),
                Phase::Body => Some(Awaited::Body),
                Phase::Idle | Phase::Refused => self.owes_nothing().then_some(Awaited::Request),
            },
            Stage::Open | Stage::Leaving | Stage::Finished => None,
        }
    }

    /// What is read of it in one turn, in bytes. Between payloads a few thousand bytes are many
    /// requests.
    fn slice_bytes(&self) -> usize {
        let payload = usize::try_from(self.payload_remaining()).unwrap_or(usize::MAX);
        payload.saturating_add(FRAMES_SLICE_BYTES).min(READ_SLICE_BYTES)
    }

    /// So many bytes were read, or may be again: sets the clock for what is to come next.
    fn note_input(&mut self, bytes: u64, now: Monotonic, limits: &Limits) {
        match self.stage() {
            Stage::Open if self.is_paused() => self.clocks.wait_for_memory(now + BODY_WAIT_MAX),
            Stage::Open => {
                let standing = self.standing();
                self.clocks.read(standing, bytes, now, limits);
            }
            Stage::Leaving | Stage::Finished => self.clocks.pause_reading(),
            // However much it still sends, it has no longer for it.
            Stage::Lingering => {}
        }
    }
}

impl Clients {
    /// The first byte of the connection says that it speaks the native protocol.
    fn turn_native(&mut self, index: usize, now: Monotonic) {
        let connection = &mut self.connections[index];
        let clocks = Clocks::new(now + self.limits.head_timeout);
        connection.speech = Speech::Native(Box::new(Session::new(clocks)));
    }

    /// The first byte of a connection says what is spoken on it.
    pub(super) fn hear(&mut self, index: usize, input: &[u8], now: Monotonic, screen: Screen<'_>) {
        let connection = &mut self.connections[index];
        if let Speech::Unknown = connection.speech {
            if input.first() == Some(&MAGIC) {
                self.turn_native(index, now);
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
            self.after_native_input(index, count, now);
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
            found => self.found(index, found, now),
        }
    }

    fn feed_native(&mut self, index: usize, input: &[u8], now: Monotonic, screen: Screen<'_>) {
        let left = self.at_desk(index, screen, |session, desk| {
            let left = session.feed(input, desk);
            if session.is_paused() { left } else { &[] }
        });
        let count = input.len() - left.len();
        self.connections[index].behind.extend_from_slice(left);
        self.after_native_input(index, count, now);
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

    fn after_native_input(&mut self, index: usize, count: usize, now: Monotonic) {
        let Some(session) = self.connections[index].session() else { return };
        if session.has_moved() || session.phase() == Phase::Body {
            // It is waited for anew.
            self.patience.end(index);
        }
        session.note_input(count as u64, now, &self.limits);
        self.tend_native(index, now);
    }

    /// There is memory for the payload that has waited for it.
    pub(super) fn resume_native(&mut self, grant: Grant, now: Monotonic) {
        let Grant { connection: index, bytes } = grant;
        let connection = &mut self.connections[index];
        connection.share.bytes += bytes;
        let Some(session) = connection.session() else { return };
        session.resume();
        session.note_input(0, now, &self.limits);
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
        session.note_input(0, now, &self.limits);
        self.tend_native(index, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeouts::NEVER;
    use bytes::Bytes;
    use overtime_protocol::{Code, Problem};

    #[test]
    fn a_client_that_does_not_read_is_not_read() {
        let mut session = Session::new(Clocks::new(NEVER));
        let mut output = Output::default();
        session.outbox.resize(UNSENT_MAX_BYTES, 0);
        assert!(session.takes_input(&output));
        output.push(Bytes::from_static(b"one more"));
        assert!(!session.takes_input(&output));
    }

    #[test]
    fn one_that_lingers_gets_no_more_time_however_much_it_sends() {
        let limits = crate::native::clocks::tests::limits();
        let (now, until) = (Monotonic(5), Monotonic(9));
        let mut session = Session::new(Clocks::new(NEVER));
        session.leave(&Problem::new(Code::Draining, ""));
        session.note_input(9, now, &limits);
        assert_eq!(session.clocks.due(), NEVER);
        session.linger(until);
        session.note_input(9, now, &limits);
        assert_eq!(session.clocks.due(), until);
    }
}
