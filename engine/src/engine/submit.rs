//! Submission: admit or refuse, and put the task on its way.

use super::admission::Terms;
use super::{Engine, Mode};
use crate::event::{Effect, Submission, Wants};
use crate::limits::{DELAY_MAX, SPOOL_MIN_BYTES, UNDECIDED_HOLD};
use crate::queue::Standing;
use crate::slim::Slim;
use crate::table::Slot;
use crate::task::{Durable, Run, StartMarkState, Task, Waiter};
use crate::timers::Due;
use overtime_protocol::{Claim, Durability, Lane, Monotonic, Now, Problem, Reach, ReplyTo};
use std::time::Duration;

impl Engine {
    pub(super) fn submit(&mut self, submission: Submission, now: Now, out: &mut Vec<Effect>) {
        match submission.key {
            // A key that is known makes no new work, so there is nothing to refuse yet.
            Some(key) if self.mode != Mode::Failed => {
                self.look_up_key(submission, key, now.monotonic, out);
            }
            _ => self.admit(submission, None, now, out),
        }
    }

    /// Admits or refuses new work.
    pub(super) fn admit(
        &mut self,
        submission: Submission,
        claim: Option<Claim>,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        match self.welcome(&submission, now) {
            Ok(welcome) => self.enter(submission, claim, welcome, now, out),
            Err(problem) => {
                out.push(Effect::Reply { to: submission.reply_to, answer: problem.into() });
            }
        }
    }

    /// How new work is taken in.
    ///
    /// # Errors
    /// Why it is not.
    fn welcome(&mut self, submission: &Submission, now: Now) -> Result<Welcome, Problem> {
        let lane = self.kinds[usize::from(submission.kind.0)].lane_of(submission.form);
        self.screen(submission.tenant, lane, submission.payload.len(), now)?;
        if let Some(problem) = self.share_refusal(submission.kind) {
            self.note_refused(submission.tenant);
            return Err(problem);
        }
        let is_cut = match self.terms(submission, now) {
            Terms::Refused(problem) => return Err(problem),
            Terms::Cut => true,
            Terms::Held => false,
        };
        let is_let_go = self.lets_go(submission, now)?;
        let wait = if is_cut || is_let_go { Duration::ZERO } else { submission.wait };
        Ok(Welcome { wait, is_cut })
    }

    /// Takes new work in and puts it on its way.
    fn enter(
        &mut self,
        mut submission: Submission,
        claim: Option<Claim>,
        Welcome { wait, is_cut }: Welcome,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        self.stats.submitted += 1;
        self.spend_token(submission.tenant, now.monotonic);
        submission.wait = wait;
        let first = self.first_of(&submission, claim.is_some());
        let to = submission.reply_to;
        let slot = self.take_in(submission, claim, now);
        if let Some(task) = self.table.get_mut(slot) {
            task.cut = is_cut;
        }
        if let Some(Claim { key, .. }) = claim {
            self.keys.hold(key, slot);
        }
        self.add_waiter(slot, (to, Wants::Result), wait, now.monotonic);
        match first {
            First::Spool => return self.spool(slot, out),
            First::Append => return self.append_acceptance(slot, now.unix, out),
            First::Linger => self.lingers.set(now.monotonic, slot),
            First::Start => {}
        }
        self.enqueue(slot, now.monotonic);
    }

    /// What becomes of new work first.
    fn first_of(&self, submission: &Submission, has_key: bool) -> First {
        let kind = &self.kinds[usize::from(submission.kind.0)];
        let starts_unrecorded = kind.reach == Reach::Journal
            && kind.lane_of(submission.form) != Lane::Bulk
            && !submission.wait.is_zero()
            && submission.delay.is_zero();
        if submission.payload.len() >= SPOOL_MIN_BYTES {
            First::Spool
        } else if !starts_unrecorded {
            First::Append
        } else if kind.durability == Durability::Disk || has_key {
            // What a key stands for must not be forgotten.
            First::Linger
        } else {
            First::Start
        }
    }

