//! The invariants of the engine, swept after each event in tests and simulations.

use super::{Engine, Mode};
use crate::limits::CHAIN_MAX;
use crate::queue::Standing;
use crate::task::{AcceptanceState, Run, Task};
use overtime_protocol::{LANES, Lane, UpstreamId};

impl Engine {
    /// Panics if anything the engine keeps twice does not agree, or a bound is passed.
    pub fn audit(&self) {
        self.audit_counts();
        self.audit_lanes();
        self.audit_lines();
        self.audit_tasks();
    }

    fn audit_counts(&self) {
        let waiters: usize = self.table.iter().map(|task| task.waiters.len()).sum();
        assert_eq!(self.stats.waiters, waiters as u64, "waiters");
        let bytes: u64 = self.table.iter().map(|task| task.bytes_in_memory()).sum();
        let asked: u64 = self.inquiries.iter().map(|(_, then)| then.payload_bytes()).sum();
        assert_eq!(
            self.stats.payload_bytes,
            bytes + asked + self.deferred_bytes(),
            "payload bytes"
        );
        self.audit_tenants();
        let kept_waiting = self.inflight.iter().filter(|(_, append)| append.keeps_waiting).count();
        let counted = self.admission.appends() == kept_waiting as u64;
        assert!(counted || self.mode == Mode::Failed, "appends that callers wait for");
        let lent: u64 = self.table.iter().map(Task::lent_bytes).sum();
        assert_eq!(self.reloads.lent_bytes, lent, "lent payload bytes");
        // Those that a former process accepted come on top: nothing that was accepted is refused.
        let tasks_max = self.limits.tasks_max + self.stats.recovered as usize;
        assert!(self.table.len() <= tasks_max, "tasks over their bound");
    }

    fn audit_lines(&self) {
        for (place, upstream) in self.upstreams.iter().enumerate() {
            let id = UpstreamId(u16::try_from(place).expect("upstreams are few"));
            let stands =
                |task: &&Task| matches!(task.run, Run::AtGate { spot } if spot.upstream == id);
            let count = self.table.iter().filter(stands).count();
            assert_eq!(self.lines.get(id).len(), count, "waiting for {}", upstream.name);
            let oldest = self.table.iter().filter(stands).map(|task| task.durable.id).min();
            assert_eq!(self.lines.get(id).oldest(), oldest, "oldest for {}", upstream.name);
            let calls = |task: &&Task| task.call.is_some() && self.kind(task).upstream == Some(id);
            let count = self.table.iter().filter(calls).count() + self.bulk_calls.of(id);
            assert_eq!(self.gates.calls(id), count, "calls to {}", upstream.name);
        }
        for task in self.table.iter() {
            let runs = matches!(task.run, Run::Running | Run::Abandoned);
            assert!(runs || task.call.is_none(), "{task:?} calls and does not run");
        }
    }

    fn audit_tenants(&self) {
        let mut own = vec![(0_u32, 0_u64); self.tenants.iter().count()];
        let mut asking = vec![0; own.len()];
        for tenant in self.inquiries.iter().filter_map(|(_, then)| then.tenant()) {
            asking[tenant.0 as usize] += 1;
        }
        for task in self.table.iter() {
            let (busy, bytes) = &mut own[task.durable.tenant.0 as usize];
            *busy += u32::from(task.is_under_way());
            *bytes += task.bytes_in_memory();
        }
        let mut held = 0;
        for ((tenant, (busy, bytes)), asking) in self.tenants.iter().zip(own).zip(asking) {
            assert_eq!(tenant.asking, asking, "keys asked for by {tenant:?}");
            assert_eq!(tenant.busy, busy, "under way of {tenant:?}");
            assert!(tenant.payload_bytes >= bytes, "payload bytes of {tenant:?}");
            held += tenant.payload_bytes;
        }
        assert_eq!(held, self.stats.payload_bytes, "payload bytes of all tenants");
    }

