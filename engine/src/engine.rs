//! The engine: events in, effects out. Each file below is one kind of event; this one is the
//! state they share and the door they come in by.

use crate::brief::Brief;
use crate::event::{Effect, Event, Sight};
use crate::hot::HotKeys;
use crate::lanes::{Credits, LanePlan};
use crate::limits::Limits;
use crate::marks::Marks;
use crate::queue::LaneQueue;
use crate::rates::Rates;
use crate::repairs::Repairs;
use crate::seed::Seed;
use crate::spares::Spares;
use crate::stats::Stats;
use crate::suspects::Suspects;
use crate::table::{Slot, Table, TaskIds};
use crate::task::{Run, Task};
use crate::tenants::Tenants;
use crate::timers::{Due, Lingers, Timers};
use overtime_protocol::{
    Epoch, Kind, KindName, LANES, Monotonic, Now, PerLane, TaskId, TaskIdMint,
};
use pace::Pace;
use slab::Slab;

mod ask;
#[cfg(any(test, feature = "audit"))]
mod audit;
mod cancel;
mod chunk;
mod deferral;
mod drain;
mod dry_run;
mod elastic;
mod ending;
mod explain;
mod follow;
mod inquiry;
mod keys;
mod pace;
mod record;
mod recover;
mod reload;
mod repair;
mod reply;
mod revive;
mod run;
mod setback;
mod sight;
mod space;
mod spool;
mod start;
mod submit;
mod tenancy;
#[cfg(test)]
mod tests;
mod told;

pub(crate) use record::Carries;

/// The decisions. See the crate's documentation.
#[derive(Debug)]
pub struct Engine {
    limits: Limits,
    kinds: Vec<Kind>,
    tenants: Tenants,
    mode: Mode,
    table: Table,
    queues: PerLane<LaneQueue>,
    credits: Credits,
    spares: Spares,
    timers: Timers,
    lingers: Lingers,
    brief: Brief,
    /// Chains handed out so far.
    chains: u64,
    hot_keys: HotKeys,
    suspects: Suspects,
    marks: PerLane<Marks>,
    reloads: reload::Reloads,
    /// The archive is behind: the backlog of a former process waits for it.
    strained: bool,
    inflight: Slab<record::InFlight>,
    inquiries: Slab<inquiry::Pending>,
    keys: keys::Keys,
    recovery: recover::Recovery,
    revivals: revive::Revivals,
    repairs: Repairs,
    followed: TaskIds,
    mint: TaskIdMint,
    seed: Seed,
    pace: Pace,
    rates: Rates,
    space: space::SpaceLeft,
    stats: Stats,
}

/// How far the server is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Takes everything in.
    Open,
    /// Refuses new tasks, finishes the others.
    Draining,
    /// Starts nothing any more; what is unfinished stays in the journal.
    Leaving,
    /// Acknowledges nothing any more.
    Failed,
}

/// What an engine is made of.
#[derive(Debug)]
pub struct Setup {
    /// The operator's bounds.
    pub limits: Limits,
    /// The kinds; a [`KindId`](overtime_protocol::KindId) is a place in this list.
    pub kinds: Vec<Kind>,
    /// How many workers there are for whom.
    pub plan: LanePlan,
    /// How often this data folder was started.
    pub epoch: Epoch,
    /// The highest task id that the journal knows.
    pub highest: Option<TaskId>,
    /// What decides all chance.
    pub seed: Seed,
}

impl Engine {
    /// An engine with no task.
    pub fn new(setup: Setup) -> Self {
        Self {
            limits: setup.limits,
            pace: Pace::new(setup.kinds.len()),
            rates: Rates::new(setup.kinds.len()),
            space: space::SpaceLeft::new(setup.kinds.len()),
            brief: Brief::new(setup.kinds.len(), setup.plan.brief),
            chains: 0,
            kinds: setup.kinds,
            tenants: Tenants::default(),
            mode: Mode::Open,
            table: Table::default(),
            queues: PerLane::default(),
            credits: Credits::new(setup.plan),
            spares: Spares::new(setup.plan.spares()),
            timers: Timers::default(),
            lingers: Lingers::new(setup.limits.linger),
            hot_keys: HotKeys::default(),
            suspects: Suspects::default(),
            marks: PerLane::default(),
            reloads: reload::Reloads::default(),
            strained: false,
            inflight: Slab::new(),
            inquiries: Slab::new(),
            keys: keys::Keys::default(),
            recovery: recover::Recovery::Ended,
            revivals: revive::Revivals::default(),
            repairs: Repairs::default(),
            followed: TaskIds::default(),
            mint: TaskIdMint::new(setup.epoch, setup.highest),
            seed: setup.seed,
            stats: Stats::default(),
        }
    }

