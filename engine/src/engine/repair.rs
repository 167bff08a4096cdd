//! Repairs: all tasks that are parked for one reason run again, or are discarded, so many a second.
//! A repair walks them page by page, by ascending id, and each of them once, so a task that is parked
//! again is not met again. It is not kept on disk: what it has not come to is still parked after a
//! restart.

use super::inquiry::Pending;
use super::revive::Steerer;
use super::{Engine, Mode};
use crate::event::{Effect, Wish};
use crate::limits::{REPAIR_PAGE, REPAIR_RETRY, REPAIRS_MAX, STEERING_MAX};
use crate::repairs::{Repair, RepairId};
use crate::timers::Due;
use overtime_protocol::repair::{Remedy, RepairOrder, RepairProgress};
use overtime_protocol::{
    Answer, Code, Finding, KindName, Now, Problem, Question, ReplyTo, TaskId, TaskState,
};
use std::collections::VecDeque;

impl Engine {
    /// A caller wants errors repaired.
    pub(super) fn repair(
        &mut self,
        to: ReplyTo,
        order: RepairOrder,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let begun = self.may_repair(&order).map(|kinds| {
            if order.dry_run {
                self.count(to, order, kinds, out);
                return None;
            }
            let print = order.print;
            self.repairs.begun += 1;
            let id = RepairId { print, number: self.repairs.begun };
            let repair = Repair::new(order, id.number, kinds);
            let progress = Box::new(repair.told());
            self.repairs.known.insert(print, repair);
            self.timers.set(now.monotonic, Due::Repair(id));
            Some(Answer::Repairing { print, progress })
        });
        let answer = match begun {
            Ok(Some(answer)) => answer,
            Ok(None) => return,
            Err(problem) => problem.into(),
        };
        out.push(Effect::Reply { to, answer });
    }

    /// The kinds to be walked, or what stands in the way.
    fn may_repair(&mut self, order: &RepairOrder) -> Result<VecDeque<KindName>, Problem> {
        let known = self.kinds.iter().map(|kind| &kind.name);
        let named = |name: &&KindName| order.kind.as_ref().is_none_or(|kind| kind == *name);
        let kinds: VecDeque<KindName> = known.filter(named).cloned().collect();
        if kinds.is_empty() {
            return Err(Problem::new(Code::UnknownKind, "no handler has this kind"));
        }
        // A task that it has run again would be told of a second time.
        if self.is_recovering()
            || self.mode != Mode::Open
            || (order.dry_run && self.is_full_of_inquiries())
        {
            self.screen_accepted(0)?;
            let detail = "too many requests wait for the journal";
            return Err(Problem::new(Code::Reads, detail).after(REPAIR_RETRY));
        }
        if order.dry_run {
            return Ok(kinds);
        }
        if self.repairs.known.get(&order.print).is_some_and(Repair::is_running) {
            let detail =
                "a repair of these errors is under way; GET its address shows how far it is";
            return Err(Problem::new(Code::RepairRunning, detail));
        }
        self.make_room_for_repair(order.print)?;
        Ok(kinds)
    }

    /// The oldest repair that is over is forgotten if there are too many.
    fn make_room_for_repair(&mut self, print: u64) -> Result<(), Problem> {
        let known = &mut self.repairs.known;
        if known.len() < REPAIRS_MAX || known.contains_key(&print) {
            return Ok(());
        }
        let over = known.iter().filter(|(_, repair)| !repair.is_running());
        let oldest = over.min_by_key(|(_, repair)| repair.number).map(|(&print, _)| print);
        let Some(oldest) = oldest else {
            let detail = "too many repairs are under way";
            return Err(Problem::new(Code::Backlog, detail).after(REPAIR_RETRY));
        };
        known.remove(&oldest);
        Ok(())
    }

    pub(super) fn show_repair(&self, to: ReplyTo, print: u64, out: &mut Vec<Effect>) {
        let progress = self.repairs.known.get(&print).map(Repair::told);
        let mut body = Vec::new();
        RepairProgress::write_json(print, progress.as_ref(), &mut body);
        let answer = Answer::Value { content_type: "application/json", body: body.into() };
        out.push(Effect::Reply { to, answer });
    }

    /// It is time for the next of a repair.
    pub(super) fn step_repair(&mut self, id: RepairId, now: Now, out: &mut Vec<Effect>) {
        let Some(repair) = self.repairs.get_mut(id) else { return };
        repair.settle();
        // What is open may take weeks; it is heard of when it ends.
        repair.ticking = repair.is_running() && !repair.has_walked() && self.mode == Mode::Open;
        if !repair.ticking {
            return;
        }
        let (count, span) = repair.pace();
        let room = STEERING_MAX.saturating_sub(repair.steering) as usize;
        let count = count.min(room).min(repair.page.len());
        let tasks: Vec<TaskId> = repair.page.drain(..count).collect();
        repair.steering += count as u64;
        let wish = match repair.order.remedy {
            Remedy::Retry => Wish::Retry,
            Remedy::Discard => Wish::Cancel,
        };
        self.timers.set(now.monotonic + span, Due::Repair(id));
        for task in tasks {
            self.steer_by((Steerer::Repair(id, task), wish), task, now, out);
        }
        self.turn_page(id, out);
    }

