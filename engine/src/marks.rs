//! Start marks that come before the start. After a crash every task is marked before it runs, so
//! that one that takes the process down is known; but one that is marked and did not run would be
//! under suspicion after the next crash for nothing. So only a few are marked ahead.

use crate::queue::{LaneQueue, Standing};
use crate::table::Slot;
use overtime_protocol::TenantId;
use std::collections::VecDeque;

/// How many tasks of a lane are marked ahead of their start: as many as a sync and the workers
/// can deal with before the next ones are on disk.
const AHEAD_MAX: usize = 512;

/// The tasks of a lane that have to be marked before they may start.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// Those before all others.
    first: VecDeque<Slot>,
    /// Tenants take turns here as in the lane: there may be a million of one.
    waiting: LaneQueue,
    /// Marks on their way, and tasks that are marked and have not started.
    ahead: usize,
}

impl Marks {
    /// Has a task wait for its mark, behind those of its tenant that stand alike. It may wait a
    /// second time, and stands as the first one that comes then.
    pub(crate) fn push(&mut self, tenant: TenantId, slot: Slot, standing: Standing) {
        self.waiting.push(tenant, slot, 0, standing);
    }

    /// Has a task wait for its mark, before the others.
    pub(crate) fn push_first(&mut self, slot: Slot) {
        self.first.push_front(slot);
    }

    /// Whether there is one to mark now.
    pub(crate) fn is_due(&self) -> bool {
        self.ahead < AHEAD_MAX && !(self.first.is_empty() && self.waiting.is_empty())
    }

    /// The next to mark. It may be over by now: whoever takes one checks it.
    pub(crate) fn pop(&mut self) -> Option<Slot> {
        if !self.is_due() {
            return None;
        }
        self.first.pop_front().or_else(|| self.waiting.pop().map(|(slot, _)| slot))
    }

    /// One is marked ahead.
    pub(crate) fn enter(&mut self) {
        self.ahead += 1;
    }

    /// One of those has started, or ended without a start.
    pub(crate) fn leave(&mut self) {
        debug_assert!(self.ahead > 0, "more left than entered");
        self.ahead = self.ahead.saturating_sub(1);
    }

    #[cfg(any(test, feature = "audit"))]
    pub(crate) fn ahead(&self) -> usize {
        self.ahead
    }
}