    fn audit_lanes(&self) {
        for lane in LANES {
            let queued = |task: &&Task| {
                matches!(task.run, Run::Queued { .. }) && task.charged_lane() == lane
            };
            let count = self.table.iter().filter(queued).count();
            assert_eq!(self.stats.queued[lane], count as u64, "queued in {lane:?}");
        }
        let stands = |task: &&Task| {
            let first = Standing::Foremost;
            let lane = task.charged_lane();
            lane == Lane::Interactive
                && matches!(task.run, Run::Queued { standing, .. } if standing == first)
        };
        let count = self.table.iter().filter(stands).count();
        assert_eq!(self.admission.crowd.total(), count, "standing");
        let is_put_off = |task: &&Task| task.cut && matches!(task.run, Run::Queued { .. });
        assert_eq!(self.put_off, self.table.iter().filter(is_put_off).count() as u64, "put off");
        for lane in LANES {
            let ahead = self.table.iter().filter(|task| task.marked_in == Some(lane)).count();
            assert_eq!(self.marks[lane].ahead(), ahead, "marked ahead in {lane:?}");
        }
        let running = |lane| self.credits.running(lane);
        let plan = self.plan();
        let foreground = running(Lane::Control) + running(Lane::Interactive);
        assert!(foreground <= plan.foreground, "foreground over its ceiling");
        for lane in LANES {
            assert!(running(lane) <= plan.ceiling(lane), "{lane:?} over its ceiling");
        }
        let (spares, charged) = (self.credits.spares(), self.credits.charged());
        assert!(spares <= plan.spares(), "more spares than there may be");
        assert!(charged <= spares, "more is charged than there are spares");
        let is_served = charged == spares || self.spares.waiting() == 0;
        assert!(is_served, "a spare does nothing while a worker is held for long");
        let holds: u32 = self.tenants.ids().map(|tenant| self.tenants.get(tenant).holds).sum();
        assert_eq!(holds as usize, charged + self.spares.waiting(), "workers held for long");
        let workers = charged + foreground + running(Lane::Bulk) + running(Lane::Background);
        let busy = |task: &&Task| matches!(task.run, Run::Running);
        let count = self.table.iter().filter(busy).count();
        assert!(count <= workers * CHAIN_MAX + self.brief.being_recalled(), "running");
    }

    /// Panics if work waits in a lane that has fewer workers than are kept for it, although nothing more
    /// is to be started.
    pub fn audit_floors(&self) {
        let is_starting = matches!(self.mode, Mode::Open | Mode::Draining);
        if !is_starting || self.has_work_to_start() {
            return;
        }
        for lane in LANES {
            let has_place = match lane {
                Lane::Control | Lane::Interactive => self.brief.has_room(),
                Lane::Bulk | Lane::Background => true,
            };
            let floor = self.plan().floor(lane);
            let starves = self.has_startable(lane) && self.credits.running(lane) < floor;
            assert!(!(starves && has_place), "{lane:?} is under its floor and work waits");
        }
    }

    /// Whether a task waits in a lane whose tenant has its turns there.
    fn has_startable(&self, lane: Lane) -> bool {
        let shares = matches!(lane, Lane::Control | Lane::Interactive);
        self.table.iter().any(|task| {
            let waits = matches!(task.run, Run::Queued { .. }) && task.charged_lane() == lane;
            waits && !(shares && self.holds_its_share(task.durable.tenant))
        })
    }

    fn audit_tasks(&self) {
        for task in self.table.iter() {
            let busy = matches!(task.run, Run::Running);
            assert!(busy || task.lent_bytes() == 0, "{task:?} counts a payload that no worker has");
            assert!(task.waiters.len() <= self.limits.waiters_max, "waiters over their bound");
            let overdue = task.waiters.iter().any(|waiter| waiter.overdue);
            let durable = task.acceptance == AcceptanceState::Durable;
            assert!(!(overdue && durable), "{:?} is durable and somebody is not told", task);
            let stored = task.payload.is_stored();
            assert!(durable || !stored, "{:?} let go of a payload that is not on disk", task);
        }
    }
}
