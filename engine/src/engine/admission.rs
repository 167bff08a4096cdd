//! Admission: what becomes of those who wait for single calls when too many do. Their waits are cut:
//! they are told 202 as soon as that is durable, and their tasks are background work from then on,
//! which takes nothing from those who are still waited for. Nothing that was accepted is dropped.

use super::{Engine, Mode};
use crate::event::{Effect, Submission, Wants};
use crate::limits::{
    BACKGROUND_RETRY_MAX, CUTS_PER_TURN, HELP_LOOKS, PUT_OFF_MAX, PUT_OFF_MIN, PUT_OFF_SHARE,
    RETRY_AFTER_MIN, SPARE_SHARE,
};
use crate::spot::Spot;
use crate::table::Slot;
use crate::task::{AcceptanceState, Run, Task};
use overtime_protocol::{Code, Form, Hurt, Lane, MemoryPressure, Monotonic, Now, Problem, ReplyTo};
use std::time::Duration;

/// How a submission is taken in.
pub(super) enum Terms {
    /// Its caller waits as it wishes.
    Held,
    /// Its caller is told 202 as soon as that is durable.
    Cut,
    /// Its caller does not want that.
    Refused(Problem),
}

impl Engine {
    /// Tells how long the core's loop took for one turn.
    pub fn note_turn(&mut self, span: Duration) {
        self.admission.note_turn(span);
    }

    /// Whether a new task's caller can be held, which costs the same however many there are.
    pub(super) fn terms(&mut self, submission: &Submission, now: Now) -> Terms {
        let lane = self.kinds[usize::from(submission.kind.0)].lane;
        let is_single = submission.form == Form::Single && lane == Lane::Interactive;
        let waits = !submission.wait.is_zero() && submission.delay.is_zero();
        if !self.admission.is_enabled() || !is_single || !waits {
            return Terms::Held;
        }
        self.admission.crowd.came(submission.tenant, now.monotonic);
        let ahead = self.until_started(self.admission.crowd.total());
        self.admission.note_arrival(ahead);
        if self.may_stand(submission, now) {
            if self.until_answered(submission) <= submission.wait {
                return Terms::Held;
            }
            self.stats.cut_as_hopeless += 1;
        } else {
            self.stats.cut_for_room += 1;
        }
        let refused = submission.strict || !self.may_put_off(now.monotonic);
        let hurt =
            Hurt { refused: u64::from(refused), delayed: u64::from(!refused), ..Hurt::default() };
        self.tenants.hurt(submission.tenant, hurt);
        match refused {
            true => Terms::Refused(self.overloaded()),
            false => Terms::Cut,
        }
    }

    /// Whether one more task may be background work because nobody can be held for it: it will be
    /// through in a time that is worth a promise, there is memory for it, and the journal is quick:
    /// a promise is on disk before it is made.
    fn may_put_off(&self, now: Monotonic) -> bool {
        // What is on its way to the disk is not in its lane yet.
        let queued = self.stats.queued[Lane::Background] + self.inflight.len() as u64;
        let through =
            self.admission.until_through(queued, self.credits.plan().ceiling(Lane::Background));
        let share = self.limits.tasks_max as u64 / PUT_OFF_SHARE;
        let is_soon = through.is_none_or(|span| span <= PUT_OFF_MAX) && queued < share;
        self.relief.pressure() == MemoryPressure::Fine
            && !self.admission.journal_is_slow(now)
            && (is_soon || queued < PUT_OFF_MIN.min(share))
    }

    /// Whether there is room in the lane, or others have to make it.
    fn may_stand(&self, submission: &Submission, now: Now) -> bool {
        let is_urgent = submission.urgency <= 3;
        let goes = || self.admission.crowd.would_go(submission.tenant, now);
        self.has_room_to_stand() || (is_urgent && !goes())
    }

    pub(super) fn has_room_to_stand(&self) -> bool {
        self.admission.has_room(self.credits.plan().ceiling(Lane::Interactive))
    }

    /// How long a task would take in all behind those who stand in the lane, as far as is known. If
    /// nobody does, it begins, however long it may take.
    fn until_answered(&self, submission: &Submission) -> Duration {
        let ahead = self.admission.crowd.before(submission.tenant);
        let started = self.until_started(ahead).filter(|_| ahead > 0);
        let own = self.brief.exec(submission.kind).unwrap_or_default();
        started.map_or(Duration::ZERO, |started| started + own)
    }

