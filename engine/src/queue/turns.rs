//! Tenants in turn, by what their tasks cost.
//!
//! It is deficit round robin (Shreedhar and Varghese 1995) that pays afterwards: a tenant starts a
//! task whenever it has any credit, and what that overdraws, it pays with the rounds that it passes
//! over. So it is known at once in which round it has its next turn, and nobody is looked at in vain:
//! to take a task costs the same with one tenant and with thousands, whatever their tasks cost.

use super::COST_MAX;
use super::rounds::{Link, Linked, ROUNDS, Rounds};
use super::row::{Entry, Place, Row};
use crate::table::Slot;
use overtime_protocol::TenantId;

/// The credit that each round gives a tenant, in units of [`super::cost`]: one task, for whoever comes
/// behind a tenant with a long queue waits for as many of its tasks as it starts in a row.
const QUANTUM: i64 = 1;

const _: () = assert!(COST_MAX as i64 / QUANTUM < ROUNDS as i64);

/// Tasks of all tenants that stand alike.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// By number: tenants are named by small ones, and none is ever forgotten.
    tenants: Vec<Tenant>,
    pub(super) rounds: Rounds,
}

#[derive(Debug, Default)]
struct Tenant {
    row: Row,
    /// What it may start in the round `due`; above zero while it stands in one.
    credit: i64,
    /// The round of its next turn, or of its latest if that is over.
    due: u64,
    link: Link,
    /// It has no turn however much it has to start.
    is_set_back: bool,
}

impl Linked for Tenant {
    fn link(&self) -> &Link {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl Turns {
    /// How many places are taken.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.tenants.iter().map(|tenant| tenant.row.len()).sum()
    }

    /// How many places one tenant has taken.
    pub(super) fn len_of(&self, tenant: TenantId) -> usize {
        self.tenants.get(tenant.0 as usize).map_or(0, |tenant| tenant.row.len())
    }

    /// Those that have something here.
    pub(super) fn tenants(&self) -> impl Iterator<Item = TenantId> {
        let tenants = (0..).map(TenantId).zip(&self.tenants);
        tenants.filter(|(_, tenant)| !tenant.row.is_empty()).map(|(id, _)| id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rounds.standing() == 0
    }

    /// Whether anybody has a turn.
    pub(super) fn has_any(&self) -> bool {
        self.rounds.has_any()
    }

    pub(super) fn push_back(&mut self, tenant: TenantId, entry: Entry) -> Place {
        self.entered(tenant).push_back(entry)
    }

    pub(super) fn push_front(&mut self, tenant: TenantId, entry: Entry) -> Place {
        self.entered(tenant).push_front(entry)
    }

    /// The row of a tenant that is about to get a task, and therefore has its turn.
    fn entered(&mut self, tenant: TenantId) -> &mut Row {
        if self.known(tenant).row.is_empty() {
            self.have_turns(tenant);
        }
        &mut self.tenants[tenant.0 as usize].row
    }

    fn known(&mut self, tenant: TenantId) -> &mut Tenant {
        let place = tenant.0 as usize;
        if self.tenants.len() <= place {
            self.tenants.resize_with(place + 1, Tenant::default);
        }
        &mut self.tenants[place]
    }

    /// A tenant stands in the round of its next turn, unless it is set back.
    fn have_turns(&mut self, tenant: TenantId) {
        let known = &mut self.tenants[tenant.0 as usize];
        if !known.is_set_back {
            let round = known.comes_back(self.rounds.now());
            self.rounds.join(&mut self.tenants, tenant, round);
        }
    }

    /// From here on a tenant has no turns, or has them again.
    pub(super) fn set_back(&mut self, tenant: TenantId, is_set_back: bool) {
        let known = self.known(tenant);
        if std::mem::replace(&mut known.is_set_back, is_set_back) == is_set_back {
            return;
        }
        match (known.row.is_empty(), is_set_back) {
            (true, _) => {}
            (false, true) => self.rounds.leave(&mut self.tenants, tenant),
            (false, false) => self.have_turns(tenant),
        }
    }

    /// Takes a task out of its place.
    pub(super) fn remove(&mut self, tenant: TenantId, slot: Slot, place: Place) {
        let Some(known) = self.tenants.get_mut(tenant.0 as usize) else { return };
        if known.row.is_empty() {
            return;
        }
        known.row.remove(slot, place);
        if known.row.is_empty() {
            self.rounds.leave(&mut self.tenants, tenant);
        }
    }

    /// The task of a tenant that came last.
    pub(super) fn newest(&self, tenant: TenantId) -> Option<Slot> {
        self.tenants.get(tenant.0 as usize)?.row.last().map(|entry| entry.slot)
    }

    /// How many of its tenant are before the one at that place.
    pub(super) fn before(&self, tenant: TenantId, place: Place) -> u64 {
        self.tenants.get(tenant.0 as usize).map_or(0, |tenant| tenant.row.before(place))
    }

    /// About those that come next, so many of them.
    pub(super) fn ahead(&self, count: usize, out: &mut Vec<Slot>) {
        let each = count.div_ceil(self.rounds.standing().max(1));
        for tenant in self.rounds.order(&self.tenants).take(count) {
            let row = &self.tenants[tenant.0 as usize].row;
            out.extend(row.firsts(each).map(|entry| entry.slot));
        }
    }

    /// The next task.
    pub(super) fn pop(&mut self) -> Option<Slot> {
        let tenant = self.rounds.next()?;
        let known = &mut self.tenants[tenant.0 as usize];
        let Entry { slot, cost } = known.row.pop_front()?;
        known.pay(i64::from(cost));
        self.had_turn(tenant);
        Some(slot)
    }

    /// The task whose turn it is.
    pub(super) fn first(&mut self) -> Option<Slot> {
        let tenant = self.rounds.next()?;
        self.tenants[tenant.0 as usize].row.firsts(1).next().map(|entry| entry.slot)
    }

    /// The first task that may go among those in front, at most so many of each tenant and of so many
    /// tenants whose turn it is, with its tenant and place.
    pub(super) fn find(
        &self,
        looks: usize,
        may: impl Fn(Slot) -> bool,
    ) -> Option<(TenantId, Place, Entry)> {
        let of = |tenant: TenantId| &self.tenants[tenant.0 as usize];
        let mut order = self.rounds.order(&self.tenants).take(looks).peekable();
        let round = order.peek().map(|&tenant| of(tenant).due)?;
        order.take_while(|&tenant| of(tenant).due == round).find_map(|tenant| {
            let (place, entry) = of(tenant).row.find(looks, &may)?;
            Some((tenant, place, entry))
        })
    }

    /// Takes a task that was just found.
    pub(super) fn take(&mut self, tenant: TenantId, place: Place, entry: Entry) {
        // The round in which it was found is the first in which anybody stands.
        let first = self.rounds.next();
        debug_assert!(first.is_some(), "{:?} was found in no round", entry.slot);
        let known = &mut self.tenants[tenant.0 as usize];
        known.row.remove(entry.slot, place);
        known.pay(i64::from(entry.cost));
        self.had_turn(tenant);
    }

    /// A tenant has started something: it stands in the round of its next turn, if it has more.
    fn had_turn(&mut self, tenant: TenantId) {
        let known = &self.tenants[tenant.0 as usize];
        let (is_empty, due) = (known.row.is_empty(), known.due);
        if is_empty || due > self.rounds.now() {
            self.rounds.leave(&mut self.tenants, tenant);
        }
        if !is_empty && due > self.rounds.now() {
            self.rounds.join(&mut self.tenants, tenant, due);
        }
    }
}

impl Tenant {
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
