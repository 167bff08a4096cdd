//! The queue of one lane: round robin between tenants by what their tasks cost, and within a tenant
//! those that somebody waits for first.
//!
//! It is deficit round robin (Shreedhar and Varghese 1995) that pays afterwards: a tenant starts a
//! task whenever it has any credit, and what that overdraws, it pays with the rounds that it passes
//! over. So it is known at once in which round it has its next turn, and nobody is looked at in vain:
//! to take a task costs the same with one tenant and with thousands, whatever their tasks cost.

use crate::table::Slot;
use overtime_protocol::TenantId;
use rounds::{Link, Linked, ROUNDS, Rounds};
use row::{Entry, Row};

mod rounds;
mod row;
#[cfg(test)]
mod tests;

pub(crate) use row::Place;

/// Whether a task goes before the others of its tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Somebody waits for it.
    Foremost,
    /// Nobody does, or its caller asked for less urgency.
    Patient,
}

/// Every so many turns of a tenant a patient task goes first, so that none waits for ever.
const AGING_TURNS: u32 = 8;
/// The credit that each round gives a tenant, in units of [`cost`]: one task, for whoever comes behind
/// a tenant with a long queue waits for as many of its tasks as it starts in a row.
const QUANTUM: i64 = 1;
/// The payload bytes that cost as much as a task of its own.
const COST_UNIT_BYTES: u64 = 64 * 1024;
/// Larger payloads cost as much as one of 6 MiB, so that debts are paid within the rounds there are.
const COST_MAX: u32 = 96;

const _: () = assert!(COST_MAX as i64 / QUANTUM < ROUNDS as i64);

/// What starting a task with that much payload costs its tenant.
fn cost(payload_bytes: u64) -> u32 {
    let units = u32::try_from(payload_bytes / COST_UNIT_BYTES).unwrap_or(u32::MAX);
    units.saturating_add(1).min(COST_MAX)
}

/// One lane's queue. A slot may lie in it more than once, or be over when it comes: whoever takes
/// one checks it.
#[derive(Debug, Default)]
pub(crate) struct LaneQueue {
    /// By number: tenants are named by small ones, and none is ever forgotten.
    tenants: Vec<TenantQueue>,
    rounds: Rounds,
}

#[derive(Debug, Default)]
struct TenantQueue {
    foremost: Row,
    patient: Row,
    turn: u32,
    /// What it may start in the round `due`; above zero while it stands in one.
    credit: i64,
    /// The round of its next turn, or of its latest if that is over.
    due: u64,
    link: Link,
    /// It has no turn however much it has to start.
    is_set_back: bool,
}

