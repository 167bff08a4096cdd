//! What the engine keeps for the next process beside tasks: puts under keys that no handler can name,
//! in records that belong to no task. One of them is on its way at a time; of several values for one
//! key the latest goes. Nobody waits for it, and what meets a full disk goes later.

use super::{Engine, Mode};
use crate::event::Effect;
use crate::limits::DISK_FULL_RETRY;
use overtime_protocol::record::{Put, Record};
use overtime_protocol::{Append, Fate, Monotonic, Now, Ticket};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The ticket of the one record that may be on its way.
pub(super) const KEPT_TICKET: Ticket = Ticket(u64::MAX - 1);

/// So many values go together.
const TOGETHER: usize = 256;

/// What is to be kept.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// By name.
    waiting: BTreeMap<String, Put>,
    on_its_way: Vec<(String, Put)>,
    /// The disk was full: not before then.
    not_before: Monotonic,
}

impl Kept {
    /// Has a value kept, in place of what was kept under that name.
    pub(crate) fn put(&mut self, name: String, put: Put) {
        self.waiting.insert(name, put);
    }

    /// Whether what is kept under that name is not on disk yet.
    pub(crate) fn holds(&self, name: &str) -> bool {
        let is_on_its_way = self.on_its_way.iter().any(|(other, _)| other == name);
        is_on_its_way || self.waiting.contains_key(name)
    }

    /// Whether nothing of it is on its way to the disk.
    pub(crate) fn is_quiet(&self) -> bool {
        self.on_its_way.is_empty()
    }

    /// When what waits may go.
    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        let waits = self.on_its_way.is_empty() && !self.waiting.is_empty();
        waits.then_some(self.not_before)
    }
}

impl Engine {
    /// Sends what waits, if nothing is on its way.
    pub(super) fn send_kept(&mut self, now: Now, out: &mut Vec<Effect>) {
        let is_due = self.kept.next_deadline().is_some_and(|at| at <= now.monotonic);
        if !is_due || self.mode == Mode::Failed {
            return;
        }
        while self.kept.on_its_way.len() < TOGETHER
            && let Some(first) = self.kept.waiting.pop_first()
        {
            self.kept.on_its_way.push(first);
        }
        let puts = self.kept.on_its_way.iter().map(|(_, put)| put.clone()).collect();
        let record = Record { puts, ..Record::new(self.mint.mint(now.unix), now.unix) };
        let record = Arc::new(record);
        out.push(Effect::Append(Append { ticket: KEPT_TICKET, record, is_awaited: false }));
    }

    /// The journal has said what became of it.
    pub(super) fn kept_judged(&mut self, fate: Fate, now: Monotonic) {
        let is_kept = matches!(fate, Fate::Durable { .. });
        if !is_kept {
            self.kept.not_before = now + DISK_FULL_RETRY;
        }
        for (name, put) in std::mem::take(&mut self.kept.on_its_way) {
            // On the way out nothing comes later with which it could go.
            if !is_kept && self.mode != Mode::Leaving {
                self.kept.waiting.entry(name).or_insert(put);
            }
        }
    }
}
