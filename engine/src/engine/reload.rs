//! Payloads that are read again: those of tasks that wait are in files and not in memory, and each
//! start brings one back. They get no more than half of the memory for payloads, so that what comes
//! in finds the rest; who finds no room waits for another to end. It reads nothing itself.

use super::Engine;
use crate::queue::{LaneQueue, Standing};
use crate::table::Slot;
use crate::task::{Run, Task};
use overtime_protocol::Now;

/// Who has memory for a payload that is read again, and who waits for some.
#[derive(Debug, Default)]
pub(crate) struct Reloads {
    /// Payload bytes that workers have.
    pub(crate) lent_bytes: u64,
    /// Tasks that could start but for the memory: tenants take turns here too, or whoever has many in
    /// line would have those of all others behind them.
    waiting: LaneQueue,
    /// The first of them.
    next: Option<Slot>,
}

impl Reloads {
    /// The next in line comes forward.
    fn advance(&mut self) {
        self.next = self.waiting.pop().map(|(slot, _)| slot);
    }
}

impl Engine {
    /// Whether there is memory for the payload of a task that is about to start.
    pub(super) fn may_reload(&self, task: &Task) -> bool {
        self.has_memory_for(task, 0)
    }

    /// The same beside others that are about to start. Whoever is alone always may.
    fn has_memory_for(&self, task: &Task, others_bytes: u64) -> bool {
        if !(task.spooled && task.payload.is_stored()) {
            return true;
        }
        let (len, max) = (task.payload.len(), self.limits.payload_memory_max_bytes);
        let lent = self.reloads.lent_bytes.saturating_add(others_bytes);
        let taken = self.stats.payload_bytes.saturating_add(others_bytes);
        let fits = lent.saturating_add(len) <= max / 2 && taken.saturating_add(len) <= max;
        lent == 0 || fits
    }

    /// There is no memory for its payload. Others hold some, and it is looked for again when they
    /// let go.
    pub(super) fn await_memory(&mut self, slot: Slot) {
        let Some(task) = self.table.get_mut(slot) else { return };
        task.run = Run::Unloaded;
        let (tenant, bytes) = (task.durable.tenant, task.payload.len());
        self.reloads.waiting.push(tenant, slot, bytes, Standing::Foremost);
        if self.reloads.next.is_none() {
            self.reloads.advance();
        }
    }

    /// Whether the first of those that wait for memory waits no more.
    pub(super) fn has_memory_for_next(&self) -> bool {
        let next = self.reloads.next;
        next.is_some_and(|slot| self.unloaded(slot).is_none_or(|task| self.may_reload(task)))
    }

    /// Puts those for which there is memory now back in front of their lanes.
    pub(super) fn end_waits_for_memory(&mut self, now: Now) {
        let (mut next, mut bytes) = (Vec::new(), 0);
        while let Some(slot) = self.reloads.next {
            // It may have been cancelled.
            if let Some(task) = self.unloaded(slot) {
                if !self.has_memory_for(task, bytes) {
                    break;
                }
                bytes += task.payload.len();
                next.push(slot);
            }
            self.reloads.advance();
        }
        next.into_iter().rev().for_each(|slot| self.enqueue_first(slot, now.monotonic));
    }

    fn unloaded(&self, slot: Slot) -> Option<&Task> {
        self.table.get(slot).filter(|task| matches!(task.run, Run::Unloaded))
    }
}
