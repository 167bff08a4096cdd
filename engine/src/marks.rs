//! Start marks that come before the start. After a crash every task is marked before it runs, so
//! that one that takes the process down is known; but one that is marked and did not run would be
//! under suspicion after the next crash for nothing. So only a few are marked ahead.

use crate::table::Slot;
use std::collections::VecDeque;

/// How many tasks of a lane are marked ahead of their start: as many as a sync and the workers
/// can deal with before the next ones are on disk.
const AHEAD_MAX: usize = 512;

/// The tasks of a lane that have to be marked before they may start.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    waiting: VecDeque<Slot>,
    /// Marks on their way, and tasks that are marked and have not started.
    ahead: usize,
}

impl Marks {
    /// Has a task wait for its mark, behind the others.
    pub(crate) fn push(&mut self, slot: Slot) {
        self.waiting.push_back(slot);
    }

    /// Has a task wait for its mark, before the others.
    pub(crate) fn push_first(&mut self, slot: Slot) {
        self.waiting.push_front(slot);
    }

    /// Whether there is one to mark now.
    pub(crate) fn is_due(&self) -> bool {
        self.ahead < AHEAD_MAX && !self.waiting.is_empty()
    }

    /// The next to mark. It may be over by now: whoever takes one checks it.
    pub(crate) fn pop(&mut self) -> Option<Slot> {
        self.is_due().then(|| self.waiting.pop_front())?
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