    pub(super) fn take_in(
        &mut self,
        submission: Submission,
        claim: Option<Claim>,
        now: Now,
    ) -> Slot {
        let delay = submission.delay.min(DELAY_MAX);
        let durable = Durable {
            id: self.mint.mint(now.unix),
            tenant: submission.tenant,
            lane: self.kinds[usize::from(submission.kind.0)].lane_of(submission.form),
            form: submission.form,
            urgency: submission.urgency,
            attempts: 0,
            forgiven: 0,
            crashes: 0,
            created_at: now.unix,
            due_at: (!delay.is_zero()).then(|| now.unix + delay).into(),
            started_at: Slim::NONE,
            fault: None,
            advance: None,
            content_type: submission.content_type,
            traceparent: submission.traceparent.map(Box::new),
            claim: claim.map(Box::new),
        };
        self.hold_payload(submission.tenant, submission.payload.len());
        let mut task = Task::new(durable, submission.kind, submission.payload, now.monotonic);
        task.strict = submission.strict;
        self.table.insert(task)
    }

    /// Adds a caller that waits for `wait`. One that does not wait at all is overdue from the
    /// start: it is told as soon as the record is durable.
    pub(super) fn add_waiter(
        &mut self,
        slot: Slot,
        (reply_to, wants): (ReplyTo, Wants),
        wait: Duration,
        now: Monotonic,
    ) {
        let overdue = wait.is_zero();
        let span = if overdue { UNDECIDED_HOLD } else { wait };
        let timer = self.timers.set(now + span, Due::Reply(slot, reply_to));
        let Some(task) = self.table.get_mut(slot) else { return };
        task.waiters.push(Waiter { reply_to, wants, timer, overdue });
        self.stats.waiters += 1;
        self.note_under_way(slot);
    }

    /// Puts the task into the lane it is charged to; one that has to be marked first waits for that
    /// before.
    pub(super) fn enqueue(&mut self, slot: Slot, now: Monotonic) {
        let has_room = self.has_room_to_stand();
        let Some(task) = self.table.get_mut(slot) else { return };
        // Somebody waits again for what was cut.
        task.cut &= !(has_room && task.is_waited_for());
        let lane = task.charged_lane();
        let urgent = task.durable.urgency <= 3;
        let foremost = urgent && task.is_waited_for();
        let standing = if foremost { Standing::Foremost } else { Standing::Patient };
        if let StartMarkState::Required { isolated } = task.start_mark {
            task.run = Run::Waiting;
            match isolated {
                // Everybody under suspicion waits for it.
                true => self.marks[lane].push_first(slot),
                false => self.marks[lane].push(task.durable.tenant, slot, standing),
            }
            return;
        }
        if let Some(upstream) = self.has_to_wait_at_gate(slot, now) {
            self.await_upstream(slot, upstream);
            return;
        }
        let Some(task) = self.table.get_mut(slot) else { return };
        let bytes = task.charged_bytes();
        let place = self.queues[lane].push(task.durable.tenant, slot, bytes, standing);
        task.run = Run::Queued { since: now, standing, place };
        let spot = task.spot(standing);
        self.lined_up(spot, now);
    }

    /// Puts a task in front of its lane, in which it has stood since then.
    pub(super) fn enqueue_first(&mut self, slot: Slot, since: Monotonic) {
        let Some(task) = self.table.get_mut(slot) else { return };
        let lane = task.charged_lane();
        let place = self.queues[lane].push_first(task.durable.tenant, slot);
        task.run = Run::Queued { since, standing: Standing::Foremost, place };
        let spot = task.spot(Standing::Foremost);
        let now = self.latest;
        self.lined_up(spot, now);
    }
}

/// How new work is taken in.
struct Welcome {
    /// How long its caller is held.
    wait: Duration,
    /// Too many wait: it is background work.
    is_cut: bool,
}

/// What becomes of new work first.
enum First {
    /// Its payload goes into a file of its own.
    Spool,
    /// Its acceptance goes to the disk, and it starts behind that.
    Append,
    /// It starts, and is recorded if it does not end at once.
    Linger,
    /// It starts, and nothing but its end is recorded.
    Start,
}