    /// Takes one event in; what is to be done is appended to `out`. Work is not started here but
    /// in [`Engine::dispatch`].
    pub fn handle(&mut self, event: Event, now: Now, out: &mut Vec<Effect>) {
        match event {
            Event::Submitted(submission) => self.submit(submission, now, out),
            Event::Asked(ask) => self.ask(ask, now, out),
            Event::AskedWhy { reply_to, scope, task } => {
                self.explain((reply_to, scope), task, now, out);
            }
            Event::RepairAsked { reply_to, order } => self.repair(reply_to, *order, now, out),
            Event::RepairShown { reply_to, print } => self.show_repair(reply_to, print, out),
            Event::Steered(steer) => self.steer(steer, now, out),
            Event::Completed { completion, freed } => self.complete(completion, freed, now, out),
            Event::Hired => self.hired(now),
            Event::NotHired => self.not_hired(now),
            Event::Recalled { chain, from } => self.put_back(chain, from, now, out),
            Event::Advanced { chunk, chain } => self.advance(chunk, chain, now, out),
            Event::Spooled { task, outcome } => self.spooled(task, outcome, now, out),
            Event::Judged(verdict) => self.judge(verdict, now, out),
            Event::Found { ticket, finding } => self.found(ticket, finding, now, out),
            Event::Recovered { unfinished, clean } => self.recover(unfinished, clean, now, out),
            Event::Strained(strained) => self.strained = strained,
            Event::RecoveryEnded => self.end_recovery(now, out),
            Event::Followed(task) => self.follow(task),
            Event::Unfollowed(task) => self.unfollow(task),
            Event::Space { is_low, over } => self.note_space(is_low, &over),
            Event::Policies(ring) => self.tenants.set_policies(&ring, now.monotonic),
            Event::JournalFailed => self.fail(out),
            Event::DrainStarted => self.start_drain(),
            Event::GraceEnded => self.end_grace(now, out),
        }
    }

    /// Does what is due at `now`, at most `max` things; returns how many. The loop calls again at
    /// once when that is `max`.
    pub fn tick(&mut self, max: usize, now: Now, out: &mut Vec<Effect>) -> usize {
        while let Some(chain) = self.brief.expire(now.monotonic) {
            out.push(Effect::Recall(chain));
        }
        let mut done = 0;
        while done < max {
            if let Some(slot) = self.lingers.pop(now.monotonic) {
                self.end_linger(slot, now.unix, out);
            } else if let Some(due) = self.timers.pop(now.monotonic) {
                match due {
                    Due::Reply(slot, reply_to) => self.end_wait(slot, reply_to, now, out),
                    Due::Start(slot) => self.end_delay(slot, now),
                    Due::Deferred(reply_to) => self.end_deferral(reply_to, out),
                    Due::Repair(id) => self.step_repair(id, now, out),
                    Due::Reappend(slot, carries) => self.reappend((slot, carries), now, out),
                }
            } else if !self.look_after_long(now, out) {
                break;
            }
            done += 1;
        }
        done
    }

    /// When [`Engine::tick`] has something to do next: the poll's timeout.
    pub fn next_deadline(&mut self) -> Option<Monotonic> {
        let table = &self.table;
        self.lingers.skip(|slot| match table.get(slot).map(|task| &task.run) {
            None | Some(Run::Ended(_) | Run::Abandoned) => true,
            Some(_) => false,
        });
        let brief = self.brief.next_deadline();
        let spares = self.spares.next_deadline();
        [self.lingers.next_at(), self.timers.next_at(), brief, spares].into_iter().flatten().min()
    }

    /// Whether a worker is about to come back: the loop may find it worth while to look for it
    /// instead of going to sleep.
    pub fn expects_soon(&self) -> bool {
        self.brief.next_deadline().is_some()
    }

    /// Whether there is a live task with this id for whoever asks.
    pub fn knows(&self, task: TaskId, scope: Sight) -> bool {
        self.table.find(task).is_some_and(|slot| self.is_in_sight(slot, scope))
    }

    /// Whether nobody is owed an answer and nothing is on its way to the disk.
    pub fn is_quiet(&self) -> bool {
        self.stats.waiters == 0
            && self.inflight.is_empty()
            && self.inquiries.is_empty()
            && !self.recovery.defers()
            && !self.revivals.defers()
    }

    /// What was counted.
    pub fn stats(&self) -> Stats {
        let mut stats = self.stats;
        stats.recovering = self.is_recovering();
        stats.tasks = self.table.len() as u64;
        stats.appends = self.inflight.len() as u64;
        stats.running = PerLane(LANES.map(|lane| self.credits.running(lane) as u64));
        stats.spares = self.credits.spares() as u64;
        stats.charged = self.credits.charged() as u64;
        stats.long = self.spares.waiting() as u64;
        stats
    }

    /// How many workers there are for whom.
    pub fn plan(&self) -> &LanePlan {
        self.credits.plan()
    }

    /// Payload bytes in memory.
    pub fn payload_bytes(&self) -> u64 {
        self.stats.payload_bytes
    }

    /// The most payload bytes that there may be in memory.
    pub fn payload_memory_max_bytes(&self) -> u64 {
        self.limits.payload_memory_max_bytes
    }

    fn kind(&self, task: &Task) -> &Kind {
        &self.kinds[usize::from(task.kind.0)]
    }

    fn kind_name(&self, task: &Task) -> KindName {
        self.kind(task).name.clone()
    }

    /// Forgets a task. What callers still want to know of it, the journal tells.
    fn forget(&mut self, slot: Slot) {
        let Some(task) = self.table.remove(slot) else { return };
        if let Some(lane) = task.marked_in {
            self.marks[lane].leave();
        }
        self.drop_payload(task.durable.tenant, task.bytes_in_memory());
        self.tenants.get_mut(task.durable.tenant).busy -= u32::from(task.under_way);
        self.reloads.lent_bytes -= task.lent;
        if let Some(claim) = &task.durable.claim {
            self.keys.let_go(claim.key);
        }
        for waiter in &task.waiters {
            self.timers.cancel(waiter.timer);
            self.stats.waiters -= 1;
        }
    }
}
