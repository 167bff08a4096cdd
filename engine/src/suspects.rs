//! Suspects: tasks that were running when a former process died. One of them may have been the
//! cause, so they run again one at a time, each with a start mark on disk before it starts.

use crate::table::Slot;
use std::collections::VecDeque;

/// The line of suspects.
#[derive(Debug, Default)]
pub(crate) struct Suspects {
    waiting: VecDeque<Slot>,
    active: Option<Slot>,
}

impl Suspects {
    pub(crate) fn add(&mut self, slot: Slot) {
        self.waiting.push_back(slot);
    }

    /// The suspect whose turn it is, if none has it already.
    pub(crate) fn next(&mut self) -> Option<Slot> {
        if self.active.is_some() {
            return None;
        }
        self.active = self.waiting.pop_front();
        self.active
    }

    /// Whether it is this suspect's turn.
    pub(crate) fn is_active(&self, slot: Slot) -> bool {
        self.active == Some(slot)
    }

    /// The suspect's attempt is over, or the suspect is no more.
    pub(crate) fn end(&mut self, slot: Slot) {
        if self.active == Some(slot) {
            self.active = None;
        }
    }
}