    /// How long so many take to start. Nobody knows while others may yet come to stand in for workers
    /// that are held for long.
    fn until_started(&self, ahead: usize) -> Option<Duration> {
        let may_grow = self.credits.spares() < self.credits.plan().spares();
        let workers = self.credits.plan().ceiling(Lane::Interactive);
        let is_known = !(may_grow && self.admission.is_long());
        is_known.then(|| self.admission.until_started(ahead as u64, workers))?
    }

    fn overloaded(&mut self) -> Problem {
        self.stats.refused += 1;
        self.stats.refusals.overloaded += 1;
        let drained = self.until_started(self.admission.crowd.total()).unwrap_or_default();
        let wait = self.seed.stretch(drained.max(RETRY_AFTER_MIN));
        let detail = "more callers wait for single calls than can be served in time";
        Problem::new(Code::Overloaded, detail).after(wait)
    }

    /// A task has come into its lane.
    pub(super) fn lined_up(&mut self, spot: Spot, now: Monotonic) {
        self.stats.queued[spot.lane] += 1;
        self.put_off += u64::from(spot.cut);
        self.admission.enter(spot.lane, now);
        self.began_to_stand(spot, now);
    }

    /// A task starts.
    pub(super) fn called_up(&mut self, spot: Spot, waited: Duration, now: Monotonic) {
        self.stats.queued[spot.lane] -= 1;
        if spot.cut {
            self.put_off -= 1;
            self.admission.put_off_started();
        }
        self.admission.start(spot.lane, waited, now);
        if spot.is_waited_for() {
            self.admission.crowd.leave(spot.tenant);
            self.admission.wait_ended(waited, now);
        }
    }

    /// A task was taken out of its lane.
    pub(super) fn left_lane(&mut self, spot: Spot) {
        self.stats.queued[spot.lane] -= 1;
        self.put_off -= u64::from(spot.cut);
        self.admission.leave(spot.lane);
        self.ceased_to_stand(spot);
    }

    pub(super) fn began_to_stand(&mut self, spot: Spot, now: Monotonic) {
        if spot.is_waited_for() {
            self.admission.crowd.enter(spot.tenant);
            self.admission.wait_began(now);
        }
    }

    pub(super) fn ceased_to_stand(&mut self, spot: Spot) {
        if spot.is_waited_for() {
            self.admission.crowd.leave(spot.tenant);
            self.admission.wait_given_up();
        }
    }

    /// Takes a task out of its lane, if it is in one; whether it was.
    pub(super) fn take_out(&mut self, slot: Slot) -> bool {
        let Some(task) = self.table.get_mut(slot) else { return false };
        let Run::Queued { standing, place, .. } = task.run else { return false };
        let spot = task.spot(standing);
        task.run = Run::Waiting;
        self.queues[spot.lane].remove(spot.tenant, slot, standing, place);
        self.left_lane(spot);
        true
    }

    /// Judges the lane if that is due, and cuts waits while too many stand in it. Whether there are
    /// more to cut than one turn may.
    pub(super) fn keep_room(&mut self, now: Now, out: &mut Vec<Effect>) -> bool {
        self.admission.judge(now.monotonic);
        for _ in 0..CUTS_PER_TURN {
            if !self.is_crowded() {
                return false;
            }
            let newest = self.admission.crowd.first_to_go(now);
            let newest = newest.and_then(|tenant| self.queues[Lane::Interactive].newest(tenant));
            // The others of its hot key wait for one that conflicted, however little it is waited for.
            let may_go = |task: &Task| task.hot_key.is_none();
            let Some(slot) = newest.filter(|&slot| self.table.get(slot).is_some_and(may_go)) else {
                return false;
            };
            self.stats.trimmed += 1;
            match self.may_refuse(slot) {
                true => self.refuse_strict(slot, now, out),
                false => self.cut(slot, now, out),
            }
        }
        self.is_crowded()
    }

    /// Whether nothing of a task is on its way to the disk, and its only caller wants no 202.
    fn may_refuse(&self, slot: Slot) -> bool {
        self.table.get(slot).is_some_and(|task| {
            let is_volatile = task.acceptance == AcceptanceState::Volatile && !task.spooled;
            task.strict && is_volatile && task.waiters.len() == 1
        })
    }

    fn refuse_strict(&mut self, slot: Slot, now: Now, out: &mut Vec<Effect>) {
        let problem = self.overloaded();
        self.hurt_task(slot, Hurt { refused: 1, ..Hurt::default() });
        self.refuse_late(slot, problem, now, out);
    }

