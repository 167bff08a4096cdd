//! The ends: an attempt's outcome is durable (or needs not be), so it may be shown.

use super::Engine;
use crate::event::Effect;
use crate::table::Slot;
use crate::task::{AcceptanceState, Ended, Run, StartMarkState};
use overtime_protocol::record::Change;
use overtime_protocol::{Document, Durability, Hurt, Now, Problem, TaskState};

impl Engine {
    pub(super) fn end_durable(&mut self, slot: Slot, now: Now, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get_mut(slot) else { return };
        let ended = match std::mem::replace(&mut task.run, Run::Waiting) {
            Run::Ended(ended) => ended,
            other => {
                debug_assert!(false, "an end is durable for a task that has not ended");
                task.run = other;
                return;
            }
        };
        match &ended.record.change {
            Some(Change::Finished(..)) => self.finish(slot, &ended, Durability::Disk, now, out),
            Some(Change::Parked(_)) => self.park(slot, &ended, now, out),
            Some(Change::Retrying { next_at, fault }) => {
                task.acceptance = AcceptanceState::Durable;
                task.durable.fault = Some(Box::new(fault.clone()));
                task.start_mark = StartMarkState::None;
                let left = task.hot_key.take();
                self.delay(slot, *next_at, now);
                self.leave_line(left, now);
                self.tell_overdue(slot, now, out);
                self.end_suspicion(slot, now);
                if self.is_to_be_cancelled(slot) {
                    self.cancel_unstarted(slot, now, out);
                }
            }
            Some(
                Change::Started(_) | Change::Advanced(_) | Change::Resumed | Change::CancelAsked,
            )
            | None => {
                debug_assert!(false, "none of these ends anything");
            }
        }
    }

    /// The task has ended: everybody who waits is told, and the journal answers from now on.
    pub(super) fn finish(
        &mut self,
        slot: Slot,
        ended: &Ended,
        durability: Durability,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let Some(Change::Finished(document, _)) = &ended.record.change else { return };
        match document.state {
            TaskState::Succeeded => self.stats.succeeded += 1,
            TaskState::Cancelled => self.stats.cancelled += 1,
            _ => self.stats.failed += 1,
        }
        self.tell_repair(slot.id(), document.state);
        if document.state != TaskState::Cancelled {
            self.note_pace(slot, now);
        }
        self.tell_finished(slot, ended, durability, now, out);
        self.let_go_of_file(slot, out);
        self.leave_table(slot, now);
    }

    fn park(&mut self, slot: Slot, ended: &Ended, now: Now, out: &mut Vec<Effect>) {
        let Some(Change::Parked(document)) = &ended.record.change else { return };
        if self.is_to_be_cancelled(slot) {
            self.discard(slot, document, now, out);
            return;
        }
        self.stats.parked += 1;
        self.hurt_task(slot, Hurt { failed: 1, ..Hurt::default() });
        self.tell_repair(slot.id(), TaskState::Parked);
        self.note_pace(slot, now);
        self.tell_parked(slot, document, out);
        self.leave_table(slot, now);
    }

    /// The task is parked, and somebody has decided already that it is to end.
    fn discard(&mut self, slot: Slot, document: &Document, now: Now, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get_mut(slot) else { return };
        task.acceptance = AcceptanceState::Durable;
        task.durable.fault = document.fault.clone().map(Box::new);
        self.end_cancelled(slot, TaskState::Parked, now, out);
        self.tell_overdue(slot, now, out);
    }

    fn note_pace(&mut self, slot: Slot, now: Now) {
        let Some(task) = self.table.get(slot) else { return };
        match task.cut {
            true => self.pace.went_through(now.monotonic),
            false => self.pace.ended((task.kind, task.durable.form), task.created, now.monotonic),
        }
    }

    fn leave_table(&mut self, slot: Slot, now: Now) {
        let Some(task) = self.table.get(slot) else { return };
        let left = task.hot_key.get();
        self.forget(slot);
        self.leave_line(left, now);
        self.end_suspicion(slot, now);
    }

    /// There is no room on the disk before anybody was told that the task is accepted: it is refused after
    /// all. A worker that has it cannot be called back, but nothing it does will count.
    pub(super) fn refuse_late(
        &mut self,
        slot: Slot,
        problem: Problem,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        self.refuse_waiters(slot, &problem, out);
        self.let_go_of_file(slot, out);
        let Some(task) = self.table.get_mut(slot) else { return };
        let left = task.hot_key.get();
        match task.run {
            Run::Running => {
                task.run = Run::Abandoned;
                // Whoever comes with its key now is the first.
                if let Some(claim) = task.durable.claim.take() {
                    self.keys.let_go(claim.key);
                }
                return;
            }
            Run::Ended(_) => self.leave_line(left, now),
            Run::Queued { .. } => {
                self.take_out(slot);
                self.leave_line(left, now);
            }
            _ => {}
        }
        self.forget(slot);
    }
}
