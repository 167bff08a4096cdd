//! Timers: what is due at which point of the monotonic clock.

use crate::engine::Carries;
use crate::repairs::RepairId;
use crate::table::Slot;
use overtime_protocol::{Monotonic, ReplyTo, UpstreamId};
use std::collections::BTreeMap;
use std::time::Duration;

/// Names one timer, and when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerKey {
    pub(crate) at: Monotonic,
    sequence: u64,
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// A caller's wait ends.
    Reply(Slot, ReplyTo),
    /// A task may start.
    Start(Slot),
    /// An append that met a full disk is to be tried again.
    Reappend(Slot, Carries),
    /// A caller has waited long enough for the tasks of a former process to be known.
    Deferred(ReplyTo),
    /// What happened to tenants is to be noted.
    Note,
    /// The open incidents are to be looked at.
    Incidents,
    /// A repair goes on.
    Repair(RepairId),
    /// Time has passed that kept those from starting who call an upstream.
    Gate(UpstreamId),
    /// How upstreams that were called are is to be kept.
    GateNote,
}

/// All timers, soonest first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeMap<TimerKey, Due>,
    sequence: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Monotonic, due: Due) -> TimerKey {
        self.sequence += 1;
        let key = TimerKey { at, sequence: self.sequence };
        self.due.insert(key, due);
        key
    }

    pub(crate) fn cancel(&mut self, key: TimerKey) {
        self.due.remove(&key);
    }

    pub(crate) fn next_at(&self) -> Option<Monotonic> {
        self.due.first_key_value().map(|(key, _)| key.at)
    }

    /// The soonest timer that is due at `now`; it is gone then.
    pub(crate) fn pop(&mut self, now: Monotonic) -> Option<Due> {
        let first = self.due.first_entry()?;
        (first.key().at <= now).then(|| first.remove())
    }
}

/// Timers that all run for the same span, so that a queue keeps them in order. They are never
/// cancelled: whoever is no more is skipped when its time comes.
#[derive(Debug)]
pub(crate) struct Lingers {
    span: Duration,
    queue: std::collections::VecDeque<(Monotonic, Slot)>,
}

impl Lingers {
    pub(crate) fn new(span: Duration) -> Self {
        Self { span, queue: std::collections::VecDeque::new() }
    }

    pub(crate) fn set(&mut self, now: Monotonic, slot: Slot) {
        self.queue.push_back((now + self.span, slot));
    }

    pub(crate) fn next_at(&self) -> Option<Monotonic> {
        self.queue.front().map(|&(at, _)| at)
    }

    pub(crate) fn pop(&mut self, now: Monotonic) -> Option<Slot> {
        let &(at, slot) = self.queue.front()?;
        (at <= now).then(|| {
            self.queue.pop_front();
            slot
        })
    }

    /// Drops entries from the front of which `is_over` says that nothing hangs on them any more,
    /// so that they do not wake the poll.
    pub(crate) fn skip(&mut self, is_over: impl Fn(Slot) -> bool) {
        while self.queue.front().is_some_and(|&(_, slot)| is_over(slot)) {
            self.queue.pop_front();
        }
    }
}
