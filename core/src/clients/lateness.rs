//! Lateness: what becomes of connections whose time is up. It never decides how much time there is.

use super::Clients;
use crate::connection::{Speech, Stage};
use crate::limits::{BODY_WAIT_RETRY, SETTLED_AFTER};
use crate::pace::{Pace, Tempo};
use crate::patience::Awaited;
use crate::timeouts::NEVER;
use overtime_protocol::http::Phase;
use overtime_protocol::{Code, Monotonic, Problem};
use std::time::Duration;

/// When to look again at whoever is late only because of us.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

impl Clients {
    /// What is asked of the sender of a body, or the reader of an answer, now.
    pub(super) fn tempo(&self) -> Tempo {
        Tempo { rest: self.patience.span(Awaited::Body), rate_min: self.limits.rate_min }
    }

    /// The connection is about to move many bytes.
    pub(super) fn begin_pace(&mut self, index: usize, awaited: Awaited, now: Monotonic) {
        let pace = Pace::begin(self.tempo(), now);
        self.set_pace(index, awaited, pace, now);
    }

    /// It has moved so many.
    pub(super) fn go_on_pace(
        &mut self,
        index: usize,
        awaited: Awaited,
        bytes: u64,
        now: Monotonic,
    ) {
        let mut pace = self.connections[index].pace;
        pace.go_on(bytes, self.tempo(), now);
        self.set_pace(index, awaited, pace, now);
    }

    fn set_pace(&mut self, index: usize, awaited: Awaited, pace: Pace, now: Monotonic) {
        let connection = &mut self.connections[index];
        connection.pace = pace;
        self.timeouts.set(index, &mut connection.deadline, pace.due);
        self.patience.begin(index, awaited, now);
    }

    /// The peer has just taken something, and perhaps only the buffers on the way have: what still fits
    /// into those must not count as its own step when its time is up.
    pub(super) fn look_again(&mut self, index: usize, now: Monotonic) {
        let connection = &mut self.connections[index];
        let at = connection.pace.due.min(now + SETTLED_AFTER);
        self.timeouts.set(index, &mut connection.deadline, at);
    }

    /// The peer is waited for no more, or until then.
    pub(super) fn wait_until(&mut self, index: usize, at: Monotonic) {
        self.patience.end(index);
        self.timeouts.set(index, &mut self.connections[index].deadline, at);
    }

    /// From now on the peer is waited for to do that.
    pub(super) fn await_peer(&mut self, index: usize, awaited: Awaited, now: Monotonic) {
        self.timeouts.set(index, &mut self.connections[index].deadline, NEVER);
        self.patience.begin(index, awaited, now);
    }

    /// Closes those whose time is up, at most `max`; returns how many entries came up.
    pub(crate) fn expire(&mut self, max: usize, now: Monotonic) -> usize {
        self.mind_the_places();
        let mut seen = 0;
        for awaited in Awaited::ALL {
            while seen < max
                && let Some(index) = self.patience.expired(awaited, now)
            {
                if self.is_our_lateness(index, awaited) {
                    break;
                }
                seen += 1;
                self.patience.end(index);
                self.time_out(index, Some(awaited), now);
            }
        }
        while seen < max {
            let Some(index) = self.timeouts.pop(now) else { break };
            seen += 1;
            let awaited = self.patience.awaited(index);
            let is_ours = awaited.is_some_and(|awaited| self.is_our_lateness(index, awaited));
            let connection = &mut self.connections[index];
            let is_due = connection.deadline.at <= now;
            if is_due {
                connection.deadline.at = if is_ours { now + LOOK_AGAIN } else { NEVER };
            }
            self.timeouts.renew(index, &mut connection.deadline);
            if is_due && !is_ours {
                self.time_out(index, None, now);
            }
        }
        seen
    }

    /// Whether what the peer is waited for has come and lies unread.
    fn is_our_lateness(&self, index: usize, awaited: Awaited) -> bool {
        // Whoever has heard everything may send for ever.
        let is_over = matches!(awaited, Awaited::Gone | Awaited::End);
        self.connections[index].listed && !is_over
    }

    /// Whether the peer of a connection that could not be written to has taken something meanwhile:
    /// the poll tells of that only when it is much.
    pub(super) fn has_moved_on(&mut self, index: usize, write: impl FnOnce(&mut Self)) -> bool {
        let before = self.counters.bytes_written;
        write(self);
        self.counters.bytes_written > before || !self.connections.contains(index)
    }

    /// Whether a peer that has taken nothing more has time left to do so.
    fn was_only_a_look(&mut self, index: usize, now: Monotonic) -> bool {
        let connection = &mut self.connections[index];
        let is_reader = matches!(connection.stage, Stage::Answering(_));
        let has_time = is_reader && connection.pace.due > now;
        if has_time {
            self.timeouts.set(index, &mut connection.deadline, connection.pace.due);
        }
        has_time
    }

    fn time_out(&mut self, index: usize, awaited: Option<Awaited>, now: Monotonic) {
        if awaited == Some(Awaited::Gone) {
            self.close(index);
            return;
        }
        let connection = &mut self.connections[index];
        if let Speech::Native(_) = connection.speech {
            self.time_out_native(index, awaited, now);
            return;
        }
        if let Stage::Following(_) = connection.stage {
            self.time_out_follower(index, now);
            return;
        }
        if matches!(connection.stage, Stage::Answering(_))
            && !connection.output.is_empty()
            && self.has_moved_on(index, |clients| clients.go_on_now(index, now))
        {
            return;
        }
        if awaited.is_none() && self.was_only_a_look(index, now) {
            return;
        }
        let connection = &mut self.connections[index];
        let phase = connection.deframer.phase();
        let is_paused = matches!(connection.stage, Stage::Paused(_));
        let reads = is_paused || matches!(connection.stage, Stage::Reading | Stage::Ordered(_));
        if !matches!(connection.stage, Stage::Lingering) {
            self.counters.timed_out += 1;
        }
        if !reads || phase == Phase::Idle {
            self.close(index);
            return;
        }
        let problem = if is_paused {
            let detail = "the memory for payloads was used up for too long";
            Problem::new(Code::PayloadMemory, detail).after(BODY_WAIT_RETRY)
        } else {
            let detail = "the rest of the request did not arrive in time";
            Problem::new(Code::RequestTimeout, detail)
        };
        self.answer_and_close(index, problem.into());
    }
}