impl Linked for TenantQueue {
    fn link(&self) -> &Link {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl LaneQueue {
    /// How many places are taken.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.tenants.iter().map(|queue| queue.foremost.len() + queue.patient.len()).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rounds.standing() == 0
    }

    pub(crate) fn push(
        &mut self,
        tenant: TenantId,
        slot: Slot,
        bytes: u64,
        standing: Standing,
    ) -> Place {
        let entry = Entry { slot, cost: cost(bytes) };
        self.entered(tenant).of(standing).push_back(entry)
    }

    /// Puts a task in front of all others of its tenant.
    pub(crate) fn push_first(&mut self, tenant: TenantId, slot: Slot) -> Place {
        self.entered(tenant).foremost.push_front(Entry { slot, cost: 0 })
    }

    /// The queue of a tenant that is about to get a task, and therefore has its turn.
    fn entered(&mut self, tenant: TenantId) -> &mut TenantQueue {
        let place = tenant.0 as usize;
        if self.tenants.len() <= place {
            self.tenants.resize_with(place + 1, TenantQueue::default);
        }
        if self.tenants[place].is_empty() {
            self.have_turns(tenant);
        }
        &mut self.tenants[place]
    }

    /// A tenant stands in the round of its next turn, unless it is set back.
    fn have_turns(&mut self, tenant: TenantId) {
        let queue = &mut self.tenants[tenant.0 as usize];
        if !queue.is_set_back {
            let round = queue.comes_back(self.rounds.now());
            self.rounds.join(&mut self.tenants, tenant, round);
        }
    }

    /// From here on a tenant has no turns, or has them again.
    pub(crate) fn set_back(&mut self, tenant: TenantId, is_set_back: bool) {
        let place = tenant.0 as usize;
        if self.tenants.len() <= place {
            self.tenants.resize_with(place + 1, TenantQueue::default);
        }
        let queue = &mut self.tenants[place];
        if std::mem::replace(&mut queue.is_set_back, is_set_back) == is_set_back {
            return;
        }
        match (queue.is_empty(), is_set_back) {
            (true, _) => {}
            (false, true) => self.rounds.leave(&mut self.tenants, tenant),
            (false, false) => self.have_turns(tenant),
        }
    }

    /// Whether anybody has a turn.
    pub(crate) fn has_turns(&self) -> bool {
        self.rounds.has_any()
    }

    /// Takes a task out of its place.
    pub(crate) fn remove(
        &mut self,
        tenant: TenantId,
        slot: Slot,
        standing: Standing,
        place: Place,
    ) {
        let Some(queue) = self.tenants.get_mut(tenant.0 as usize) else { return };
        if queue.is_empty() {
            return;
        }
        queue.of(standing).remove(slot, place);
        if queue.is_empty() {
            self.rounds.leave(&mut self.tenants, tenant);
        }
    }

    /// The task of a tenant that came last among those that somebody waits for.
    pub(crate) fn newest(&self, tenant: TenantId) -> Option<Slot> {
        self.tenants.get(tenant.0 as usize)?.foremost.last().map(|entry| entry.slot)
    }

    /// How many of its tenant are before the one at that place, those included that are over.
    pub(crate) fn before(&self, tenant: TenantId, standing: Standing, place: Place) -> u64 {
        let Some(queue) = self.tenants.get(tenant.0 as usize) else { return 0 };
        match standing {
            Standing::Foremost => queue.foremost.before(place),
            Standing::Patient => queue.foremost.len() as u64 + queue.patient.before(place),
        }
    }

    /// About those that come next, so many of them.
    pub(crate) fn ahead(&self, count: usize, out: &mut Vec<Slot>) {
        let each = count.div_ceil(self.rounds.standing().max(1));
        for tenant in self.rounds.order(&self.tenants).take(count) {
            let queue = &self.tenants[tenant.0 as usize];
            let row = if queue.foremost.is_empty() { &queue.patient } else { &queue.foremost };
            out.extend(row.firsts(each).map(|entry| entry.slot));
        }
    }

    /// The next task and how it stood.
    pub(crate) fn pop(&mut self) -> Option<(Slot, Standing)> {
        let tenant = self.rounds.next()?;
        let queue = &mut self.tenants[tenant.0 as usize];
        let taken = queue.pop()?;
        let (is_empty, due) = (queue.is_empty(), queue.due);
        if is_empty || due > self.rounds.now() {
            self.rounds.leave(&mut self.tenants, tenant);
        }
        if !is_empty && due > self.rounds.now() {
            self.rounds.join(&mut self.tenants, tenant, due);
        }
        Some(taken)
    }
}

impl TenantQueue {
    fn is_empty(&self) -> bool {
        self.foremost.is_empty() && self.patient.is_empty()
    }

    fn of(&mut self, standing: Standing) -> &mut Row {
        match standing {
            Standing::Foremost => &mut self.foremost,
            Standing::Patient => &mut self.patient,
        }
    }

    /// The round of its next turn. Credit is not saved up while it has nothing to start, and debts
    /// are not let off.
    fn comes_back(&mut self, now: u64) -> u64 {
        if self.due < now {
            (self.due, self.credit) = (now, QUANTUM);
        }
        // At the very start it has had no round yet.
        self.credit = self.credit.max(1);
        self.due
    }

    fn pop(&mut self) -> Option<(Slot, Standing)> {
        let aged = self.turn.is_multiple_of(AGING_TURNS) && self.turn > 0;
        let standing = match (self.foremost.is_empty(), self.patient.is_empty()) {
            (true, _) => Standing::Patient,
            (false, true) => Standing::Foremost,
            (false, false) if aged => Standing::Patient,
            (false, false) => Standing::Foremost,
        };
        let Entry { slot, cost } = self.of(standing).pop_front()?;
        self.turn = self.turn.wrapping_add(1);
        self.pay(i64::from(cost));
        Some((slot, standing))
    }

    /// Whoever is not above zero any more passes rounds over until it is.
    fn pay(&mut self, cost: i64) {
        self.credit -= cost;
        if self.credit <= 0 {
            let rounds = -self.credit / QUANTUM + 1;
            self.credit += rounds * QUANTUM;
            self.due += rounds.unsigned_abs();
        }
    }
}
