//! Large payloads: each is in a file of its own before a record says that it is there.

use super::Engine;
use crate::event::Effect;
use crate::limits::DISK_FULL_RETRY;
use crate::table::Slot;
use crate::task::{AcceptanceState, Run};
use overtime_protocol::{Code, Now, Problem, SpoolOrder, Spooled, TaskId};

impl Engine {
    pub(super) fn spool(&mut self, slot: Slot, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get_mut(slot) else { return };
        task.acceptance = AcceptanceState::Spooling;
        let order = SpoolOrder::Write { task: slot.id(), payload: task.payload.clone() };
        out.push(Effect::Spool(order));
        self.stats.spooling += 1;
    }

    pub(super) fn spooled(
        &mut self,
        task: TaskId,
        outcome: Spooled,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        self.stats.spooling = self.stats.spooling.saturating_sub(1);
        let Some(slot) = self.table.find(task) else {
            self.stats.stale += 1;
            out.push(Effect::Spool(SpoolOrder::Remove(task)));
            return;
        };
        let Some(task) = self.table.get_mut(slot) else { return };
        debug_assert!(task.acceptance == AcceptanceState::Spooling, "it was not asked for");
        task.acceptance = AcceptanceState::Volatile;
        if matches!(task.run, Run::Ended(_)) {
            // It was cancelled, and its end needs no payload.
            task.spooled = outcome == Spooled::Written;
            return;
        }
        let problem = match outcome {
            Spooled::Written => {
                task.spooled = true;
                self.append_acceptance(slot, now.unix, out);
                return;
            }
            Spooled::DiskFull => Problem::new(Code::Disk, DISK_FULL),
            Spooled::Failed(why) => Problem::new(Code::Spool, why),
        };
        let wait = self.seed.stretch(DISK_FULL_RETRY);
        self.refuse_late(slot, problem.after(wait), now, out);
    }

    /// The task is over, and its payload with it.
    pub(super) fn let_go_of_file(&mut self, slot: Slot, out: &mut Vec<Effect>) {
        if self.table.get(slot).is_some_and(|task| task.spooled) {
            out.push(Effect::Spool(SpoolOrder::Remove(slot.id())));
        }
    }
}

/// What a caller is told whose task found no room on the disk.
pub(super) const DISK_FULL: &str = "the disk is full; the task was not accepted";
