//! Replies: each caller is answered exactly once.

use super::Engine;
use super::told::{already_finished, was_cancelled};
use crate::event::{Effect, Wants};
use crate::limits::UNDECIDED_HOLD;
use crate::table::Slot;
use crate::task::{AcceptanceState, Ended, Run, Waiter};
use crate::timers::Due;
use overtime_protocol::record::Change;
use overtime_protocol::{
    Account, Answer, Code, Document, Durability, Hurt, Idempotency, Now, Problem, ReplyTo,
    Submitted, TaskState, Timing,
};
use std::time::Duration;

/// How long a caller of a parked task is told to wait before asking again: a person decides.
const PARKED_RETRY_AFTER: Duration = Duration::from_secs(60);
/// The wait of one request was over before its work was.
const DELAYED: Hurt = Hurt { delayed: 1, refused: 0, failed: 0 };

impl Engine {
    /// A caller's wait is over. Only who waits changes, never what runs.
    pub(super) fn end_wait(
        &mut self,
        slot: Slot,
        reply_to: ReplyTo,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let Some(task) = self.table.get_mut(slot) else { return };
        let accepted = task.is_accepted();
        let place = task.waiters.iter().position(|waiter| waiter.reply_to == reply_to);
        let Some(waiter) = place.map(|place| &mut task.waiters[place]) else { return };
        if waiter.wants == Wants::Result && !accepted && !waiter.overdue {
            waiter.overdue = true;
            waiter.timer =
                self.timers.set(now.monotonic + UNDECIDED_HOLD, Due::Reply(slot, reply_to));
            if !matches!(task.run, Run::Ended(_)) {
                self.append_acceptance(slot, now.unix, out);
            }
            self.note_end_of_wait(slot, now.monotonic);
            self.note_detached(slot, now, out);
            self.hurt_task(slot, DELAYED);
            return;
        }
        let wants = waiter.wants;
        let answer = match wants {
            Wants::Document => self.document_answer(slot),
            Wants::Result if accepted => {
                self.stats.fell_over += 1;
                self.hurt_task(slot, DELAYED);
                self.still_running(slot, now)
            }
            Wants::Cancellation | Wants::Resumption => {
                unsteered(slot, self.seed.stretch(UNDECIDED_HOLD))
            }
            Wants::Result => undecided(slot, self.seed.stretch(UNDECIDED_HOLD)),
        };
        self.drop_waiter(slot, reply_to);
        self.note_end_of_wait(slot, now.monotonic);
        out.push(Effect::Reply { to: reply_to, answer });
        self.note_detached(slot, now, out);
    }

    fn drop_waiter(&mut self, slot: Slot, reply_to: ReplyTo) {
        let Some(task) = self.table.get_mut(slot) else { return };
        let before = task.waiters.len();
        task.waiters.retain(|waiter| waiter.reply_to != reply_to);
        self.stats.waiters -= (before - task.waiters.len()) as u64;
        self.note_under_way(slot);
    }

    fn take_waiters(&mut self, slot: Slot, wanted: impl Fn(&Waiter) -> bool) -> Vec<Waiter> {
        let Some(task) = self.table.get_mut(slot) else { return Vec::new() };
        if task.waiters.is_empty() {
            return Vec::new();
        }
        let (taken, left) = std::mem::take(&mut task.waiters).into_iter().partition(wanted);
        task.waiters = left;
        let taken: Vec<Waiter> = taken;
        taken.iter().for_each(|waiter| self.timers.cancel(waiter.timer));
        self.stats.waiters -= taken.len() as u64;
        self.note_under_way(slot);
        taken
    }

    /// The record is durable: whoever waited only for that gets 202.
    pub(super) fn tell_overdue(&mut self, slot: Slot, now: Now, out: &mut Vec<Effect>) {
        for waiter in self.take_waiters(slot, |waiter| waiter.overdue) {
            self.stats.fell_over += 1;
            out.push(Effect::Reply { to: waiter.reply_to, answer: self.still_running(slot, now) });
        }
    }

    /// What they wanted done is on disk: they get 202.
    pub(super) fn tell_steered(
        &mut self,
        slot: Slot,
        wants: Wants,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        for waiter in self.take_waiters(slot, |waiter| waiter.wants == wants) {
            out.push(Effect::Reply { to: waiter.reply_to, answer: self.still_running(slot, now) });
        }
    }