    /// Whether more stand in the lane than may.
    fn is_crowded(&self) -> bool {
        let room = || self.admission.room_to_stay(self.credits.plan().ceiling(Lane::Interactive));
        self.admission.is_overloaded()
            && self.mode == Mode::Open
            && self.admission.crowd.total() > room()
    }

    /// Ends the waits for a task that stands in the lane, and makes it background work.
    fn cut(&mut self, slot: Slot, now: Now, out: &mut Vec<Effect>) {
        if !self.take_out(slot) {
            debug_assert!(false, "{slot:?} does not stand in a lane");
            return;
        }
        let Some(task) = self.table.get_mut(slot) else { return };
        task.cut = true;
        let waits = |wants| matches!(wants, Wants::Result | Wants::Document);
        let waiting = task.waiters.iter().filter(|waiter| !waiter.overdue && waits(waiter.wants));
        let waiting: Vec<ReplyTo> = waiting.map(|waiter| waiter.reply_to).collect();
        self.enqueue(slot, now.monotonic);
        for reply_to in waiting {
            self.cancel_timer(slot, reply_to);
            self.end_wait(slot, reply_to, now, out);
        }
        self.release_waiting_payload(slot);
    }

    /// Somebody's wait for a task has ended by itself. While others stand in front of the workers,
    /// nobody's work goes to the background.
    pub(super) fn note_end_of_wait(&mut self, slot: Slot, now: Monotonic) {
        let Some(task) = self.table.get(slot) else { return };
        let Run::Queued { standing, .. } = task.run else { return };
        let stands = task.spot(standing).is_waited_for();
        if !stands || task.is_waited_for() || task.hot_key.is_some() || !self.take_out(slot) {
            return;
        }
        let is_overloaded = self.admission.is_overloaded();
        if let Some(task) = self.table.get_mut(slot) {
            task.cut = is_overloaded;
        }
        self.enqueue(slot, now);
    }

    /// Somebody waits again for a task whose wait was cut: it goes back to its own lane, if there is
    /// room.
    pub(super) fn restore(&mut self, slot: Slot, now: Monotonic) {
        let Some(task) = self.table.get(slot) else { return };
        let is_wanted = task.cut && task.is_waited_for() && self.has_room_to_stand();
        if !is_wanted || !self.take_out(slot) {
            return;
        }
        if let Some(task) = self.table.get_mut(slot) {
            task.cut = false;
        }
        self.enqueue(slot, now);
    }

    /// The next task of those whose waits were cut, for a worker for single calls that has nothing else
    /// to do. Some of those are left alone, for whoever comes next.
    pub(super) fn next_to_help(&mut self, now: Now) -> Option<Slot> {
        let (lane, limit) = (Lane::Interactive, self.credits.plan().ceiling(Lane::Interactive));
        let spare = (limit / SPARE_SHARE).max(1);
        let waits = self.stats.queued[lane] > 0 && self.queues[lane].has_turns();
        let is_idle = !waits && self.credits.running(lane) + spare < limit;
        let may = self.is_starting() && is_idle && self.may_take(lane);
        if self.put_off == 0 || self.admission.is_overloaded() || !may {
            return None;
        }
        let may = |slot| self.table.get(slot).is_some_and(|task| self.may_be_helped(task));
        let found = self.queues[Lane::Background].find(HELP_LOOKS, may)?;
        self.queues[Lane::Background].take(found);
        self.call_up(found.slot, now.monotonic);
        Some(found.slot)
    }

    fn may_be_helped(&self, task: &Task) -> bool {
        let stands = matches!(task.run, Run::Queued { .. }) && task.cut;
        stands && self.may_reload(task) && !self.holds_its_share(task.durable.tenant)
    }

    /// When a task whose wait was cut will have gone through, as far as is known.
    pub(super) fn until_through(&self, task: &Task) -> Duration {
        let ahead = match task.run {
            Run::Queued { .. } => self.position(task).unwrap_or_default(),
            Run::Running | Run::Ended(_) => 0,
            _ => self.stats.queued[Lane::Background],
        };
        let workers = self.credits.plan().ceiling(Lane::Background);
        let span = self.admission.until_through(ahead + 1, workers).unwrap_or_default();
        span.clamp(RETRY_AFTER_MIN, BACKGROUND_RETRY_MAX)
    }
}
