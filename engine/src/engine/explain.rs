//! Explanations of live tasks. Nothing is searched for: all that is said is at hand, counted or
//! stored with the task.

use super::{Engine, Mode};
use crate::event::{Effect, Sight};
use crate::table::Slot;
use crate::task::{AcceptanceState, CancelState, Run, Task};
use overtime_protocol::{
    ChainNumber, Explanation, Lane, Monotonic, Now, Query, ReplyTo, TaskId, UnixMillis, WaitsFor,
};

/// What holds a task up, and how that is said.
struct Hold {
    waits_for: Option<WaitsFor>,
    reason: String,
}

impl Engine {
    /// A caller asks why a task is where it is. The journal explains those that are not live.
    pub(super) fn explain(
        &self,
        (to, scope): (ReplyTo, Sight),
        task: TaskId,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let live =
            self.find_shown(task, scope).and_then(|slot| Some((slot, self.table.get(slot)?)));
        out.push(match live {
            None => self.read((to, scope), Query::Explanation(task)),
            Some((slot, task)) => {
                let chain = chain_of(task);
                Effect::Explain {
                    to,
                    explanation: Box::new(self.explained(slot, task, now)),
                    chain,
                }
            }
        });
    }

    fn explained(&self, slot: Slot, task: &Task, now: Now) -> Explanation {
        let document = self.document(task);
        let lane = match task.run {
            Run::Running if self.spares.has_spare(task.chain) => Lane::Background,
            Run::Running | Run::Ended(_) if task.durable.attempts <= 1 && !task.cut => {
                task.durable.lane
            }
            _ => task.charged_lane(),
        };
        let position = self.position(task);
        let Hold { waits_for, reason } = self.hold((slot, task), position, now.monotonic);
        let due = document.next_attempt_at;
        Explanation {
            lane,
            reason,
            position,
            lane_running: Some(self.credits.running(lane) as u64),
            lane_limit: Some(self.credits.plan().ceiling(lane) as u64),
            back_off: due.map(|at: UnixMillis| at.since(now.unix)),
            attempts_max: Some(
                self.kind(task).retry.attempts.saturating_add(task.durable.forgiven),
            ),
            waits_for,
            waiters: task.waiters.len() as u64,
            ..Explanation::of(document)
        }
    }

    /// About how many of its lane are before it: some of those may be over when they come.
    pub(super) fn position(&self, task: &Task) -> Option<u64> {
        let Run::Queued { standing, place, .. } = task.run else { return None };
        let lane = task.charged_lane();
        let before = self.queues[lane].before(task.durable.tenant, standing, place);
        Some(before.min(self.stats.queued[lane].saturating_sub(1)))
    }

    fn hold(&self, (slot, task): (Slot, &Task), position: Option<u64>, now: Monotonic) -> Hold {
        let hold = |waits_for, reason: String| Hold { waits_for: Some(waits_for), reason };
        match &task.run {
            Run::Waiting if task.acceptance == AcceptanceState::Spooling => {
                hold(WaitsFor::Spool, "Its payload is being written to a file.".to_owned())
            }
            Run::Waiting if task.resuming => {
                hold(WaitsFor::Disk, "That it runs again is on its way to the disk.".to_owned())
            }
            Run::Waiting => hold(
                WaitsFor::Disk,
                "It starts as soon as a record of that is on the disk.".to_owned(),
            ),
            Run::Delayed { until, .. } if task.durable.attempts == 0 => {
                hold(WaitsFor::Time, format!("It was submitted to start no earlier than {until}."))
            }
            Run::Delayed { until, .. } => hold(
                WaitsFor::Time,
                format!("Attempt {} failed; the next is due at {until}.", task.durable.attempts),
            ),
            Run::Suspect => hold(
                WaitsFor::Suspects,
                "It was running when the server died. Such tasks run again one at a time, and others \
                 are before it."
                    .to_owned(),
            ),
            Run::Unloaded => hold(
                WaitsFor::Memory,
                "Its payload is in a file, and there is no memory to read it yet.".to_owned(),
            ),
            Run::AtGate { spot, .. } => hold(WaitsFor::Upstream, self.why_at_gate(*spot, now)),
            Run::Queued { .. } => {
                hold(WaitsFor::Worker, self.why_queued(slot, task, position.unwrap_or_default()))
            }
            Run::Chained => hold(
                WaitsFor::HotKey,
                "It writes a key that other tasks are writing too; they run in order.".to_owned(),
            ),
            Run::Running | Run::Abandoned if task.cancel != CancelState::No => {
                Hold { waits_for: None, reason: "It runs, and was asked to stop.".to_owned() }
            }
            Run::Running if self.spares.has_spare(task.chain) => {
                let reason = format!(
                    "A worker has it: attempt {}. It takes long, so it is charged to no lane any \
                     more, and a spare worker stands in for that one.",
                    task.durable.attempts
                );
                Hold { waits_for: None, reason }
            }
            Run::Running | Run::Abandoned => {
                let reason = format!("A worker has it: attempt {}.", task.durable.attempts);
                Hold { waits_for: None, reason }
            }
            Run::Ended(_) => hold(
                WaitsFor::Disk,
                "How it has ended is on its way to the disk.".to_owned(),
            ),
        }
    }

    fn why_queued(&self, slot: Slot, task: &Task, position: u64) -> String {
        let lane = task.charged_lane();
        if self.mode == Mode::Leaving {
            return "The server is shutting down; it starts with the next server.".to_owned();
        }
        if self.suspects.is_active(slot) {
            return "It was running when the server died, and is the next to run alone.".to_owned();
        }
        let (running, ceiling) = (self.credits.running(lane), self.credits.plan().ceiling(lane));
        let why = match task.cut {
            true => "More callers waited than could be served in time, so it is background work. ",
            false => "",
        };
        let reason = format!(
            "{why}About {position} tasks of the {} lane are before it; {running} of at most \
             {ceiling} workers are busy there.",
            lane.name(),
        );
        let shares = matches!(lane, Lane::Control | Lane::Interactive);
        if shares && self.holds_its_share(task.durable.tenant) {
            let share = self.credits.plan().share_of_one();
            return format!(
                "{reason} Its tenant holds {share} workers or more with what takes long: while others \
                 share this server, it starts no more until one of them is free."
            );
        }
        match self.spares.waiting() {
            long if shares && long > 0 => reason + &self.why_no_spare(long),
            _ => reason,
        }
    }

    /// So many workers of the foreground are held for long, and nobody stands in for them.
    fn why_no_spare(&self, long: usize) -> String {
        let (spares, most) = (self.credits.spares(), self.credits.plan().spares());
        let why = if spares < most { "no other has come yet" } else { "there may be no more" };
        format!(
            " {long} workers have been held for long, and {spares} of at most {most} spares are \
             there: {why}."
        )
    }
}

/// The chain in which a worker has the task.
fn chain_of(task: &Task) -> Option<ChainNumber> {
    matches!(task.run, Run::Running).then_some(task.chain)
}