    /// The end may be shown.
    pub(super) fn tell_finished(
        &mut self,
        slot: Slot,
        ended: &Ended,
        durability: Durability,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let Some(Change::Finished(document, product)) = &ended.record.change else { return };
        let journal = match durability {
            Durability::Memory => Duration::ZERO,
            Durability::Disk => now.monotonic.since(ended.at),
        };
        let timing = Timing { queue: ended.queue, exec: ended.exec, journal };
        let claim = self.table.get(slot).and_then(|task| task.durable.claim.as_deref());
        let expires = claim.and(document.finished_at).map(|at| at + self.limits.key_keep);
        let idempotency = Idempotency { expires, replayed: false };
        let account = Account { idempotency, ..Account::new(durability, timing) };
        for waiter in self.take_waiters(slot, |_| true) {
            let is_cancelled = document.state == TaskState::Cancelled;
            let answer = match (waiter.wants, product, &document.fault) {
                (Wants::Document, _, _) => Answer::Document(document.clone()),
                (Wants::Cancellation, _, _) if is_cancelled => Answer::Document(document.clone()),
                (Wants::Cancellation | Wants::Resumption, _, _) => already_finished(slot.id()),
                (Wants::Result, _, _) if is_cancelled => was_cancelled(slot.id()),
                (Wants::Result, Some(product), _) => {
                    let product = product.clone();
                    Answer::Result { task: slot.id(), product, account }
                }
                (Wants::Result, None, Some(fault)) => {
                    Problem::of_task(Code::InvalidInput, slot.id(), fault.clone(), account).into()
                }
                (Wants::Result, None, None) => {
                    Problem::new(Code::Internal, "the task has no result").into()
                }
            };
            out.push(Effect::Reply { to: waiter.reply_to, answer });
        }
    }

    pub(super) fn tell_parked(&mut self, slot: Slot, document: &Document, out: &mut Vec<Effect>) {
        debug_assert_eq!(document.state, TaskState::Parked);
        for waiter in self.take_waiters(slot, |_| true) {
            let document = Box::new(document.clone());
            let answer = match waiter.wants {
                Wants::Document | Wants::Cancellation | Wants::Resumption => {
                    Answer::Document(document)
                }
                Wants::Result => {
                    Answer::Accepted { document, retry_after: PARKED_RETRY_AFTER, replayed: false }
                }
            };
            out.push(Effect::Reply { to: waiter.reply_to, answer });
        }
    }

    pub(super) fn refuse_waiters(&mut self, slot: Slot, problem: &Problem, out: &mut Vec<Effect>) {
        for waiter in self.take_waiters(slot, |_| true) {
            let answer = Answer::from(problem.clone());
            out.push(Effect::Reply { to: waiter.reply_to, answer });
        }
    }

    /// 202 for a task that is durable and not finished.
    pub(super) fn still_running(&mut self, slot: Slot, now: Now) -> Answer {
        let Some(task) = self.table.get(slot) else {
            return Problem::new(Code::Internal, "the task is gone").into();
        };
        let document = Box::new(self.document(task));
        let age = now.monotonic.since(task.created);
        let expected = match task.cut {
            true => self.until_through(task),
            false => self.pace.until_end((task.kind, task.durable.form), age),
        };
        Answer::Accepted { document, retry_after: self.seed.stretch(expected), replayed: false }
    }

    pub(super) fn document_answer(&self, slot: Slot) -> Answer {
        match self.table.get(slot) {
            Some(task) => Answer::Document(Box::new(self.document(task))),
            None => Problem::new(Code::UnknownTask, "no task has this id").into(),
        }
    }

    /// The journal has failed: what it was told last may or may not be there after a restart.
    pub(super) fn fail(&mut self, out: &mut Vec<Effect>) {
        self.mode = super::Mode::Failed;
        let slots: Vec<Slot> = self.table.slots().collect();
        for slot in slots {
            let Some(task) = self.table.get(slot) else { continue };
            let submitted = match (task.acceptance, &task.run) {
                (AcceptanceState::Durable, _) => Submitted::Yes,
                (AcceptanceState::Appending, _) | (_, Run::Ended(_)) => Submitted::Unknown,
                (AcceptanceState::Volatile | AcceptanceState::Spooling, _) => Submitted::No,
            };
            let detail = "the journal failed while this request was under way";
            let problem = Problem::new(Code::JournalFailed, detail);
            let task = (submitted != Submitted::No).then(|| slot.id());
            self.refuse_waiters(slot, &Problem { submitted, task, ..problem }, out);
        }
        let detail = "the journal failed while this request was under way";
        let problem = Problem::new(Code::JournalFailed, detail);
        let problem = Problem { submitted: Submitted::Unknown, ..problem };
        self.give_up_inquiries(&problem, out);
        self.give_up_deferred(&problem, out);
        self.inflight.clear();
    }
}

fn undecided(slot: Slot, wait: Duration) -> Answer {
    let detail = "the task is not on disk yet; it goes on if it gets there";
    let problem = Problem::new(Code::Undecided, detail).after(wait);
    Problem { submitted: Submitted::Unknown, task: Some(slot.id()), ..problem }.into()
}

fn unsteered(slot: Slot, wait: Duration) -> Answer {
    let detail = "what was asked for is not on disk yet; it goes on if it gets there";
    let problem = Problem::new(Code::Undecided, detail).after(wait);
    Problem { submitted: Submitted::Unknown, task: Some(slot.id()), ..problem }.into()
}
