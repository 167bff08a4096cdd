//! Elasticity: what takes long, or what nobody waits for any more, gives its lane's place back while
//! it goes on, and a spare worker stands in for the one that has it. Without that, handlers that
//! block would leave no worker to those that come later.

use super::Engine;
use crate::event::Effect;
use crate::limits::{DETACHED_LONG_AFTER, HIRE_RETRY};
use crate::spares::{Charge, Left};
use crate::table::Slot;
use crate::task::Run;
use overtime_protocol::keyring::KeyRing;
use overtime_protocol::{ChainNumber, Lane, Monotonic, Now, TenantId};

impl Engine {
    /// The worker of a chain has nothing left to do.
    pub(super) fn free(&mut self, chain: ChainNumber, lane: Lane) {
        self.lines.worker_is_free();
        let Left { charge, long_of } = self.spares.end(chain);
        match charge {
            Charge::Lane => self.credits.give_back(lane),
            Charge::Spare => {
                self.credits.end_charge();
                self.stand_in();
            }
        }
        if let Some(tenant) = long_of {
            self.tenants.get_mut(tenant).holds -= 1;
            self.look_at_share(tenant);
        }
    }

    /// A worker more is held for long by that tenant.
    fn note_long(&mut self, tenant: TenantId) {
        self.tenants.get_mut(tenant).holds += 1;
        self.look_at_share(tenant);
        self.stand_in();
    }

    /// Whether a tenant may have more started, as it holds workers for long. What it has running is
    /// left alone, and what it has in the other lanes too: those have workers of their own.
    fn look_at_share(&mut self, tenant: TenantId) {
        let is_over = self.holds_its_share(tenant);
        for lane in [Lane::Control, Lane::Interactive] {
            self.queues[lane].set_back(tenant, is_over);
        }
    }

    /// Whether a tenant holds half of all workers that there may be, and there are others.
    pub(super) fn holds_its_share(&self, tenant: TenantId) -> bool {
        let share = self.credits.plan().share_of_one();
        self.tenants.are_many() && self.tenants.get(tenant).holds >= share
    }

    /// What tenants may do has changed, or how many there are.
    pub(super) fn note_policies(&mut self, ring: &KeyRing, now: Monotonic) {
        self.tenants.set_policies(ring, now);
        for tenant in self.tenants.ids() {
            self.look_at_share(tenant);
        }
    }

    /// Does what is due with those that take long; returns whether anything was.
    pub(super) fn look_after_long(&mut self, now: Now, out: &mut Vec<Effect>) -> bool {
        let is_due = self.spares.next_deadline().is_some_and(|at| at <= now.monotonic);
        if !is_due {
            return false;
        }
        if let Some(tenant) = self.spares.pop_long(now.monotonic) {
            self.note_long(tenant);
        }
        self.ask_for_spares(now, out);
        let (hired, idle) = (self.credits.spares(), self.credits.idle_spares());
        let over = self.spares.look(hired, idle, now.monotonic);
        if over > 0 {
            self.credits.retire(over);
            self.stats.retired += over as u64;
            out.push(Effect::Retire(over));
        }
        true
    }

    /// Nobody waits any more for what a worker has: from here on it is nobody's place that it takes.
    pub(super) fn note_detached(&mut self, slot: Slot, now: Now, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get(slot) else { return };
        let runs = matches!(task.run, Run::Running) && !task.is_waited_for();
        // One that has just begun will mostly be through before a spare has come.
        let is_settled = now.monotonic.since(task.run_since) >= DETACHED_LONG_AFTER;
        if !(runs && is_settled) {
            return;
        }
        if let Some(tenant) = self.spares.is_long_now(task.chain) {
            self.note_long(tenant);
            self.ask_for_spares(now, out);
        }
    }

    /// A spare has come.
    pub(super) fn hired(&mut self, now: Now) {
        self.credits.hire();
        self.stats.hired += 1;
        self.spares.hired(now.monotonic);
        self.stand_in();
        self.lines.worker_is_free();
    }

    /// The system has refused one.
    pub(super) fn not_hired(&mut self, now: Now) {
        self.stats.not_hired += 1;
        self.spares.refused(now.monotonic + HIRE_RETRY);
    }

    fn stand_in(&mut self) {
        while let Some(idle) = self.credits.idle_spares().checked_sub(1) {
            let Some(lane) = self.spares.stand_in(idle) else { return };
            self.credits.charge(lane);
        }
    }

    fn ask_for_spares(&mut self, now: Now, out: &mut Vec<Effect>) {
        if !self.is_starting() {
            self.spares.give_up_asking();
            return;
        }
        let more = self.spares.ask(self.credits.spares(), now.monotonic);
        out.extend((0..more).map(|_| Effect::Hire));
    }
}
