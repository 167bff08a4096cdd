//! Steering of one task, by a caller or by a repair: it is cancelled, or it was parked and runs
//! again. A parked task is not live, so the journal is asked for it first.
//!
//! That nobody has it run twice rests on three things. There is one question at a time for a task,
//! whoever asks. Only what is decided at its answer can change a parked task, so the answer is still
//! true when it comes. And those who wait are served one after the other: the first of them makes the
//! task live, with its record on the way to the disk before anything else of it, and each after the
//! first finds it live. Whoever comes later finds it live too, or asks after its next end was on disk.

use super::inquiry::Pending;
use super::record::Carries;
use super::told::{no_handler, not_parked, unhandled, unsteerable};
use super::{Engine, Mode};
use crate::event::{Effect, Sight, Steer, Wants, Wish};
use crate::repairs::RepairId;
use crate::table::Slot;
use crate::task::Run;
use crate::timers::TimerKey;
use overtime_protocol::record::{Change, Record};
use overtime_protocol::{
    Answer, Claim, Code, KindId, Now, Problem, Question, ReplyTo, TaskId, TaskState, TenantId,
    Unfinished, Unsteerable,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Who steers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Steerer {
    /// A caller, who is owed an answer, and whose tasks it sees.
    Caller(ReplyTo, Sight),
    /// A repair, with the task itself.
    Repair(RepairId, TaskId),
}

/// Tasks that are not live and that somebody wants to steer.
#[derive(Debug, Default)]
pub(crate) struct Revivals {
    /// Who waits for the journal to tell of a task.
    asked: HashMap<TaskId, Vec<(Steerer, Wish)>>,
    /// Those who ask for tasks that may yet be told of by the recovery.
    pub(super) deferred: BTreeMap<ReplyTo, (Steer, TimerKey)>,
    /// Unfinished tasks that are not live, because nobody handles their kind.
    unhandled: HashMap<TaskId, TenantId>,
}

impl Revivals {
    /// Whether somebody waits for the end of the recovery.
    pub(crate) fn defers(&self) -> bool {
        !self.deferred.is_empty()
    }

    /// Those who wait for the end of the recovery, and until when.
    pub(crate) fn deferred(&self) -> Vec<(ReplyTo, TimerKey)> {
        self.deferred.iter().map(|(&reply_to, &(_, timer))| (reply_to, timer)).collect()
    }

    /// A task that is left to the journal.
    pub(crate) fn leave(&mut self, task: TaskId, tenant: TenantId) {
        self.unhandled.insert(task, tenant);
    }
}

impl Engine {
    pub(super) fn steer(&mut self, steer: Steer, now: Now, out: &mut Vec<Effect>) {
        let Steer { reply_to, scope, task, wish } = steer;
        let by = Steerer::Caller(reply_to, scope);
        if self.mode == Mode::Failed {
            let problem = Problem::new(Code::JournalFailed, "the journal cannot write");
            self.tell_steerer(by, problem.into(), out);
            return;
        }
        let is_there = |slot| self.is_in_sight(slot, scope);
        if self.is_recovering() && !self.find_steerable(task).is_some_and(is_there) {
            self.defer_steer(steer, now.monotonic, out);
            return;
        }
        self.steer_by((by, wish), task, now, out);
    }

    pub(super) fn steer_by(
        &mut self,
        (by, wish): (Steerer, Wish),
        task: TaskId,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let left = self.revivals.unhandled.get(&task).copied();
        match self.find_steerable(task) {
            Some(slot) => self.steer_live(slot, (by, wish), now, out),
            None if left.is_some_and(|tenant| by.sees(tenant)) => {
                self.tell_steerer(by, unhandled(task), out);
            }
            // Nobody but the journal says what there is not.
            None if left.is_some() => self.hide(task, by, out),
            None => self.ask_for_parked(task, (by, wish), out),
        }
    }

    /// The task if it is live, and not one of which its caller was told that it was not accepted.
    fn find_steerable(&self, task: TaskId) -> Option<Slot> {
        let is_abandoned =
            |slot: Slot| self.table.get(slot).is_none_or(|task| matches!(task.run, Run::Abandoned));
        self.table.find(task).filter(|&slot| !is_abandoned(slot))
    }

    fn steer_live(
        &mut self,
        slot: Slot,
        (by, wish): (Steerer, Wish),
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let Some(task) = self.table.get(slot) else { return };
        if !by.sees(task.durable.tenant) {
            self.hide(slot.id(), by, out);
            return;
        }
        match wish {
            // Somebody else was faster, and what becomes of it is theirs.
            _ if matches!(by, Steerer::Repair(..)) => {
                let answer = not_parked(slot.id(), self.state(task));
                self.tell_steerer(by, answer, out);
            }
            Wish::Cancel => self.cancel_live(slot, by, now, out),
            Wish::Retry if task.resuming => {
                self.await_steered(slot, by, Wants::Resumption, now, out);
            }
            Wish::Retry => {
                let answer = not_parked(slot.id(), self.state(task));
                self.tell_steerer(by, answer, out);
            }
        }
    }

    fn ask_for_parked(&mut self, task: TaskId, (by, wish): (Steerer, Wish), out: &mut Vec<Effect>) {
        let waiting = self.revivals.asked.get(&task).map_or(0, Vec::len);
        if waiting >= self.limits.waiters_max || self.inquiries.len() >= self.limits.inquiries_max {
            let problem = Problem::new(Code::Reads, "too many requests wait for the journal");
            let wait = self.seed.stretch(self.pace.until_drained(1));
            self.tell_steerer(by, problem.after(wait).into(), out);
            return;
        }
        self.revivals.asked.entry(task).or_default().push((by, wish));
        if waiting == 0 {
            self.inquire(Question::Parked(task), Pending::Parked(task), out);
        }
    }

    /// The journal has told of a task. What is live by now counts before what it said.
    pub(super) fn parked_found(
        &mut self,
        task: TaskId,
        found: Result<Box<Unfinished>, Box<Unsteerable>>,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        for steered in self.revivals.asked.remove(&task).unwrap_or_default() {
            if self.is_withdrawn(steered.0) {
                continue;
            }
            match (self.find_steerable(task), &found) {
                (Some(slot), _) => self.steer_live(slot, steered, now, out),
                (None, Ok(parked))
                    if self.is_hidden(steered.0, Some(&parked.acceptance.tenant)) =>
                {
                    self.hide(task, steered.0, out);
                }
                (None, Ok(parked)) => self.revive(parked, steered, now, out),
                (None, Err(found)) if self.is_hidden(steered.0, found.tenant.as_deref()) => {
                    self.hide(task, steered.0, out);
                }
                (None, Err(found)) => {
                    let answer = unsteerable(task, steered.1, &found.answer);
                    self.tell_steerer(steered.0, answer, out);
                }
            }
        }
    }

    /// The journal could not be asked.
    pub(super) fn parked_not_found_out(
        &mut self,
        task: TaskId,
        problem: &Problem,
        out: &mut Vec<Effect>,
    ) {
        for (by, _) in self.revivals.asked.remove(&task).unwrap_or_default() {
            self.tell_steerer(by, problem.clone().into(), out);
        }
    }

    /// Takes a parked task in, to run again or to end.
    fn revive(
        &mut self,
        parked: &Unfinished,
        (by, wish): (Steerer, Wish),
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let kind = match self.may_revive(parked, wish) {
            Ok(kind) => kind,
            Err(problem) => {
                self.tell_steerer(by, problem.into(), out);
                return;
            }
        };
        let tenant = self.tenants.id(&parked.acceptance.tenant);
        let mut task = super::recover::task_of(parked.clone(), (tenant, kind), 0, now);
        task.run = Run::Waiting;
        let slot = self.table.insert(task);
        if let Some(Claim { key, .. }) = parked.claim {
            self.keys.hold(key, slot);
        }
        if let Steerer::Repair(id, task) = by {
            self.repair_acted(id, task);
        }
        match wish {
            Wish::Cancel => {
                if self.await_steered(slot, by, Wants::Cancellation, now, out) {
                    self.end_cancelled(slot, TaskState::Parked, now, out);
                }
            }
            Wish::Retry => self.resume(slot, by, now, out),
        }
    }

    /// The kind of a task that may be taken in, or what is in the way.
    fn may_revive(&mut self, parked: &Unfinished, wish: Wish) -> Result<KindId, Problem> {
        let name = &parked.acceptance.kind;
        let Some(place) = self.kinds.iter().position(|kind| kind.name == *name) else {
            return Err(no_handler(parked.task));
        };
        if wish == Wish::Retry && parked.payload_lost {
            let detail =
                "the file with the payload is not there any more; it can only be cancelled";
            let problem = Problem::new(Code::PayloadLost, detail);
            return Err(Problem { task: Some(parked.task), ..problem });
        }
        // What is to end makes no work, but takes a place for a moment all the same.
        if wish == Wish::Retry || self.table.len() >= self.limits.tasks_max {
            self.screen_accepted(0)?;
        }
        Ok(KindId(u16::try_from(place).expect("kinds are few")))
    }

    fn resume(&mut self, slot: Slot, by: Steerer, now: Now, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get_mut(slot) else { return };
        task.durable.forgiven = task.durable.attempts;
        task.resuming = true;
        let attempt = task.durable.attempts;
        let change = Some(Change::Resumed);
        let record = Record { attempt, change, ..Record::new(slot.id(), now.unix) };
        self.await_steered(slot, by, Wants::Resumption, now, out);
        self.append(slot, Carries::Resumption, Arc::new(record), out);
    }

    /// That the task runs again is on disk.
    pub(super) fn resumed(&mut self, slot: Slot, now: Now, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get_mut(slot) else { return };
        task.resuming = false;
        self.stats.resumed += 1;
        match &mut task.run {
            Run::Waiting => self.enqueue(slot, now.monotonic),
            // It was cancelled meanwhile, which is not on disk yet.
            Run::Ended(ended) => ended.shown = TaskState::Queued,
            _ => {}
        }
        self.tell_steered(slot, Wants::Resumption, now, out);
    }

    /// There is no room on the disk to note that the task runs again: it is parked still, unless
    /// its end found room.
    pub(super) fn not_resumed(
        &mut self,
        slot: Slot,
        problem: &Problem,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let Some(task) = self.table.get_mut(slot) else { return };
        task.resuming = false;
        if matches!(task.run, Run::Waiting) {
            self.refuse_waiters(slot, problem, out);
            self.forget(slot);
            self.repair_undone(slot.id(), now);
        }
    }

    pub(super) fn tell_steerer(&mut self, by: Steerer, answer: Answer, out: &mut Vec<Effect>) {
        match by {
            Steerer::Caller(to, _) => out.push(Effect::Reply { to, answer }),
            Steerer::Repair(id, task) => self.repair_refused(id, task, &answer),
        }
    }
}
