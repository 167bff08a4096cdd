//! Cancellation of live tasks. It lands at an edge: before the start, or where the attempt ends
//! without having finished the task. Whatever finishes first wins, and everybody is told how it was
//! once that is on disk. Nothing that runs is interrupted.

use super::Engine;
use super::record::Carries;
use super::revive::Steerer;
use crate::event::{Effect, Wants};
use crate::limits::UNDECIDED_HOLD;
use crate::slim::Slim;
use crate::table::Slot;
use crate::task::{AcceptanceState, CancelState, Ended, Run};
use overtime_protocol::record::{Change, Record};
use overtime_protocol::{Code, Document, Fault, Now, Problem, TaskState, UnixMillis};
use std::sync::Arc;
use std::time::Duration;

impl Engine {
    /// Somebody wants a live task to end as cancelled.
    pub(super) fn cancel_live(&mut self, slot: Slot, by: Steerer, now: Now, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get(slot) else { return };
        let (is_running, has_ended) =
            (matches!(task.run, Run::Running), matches!(task.run, Run::Ended(_)));
        if is_running && task.cancel == CancelState::Asked {
            let answer = self.still_running(slot, now);
            self.tell_steerer(by, answer, out);
            return;
        }
        if !self.await_steered(slot, by, Wants::Cancellation, now, out) {
            return;
        }
        match (is_running, has_ended) {
            (true, _) => self.ask_to_stop(slot, now.unix, out),
            // How the attempt ended decides, once that is on disk, however long its caller waits.
            (_, true) => self.keep_wish(slot),
            _ => self.cancel_unstarted(slot, now, out),
        }
    }

    fn keep_wish(&mut self, slot: Slot) {
        let Some(task) = self.table.get_mut(slot) else { return };
        if task.cancel == CancelState::No {
            task.cancel = CancelState::Asking;
        }
    }

    /// Has whoever steers wait for what becomes durable; `false` if too many do.
    pub(super) fn await_steered(
        &mut self,
        slot: Slot,
        by: Steerer,
        wants: Wants,
        now: Now,
        out: &mut Vec<Effect>,
    ) -> bool {
        let Steerer::Caller(to, _) = by else { return true };
        let Some(task) = self.table.get(slot) else { return false };
        if task.waiters.len() >= self.limits.waiters_max {
            let wait = self.seed.stretch(self.pace.until_drained(1));
            let problem = Problem::new(Code::Waiters, "too many callers wait for this task");
            self.tell_steerer(by, problem.after(wait).into(), out);
            return false;
        }
        self.add_waiter(slot, (to, wants), UNDECIDED_HOLD, now.monotonic);
        true
    }

    /// A worker has it: it is asked to stop, and should this process die, the task does not run
    /// again.
    fn ask_to_stop(&mut self, slot: Slot, now: UnixMillis, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get_mut(slot) else { return };
        if task.cancel != CancelState::No {
            return;
        }
        task.cancel = CancelState::Asking;
        let (chain, place) = (task.chain, usize::from(task.chain_place));
        let is_volatile = task.acceptance == AcceptanceState::Volatile;
        out.push(Effect::Cancel { chain, place });
        if is_volatile {
            self.append_acceptance(slot, now, out);
        }
        self.append_cancel_asked(slot, now, out);
    }

    pub(super) fn append_cancel_asked(
        &mut self,
        slot: Slot,
        now: UnixMillis,
        out: &mut Vec<Effect>,
    ) {
        let Some(task) = self.table.get(slot) else { return };
        let attempt = task.durable.attempts;
        let change = Some(Change::CancelAsked);
        let record = Record { attempt, change, ..Record::new(slot.id(), now) };
        self.append(slot, Carries::CancelAsked, Arc::new(record), out);
    }

    /// That the end was asked for is on disk. If the attempt has ended meanwhile, those who asked
    /// hear how.
    pub(super) fn cancel_noted(&mut self, slot: Slot, now: Now, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get_mut(slot) else { return };
        task.cancel = CancelState::Asked;
        if matches!(task.run, Run::Running) {
            self.tell_steered(slot, Wants::Cancellation, now, out);
        }
    }

    /// Ends a task that no worker has. It is not started meanwhile, because only what is queued or
    /// chained is.
    pub(super) fn cancel_unstarted(&mut self, slot: Slot, now: Now, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get(slot) else { return };
        let shown = self.state(task);
        let Some(task) = self.table.get_mut(slot) else { return };
        match task.run {
            // All workers may be busy for long, and there may be any number of these.
            Run::Queued { .. } => {
                self.take_out(slot);
            }
            // It only stands in the line, and is passed over there.
            Run::Chained => task.hot_key = Slim::NONE,
            // It may be due in a year, and there may be any number of these.
            Run::Delayed { timer, .. } => self.timers.cancel(timer),
            // Its upstream may be shed for long.
            Run::AtGate { .. } => self.leave_gate(slot),
            Run::Waiting | Run::Suspect | Run::Unloaded => {}
            Run::Running | Run::Ended(_) | Run::Abandoned => {
                debug_assert!(false, "{:?} is not without a worker", task.run);
                return;
            }
        }
        self.end_cancelled(slot, shown, now, out);
    }

    /// Appends the end of a task of which nothing is under way.
    pub(super) fn end_cancelled(
        &mut self,
        slot: Slot,
        shown: TaskState,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let Some(task) = self.table.get(slot) else { return };
        let fault = task.durable.fault.as_deref().cloned();
        let record = Record {
            attempt: task.durable.attempts,
            run: task.runs,
            change: Some(self.cancelled(slot, fault, now.unix)),
            ..Record::new(slot.id(), now.unix)
        };
        let (queue, exec) = (Duration::ZERO, Duration::ZERO);
        let ended = Ended { record: Arc::new(record), queue, exec, at: now.monotonic, shown };
        self.append_ended(slot, ended, out);
    }

    pub(super) fn cancelled(&self, slot: Slot, fault: Option<Fault>, at: UnixMillis) -> Change {
        let document = self.last_document(slot, TaskState::Cancelled, fault);
        Change::Finished(Box::new(Document { finished_at: Some(at), ..document }), None)
    }

    pub(super) fn is_to_be_cancelled(&self, slot: Slot) -> bool {
        self.table.get(slot).is_some_and(|task| task.is_to_be_cancelled())
    }
}
