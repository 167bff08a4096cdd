//! Tasks of a former process whose upstream may not be called: nobody else waits for them. They are not
//! marked before they may go, or the next crash would put all that were held under suspicion.

use crate::engine::Engine;
use crate::table::Slot;
use crate::task::StartMarkState;
use overtime_protocol::Monotonic;

impl Engine {
    /// A task that would be marked now stands in the line of its upstream instead, if it has to wait
    /// there. A suspect that does is none meanwhile: the others have their turn.
    pub(in super::super) fn waits_unmarked(&mut self, slot: Slot, now: Monotonic) -> bool {
        let Some(upstream) = self.has_to_wait_at_gate(slot, now) else { return false };
        if let Some(task) = self.table.get_mut(slot) {
            task.start_mark = StartMarkState::Required { isolated: false };
        }
        self.await_upstream(slot, upstream);
        true
    }

    /// What was marked ahead and has come to a gate takes none of the places of those that are.
    pub(super) fn leave_marks(&mut self, slot: Slot) {
        if let Some(lane) = self.table.get_mut(slot).and_then(|task| task.marked_in.take()) {
            self.marks[lane].leave();
        }
        if self.suspects.is_active(slot) {
            self.suspects.end(slot);
            self.next_suspect(self.latest);
        }
    }

    /// Whether a task that may go now has to be marked before; it waits for that then.
    pub(super) fn goes_for_mark(&mut self, slot: Slot, now: Monotonic) -> bool {
        let task = self.table.get(slot);
        let is_marked =
            task.is_none_or(|task| !matches!(task.start_mark, StartMarkState::Required { .. }));
        if !is_marked {
            self.enqueue(slot, now);
        }
        !is_marked
    }

    /// One that went for its mark has started: the next of its line may.
    pub(in super::super) fn next_may_go(&mut self, slot: Slot) {
        let upstream = self.table.get(slot).and_then(|task| self.kind(task).upstream);
        if let Some(upstream) = upstream {
            self.lines.list(upstream);
        }
    }
}
