//! The clients: every connection, let in, looked after and closed. How its bytes become orders and
//! how answers become its bytes is in the files below; nothing here looks at either.

use crate::connection::{Connection, Speech, Stage};
use crate::exchange::Router;
use crate::limits::{BODIES_WAITING_MAX, Limits};
use crate::patience::{Awaited, Patience};
use crate::payload_budget::PayloadBudget;
use crate::snapshot::Counters;
use crate::timeouts::Timeouts;
use mio::event::Event;
use overtime_protocol::http::Phase;
use overtime_protocol::keyring::KeyRing;
use overtime_protocol::{Monotonic, TenantId, TenantName, UnixMillis};
use slab::Slab;
use std::sync::Arc;

mod answering;
mod bodies;
mod date;
mod following;
mod lateness;
mod native;
mod orders;
mod places;
mod reading;
mod refusing;
mod screen;

pub(crate) use orders::{Ordered, Orders};
pub(crate) use screen::{Announced, Screen};

/// Every connection.
#[derive(Debug)]
pub(crate) struct Clients {
    connections: Slab<Connection>,
    limits: Limits,
    timeouts: Timeouts,
    patience: Patience,
    places: places::Places,
    budget: PayloadBudget,
    reading: reading::Reading,
    answering: answering::Answering,
    following: following::Following,
    /// From here on every connection closes behind its answer.
    closing: bool,
    pub(crate) counters: Counters,
    /// Connections that closed since the listener was last told.
    pub(crate) closed: usize,
}

impl Clients {
    /// Clients whose payloads share `payload_max_bytes` of memory with the engine's.
    pub(crate) fn new(router: Router, mut limits: Limits, payload_max_bytes: u64) -> Self {
        let body_max_bytes = limits.http.body_max_bytes.min(payload_max_bytes);
        limits.http.body_max_bytes = body_max_bytes;
        let budget = PayloadBudget::new(payload_max_bytes, body_max_bytes, BODIES_WAITING_MAX);
        Self {
            connections: Slab::new(),
            timeouts: Timeouts::default(),
            patience: Patience::new(&limits),
            places: places::Places::new(limits.connections_max),
            budget,
            reading: reading::Reading::new(router),
            answering: answering::Answering::default(),
            following: following::Following::default(),
            closing: false,
            counters: Counters::default(),
            closed: 0,
            limits,
        }
    }

    /// Sets the clock that answers show, and by which keys expire.
    pub(crate) fn set_time(&mut self, now: UnixMillis) {
        self.answering.set_date(now);
        self.reading.router.callers.set_time(now);
    }

    /// From here on callers need one of these keys. Whoever follows a task with another is hung up
    /// on; other connections are told so at their next request.
    pub(crate) fn set_keys(
        &mut self,
        keys: Arc<KeyRing>,
        name: impl FnMut(&TenantName) -> TenantId,
    ) {
        self.budget.set_shared(keys.has_several_tenants());
        let callers = &mut self.reading.router.callers;
        callers.set_keys(keys, name);
        let is_out = |connection: &Connection| match &connection.stage {
            Stage::Following(follower) => !callers.still_lets_in(&follower.caller),
            _ => false,
        };
        let out = self.connections.iter().filter(|(_, connection)| is_out(connection));
        let out: Vec<usize> = out.map(|(index, _)| index).collect();
        out.into_iter().for_each(|index| self.close(index));
    }

    /// The counters, and the gauges of this moment.
    pub(crate) fn counters(&self) -> Counters {
        Counters {
            bodies_waiting: self.budget.waiting() as u64,
            bytes_reserved: self.budget.reserved_bytes(),
            followers: self.following.count(),
            connections_max: self.places.max() as u64,
            ..self.counters
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether the loop must not sleep.
    pub(crate) fn has_work(&self) -> bool {
        self.reading.has_work() || self.answering.has_work() || self.following.has_work()
    }

    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        [self.timeouts.next_at(), self.patience.next_at()].into_iter().flatten().min()
    }

    /// Whether somebody waits for an answer that is not there yet.
    pub(crate) fn owes_answers(&self) -> bool {
        self.connections.iter().any(|(_, connection)| match &connection.speech {
            Speech::Native(session) => !session.owes_nothing(),
            Speech::Unknown | Speech::Http => match &connection.stage {
                Stage::Waiting(_) => true,
                Stage::Following(follower) => !follower.opened,
                Stage::Reading
                | Stage::Ordered(_)
                | Stage::Paused(_)
                | Stage::Answering(_)
                | Stage::Lingering => false,
            },
        })
    }

    /// Whether an answer is still on its way out.
    pub(crate) fn owes_output(&self) -> bool {
        self.connections.iter().any(|(_, connection)| !connection.output.is_empty())
    }

    /// The poll says that something has changed for a connection.
    pub(crate) fn note(&mut self, index: usize, event: &Event, now: Monotonic) {
        let Some(connection) = self.connections.get_mut(index) else { return };
        if event.is_error() || (event.is_read_closed() && event.is_write_closed()) {
            self.leave(index, now);
            return;
        }
        connection.read_closed |= event.is_read_closed();
        connection.readable |= event.is_readable() || event.is_read_closed();
        if event.is_writable() && !connection.output.is_empty() {
            match connection.stage {
                Stage::Following(_) => self.go_on_following(index),
                _ => self.answering.go_on(index),
            }
        }
        self.list(index);
    }

    /// The peer is gone. Many may go at once, so those who are owed nothing are closed when it is
    /// their turn.
    fn leave(&mut self, index: usize, now: Monotonic) {
        let Connection { speech, stage, .. } = &self.connections[index];
        match (speech, stage) {
            (Speech::Unknown | Speech::Http, Stage::Reading | Stage::Lingering) => {
                self.await_peer(index, Awaited::Gone, now);
            }
            _ => self.close(index),
        }
    }

    fn close(&mut self, index: usize) {
        self.stop_following(index);
        let Some(connection) = self.connections.try_remove(index) else { return };
        self.timeouts.remove(index, &connection.deadline);
        self.patience.end(index);
        self.budget.release(&connection.share);
        self.closed += 1;
        self.mind_the_places();
    }

    /// Closes the connections on which nobody is owed anything.
    pub(crate) fn close_idle(&mut self) {
        let idle = |connection: &Connection| match connection.speech {
            Speech::Unknown | Speech::Http => {
                let phase = connection.deframer.phase();
                matches!(connection.stage, Stage::Reading) && phase == Phase::Idle
            }
            // It was said goodbye to, and is closed behind its last answer.
            Speech::Native(_) => false,
        };
        let indexes = self.connections.iter().filter(|(_, connection)| idle(connection));
        let indexes: Vec<usize> = indexes.map(|(index, _)| index).collect();
        indexes.into_iter().for_each(|index| self.close(index));
    }
}
