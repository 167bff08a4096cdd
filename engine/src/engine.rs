//! The engine: events in, effects out. Each file below is one kind of event; this one is the
//! state they share and the door they come in by.

use crate::admission::Admission;
use crate::brief::Brief;
use crate::event::{Effect, Event};
use crate::gate::Gates;
use crate::hot::HotKeys;
use crate::incidents::Incidents;
use crate::lanes::{Credits, LanePlan};
use crate::limits::Limits;
use crate::lines::Lines;
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
    Epoch, Incident, Kind, KindName, Monotonic, Now, PerLane, TaskId, TaskIdMint, Upstream,
    UpstreamId,
};
use pace::Pace;
use slab::Slab;
use std::collections::BTreeSet;

mod admission;
mod ask;
#[cfg(any(test, feature = "audit"))]
mod audit;
mod calls;
mod cancel;
mod chunk;
mod deferral;
mod drain;
mod dry_run;
mod elastic;
mod ending;
mod explain;
mod follow;
mod gate_notes;
mod hurts;
mod incidents;
mod inquiry;
mod kept;
mod keys;
mod listing;
mod pace;
mod record;
mod recover;
mod relief;
mod reload;
mod repair;
mod reply;
mod revive;
mod run;
mod screen;
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
mod upstreams;
mod view;
mod warm;
mod webhooks;

pub use gate_notes::GATE_SPACE;
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
    notes: hurts::Notes,
    kept: kept::Kept,
    incidents: Incidents,
    admission: Admission,
    /// There are more waits to cut than one turn may.
    is_crowded: bool,
    /// Tasks whose waits were cut, in their lane.
    put_off: u64,
    relief: relief::Relief,
    upstreams: Vec<Upstream>,
    gates: Gates,
    lines: Lines,
    bulk_calls: calls::BulkCalls,
    /// Those that were called since they were kept last.
    called: BTreeSet<UpstreamId>,
    /// Those for which waits are to be ended.
    shedding: Vec<UpstreamId>,
    /// The time that it was told last.
    latest: Monotonic,
    stats: Stats,
    /// Tasks that a little was read of; kept for its memory.
    warmed: Vec<Slot>,
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
    /// What they call; an [`UpstreamId`] is a place in this list.
    pub upstreams: Vec<Upstream>,
    /// The incidents that a former process left open.
    pub incidents: Vec<Incident>,
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
            notes: hurts::Notes::new(setup.epoch),
            kept: kept::Kept::default(),
            incidents: incidents::restored(setup.incidents, &setup.upstreams),
            admission: Admission::new(setup.limits.admission),
            is_crowded: false,
            put_off: 0,
            relief: relief::Relief::default(),
            gates: Gates::new(&setup.upstreams, setup.plan.foreground, setup.seed.clone()),
            lines: Lines::new(setup.upstreams.len()),
            upstreams: setup.upstreams,
            bulk_calls: calls::BulkCalls::default(),
            called: BTreeSet::new(),
            shedding: Vec::new(),
            latest: Monotonic::default(),
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
            warmed: Vec::new(),
        }
    }

    /// Takes one event in; what is to be done is appended to `out`. Work is not started here but
    /// in [`Engine::dispatch`].
    pub fn handle(&mut self, event: Event, now: Now, out: &mut Vec<Effect>) {
        self.latest = now.monotonic;
        match event {
            Event::Submitted(submission) => self.submit(submission, now, out),
            Event::Asked(ask) => self.ask(ask, now, out),
            Event::AskedWhy { reply_to, scope, task } => {
                self.explain((reply_to, scope), task, now, out);
            }
            Event::RepairAsked { reply_to, order } => self.repair(reply_to, *order, now, out),
            Event::RepairShown { reply_to, print } => self.show_repair(reply_to, print, out),
            Event::UpstreamsAsked { reply_to, order } => {
                self.upstreams_asked(reply_to, order, now, out);
            }
            Event::Steered(steer) => self.steer(steer, now, out),
            Event::Completed { completion, freed } => self.complete(completion, freed, now, out),
            Event::Hired => self.hired(now),
            Event::NotHired => self.not_hired(now),
            Event::Recalled { chain, from } => self.put_back(chain, from, now, out),
            Event::Advanced { chunk, chain } => self.advance(chunk, chain, now, out),
            Event::CallsReported { task, run, chain, report } => {
                self.report_calls((task, run), chain, report, now, out);
            }
            Event::Spooled { task, outcome } => self.spooled(task, outcome, now, out),
            Event::Judged(verdict) => self.judge(verdict, now, out),
            Event::Sighted { reply_to, sighted } => self.show_list(reply_to, *sighted, out),
            Event::Found { ticket, finding } => self.found(ticket, finding, now, out),
            Event::Recovered { unfinished, clean } => self.recover(unfinished, clean, now, out),
            Event::Strained(strained) => self.strained = strained,
            Event::RecoveryEnded => self.end_recovery(now, out),
            Event::Followed(task) => self.follow(task),
            Event::Unfollowed(task) => self.unfollow(task),
            Event::Space { is_low, over } => self.note_space(is_low, &over, now),
            Event::Policies(ring) => self.note_policies(&ring, now.monotonic),
            Event::MemoryPressure(pressure) => self.note_pressure(pressure, now),
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
        self.latest = now.monotonic;
        self.is_crowded = self.keep_room(now, out);
        self.watch_strain(now);
        self.judge_gates(now, out);
        self.relieve_memory();
        let mut done = 0;
        while done < max {
            if let Some(slot) = self.lingers.pop(now.monotonic) {
                self.end_linger(slot, now.unix, out);
            } else if let Some(due) = self.timers.pop(now.monotonic) {
                match due {
                    Due::Reply(slot, reply_to) => self.end_wait(slot, reply_to, now, out),
                    Due::Start(slot) => self.end_delay(slot, now),
                    Due::Deferred(reply_to) => self.end_deferral(reply_to, out),
                    Due::GateNote => self.keep_called(now),
                    Due::Gate(upstream) => self.gate_is_due(upstream),
                    Due::Note => self.note_hurts(now, out),
                    Due::Incidents => self.look_at_incidents(now),
                    Due::Repair(id) => self.step_repair(id, now, out),
                    Due::Reappend(slot, carries) => self.reappend((slot, carries), now, out),
                }
            } else if !self.look_after_long(now, out) {
                break;
            }
            done += 1;
        }
        self.keep_notes(now, out);
        self.keep_incidents(now, out);
        self.send_kept(now, out);
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
        let more =
            self.is_crowded || self.relief.is_under_way() || self.has_waits_to_end_at_gates();
        let now = more.then_some(self.latest);
        let (judged, spares) = (self.admission.next_deadline(), self.spares.next_deadline());
        let (gates, kept) = (self.gates.next_deadline(), self.kept.next_deadline());
        let due = [
            self.lingers.next_at(),
            self.timers.next_at(),
            brief,
            spares,
            judged,
            gates,
            kept,
            now,
        ];
        due.into_iter().flatten().min()
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
        self.reloads.lent_bytes -= task.lent_bytes();
        if let Some(claim) = &task.durable.claim {
            self.keys.let_go(claim.key);
        }
        for waiter in &task.waiters {
            self.timers.cancel(waiter.timer);
            self.stats.waiters -= 1;
        }
    }
}