    /// Asks for the next page if the one at hand is used up.
    fn turn_page(&mut self, id: RepairId, out: &mut Vec<Effect>) {
        let is_full = self.is_full_of_inquiries();
        let Some(repair) = self.repairs.get_mut(id) else { return };
        let Some(kind) = repair.kinds.front().cloned() else { return };
        if repair.asking || is_full || !repair.page.is_empty() {
            return;
        }
        repair.asking = true;
        let (print, after, limit) = (id.print, repair.after, REPAIR_PAGE);
        self.inquire(Question::ParkedBy { kind, print, after, limit }, Pending::Page(id), out);
    }

    /// The journal has found the next tasks of a repair. One that could not be read is asked for
    /// again with the next step.
    pub(super) fn page_found(&mut self, id: RepairId, finding: Finding) {
        let Some(repair) = self.repairs.get_mut(id) else { return };
        repair.asking = false;
        let Finding::ParkedBy(tasks) = finding else { return };
        match tasks.last() {
            Some(&last) => repair.after = Some(last),
            None => {
                repair.kinds.pop_front();
                repair.after = None;
            }
        }
        repair.page.extend(tasks);
        repair.settle();
    }

    /// Whether whoever steers is a repair that has stopped, or is forgotten: it comes to no other task.
    pub(super) fn is_withdrawn(&mut self, by: Steerer) -> bool {
        let Steerer::Repair(id, task) = by else { return false };
        let Some(repair) = self.repairs.get_mut(id) else { return true };
        let is_over = !repair.is_running();
        if is_over {
            repair.steering = repair.steering.saturating_sub(1);
            repair.page.push_back(task);
        }
        is_over
    }

    /// A task could not be steered. What may pass is tried again later.
    pub(super) fn repair_refused(&mut self, id: RepairId, task: TaskId, answer: &Answer) {
        let Some(repair) = self.repairs.get_mut(id) else { return };
        repair.steering = repair.steering.saturating_sub(1);
        match answer {
            Answer::Problem(problem) if may_pass(problem) => repair.page.push_back(task),
            _ => repair.progress.skipped += 1,
        }
        repair.settle();
    }

    /// A task was taken in for a repair.
    pub(super) fn repair_acted(&mut self, id: RepairId, task: TaskId) {
        let Some(repair) = self.repairs.get_mut(id) else { return };
        repair.steering = repair.steering.saturating_sub(1);
        repair.progress.acted += 1;
        repair.progress.open += 1;
        self.repairs.open.insert(task, id);
    }

    /// A task has ended, or is parked: the repair that had it run hears of it.
    pub(super) fn tell_repair(&mut self, task: TaskId, state: TaskState) {
        if self.repairs.open.is_empty() {
            return;
        }
        let Some(id) = self.repairs.open.remove(&task) else { return };
        let Some(repair) = self.repairs.get_mut(id) else { return };
        let as_wanted = match repair.order.remedy {
            Remedy::Retry => state == TaskState::Succeeded,
            Remedy::Discard => state == TaskState::Cancelled,
        };
        let progress = &mut repair.progress;
        progress.open = progress.open.saturating_sub(1);
        *(if as_wanted { &mut progress.succeeded } else { &mut progress.failed }) += 1;
        repair.settle();
    }

    /// There was no room on the disk to have the task run again.
    pub(super) fn repair_undone(&mut self, task: TaskId, now: Now) {
        let Some(id) = self.repairs.open.remove(&task) else { return };
        let Some(repair) = self.repairs.get_mut(id) else { return };
        repair.progress.open = repair.progress.open.saturating_sub(1);
        repair.progress.acted = repair.progress.acted.saturating_sub(1);
        repair.page.push_back(task);
        if !std::mem::replace(&mut repair.ticking, true) {
            self.timers.set(now.monotonic + REPAIR_RETRY, Due::Repair(id));
        }
    }

    pub(super) fn is_full_of_inquiries(&self) -> bool {
        self.inquiries.len() >= self.limits.inquiries_max
    }
}

/// Whether a task may be steered later. One that the journal cannot read is passed over, or the
/// repair would never end.
fn may_pass(problem: &Problem) -> bool {
    problem.code.is_retryable() && problem.code != Code::Internal
}
