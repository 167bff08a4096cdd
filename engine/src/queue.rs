//! The queue of one lane: those that somebody waits for first, whose ever they are, and among those
//! that stand alike the tenants in turn. Every so often one that nobody waits for goes first all the
//! same.

use crate::table::Slot;
use overtime_protocol::TenantId;
use row::Entry;
use turns::Turns;

mod rounds;
mod row;
#[cfg(test)]
mod tests;
mod turns;

pub(crate) use row::Place;

/// Whether a task goes before others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Somebody waits for it.
    Foremost,
    /// Nobody does, or its caller asked for less urgency.
    Patient,
}

/// Every so many starts a patient task goes first, so that none waits for ever.
const AGING_TURNS: u32 = 8;
/// The payload bytes that cost as much as a task of its own.
const COST_UNIT_BYTES: u64 = 64 * 1024;
/// Larger payloads cost as much as one of 6 MiB, so that debts are paid within the rounds there are.
const COST_MAX: u32 = 96;

/// What starting a task with that much payload costs its tenant.
fn cost(payload_bytes: u64) -> u32 {
    let units = u32::try_from(payload_bytes / COST_UNIT_BYTES).unwrap_or(u32::MAX);
    units.saturating_add(1).min(COST_MAX)
}

/// A task in a lane, and what it costs to take it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    tenant: TenantId,
    standing: Standing,
    place: Place,
    pub(crate) slot: Slot,
    cost: u32,
}

/// One lane's queue. A slot may lie in it more than once, or be over when it comes: whoever takes
/// one checks it.
#[derive(Debug, Default)]
pub(crate) struct LaneQueue {
    foremost: Turns,
    patient: Turns,
    started: u32,
}

impl LaneQueue {
    /// How many places are taken.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.foremost.len() + self.patient.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.foremost.is_empty() && self.patient.is_empty()
    }

    /// Whose tasks stand here. A tenant may be told more than once.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = TenantId> {
        self.foremost.tenants().chain(self.patient.tenants())
    }

    fn of(&mut self, standing: Standing) -> &mut Turns {
        match standing {
            Standing::Foremost => &mut self.foremost,
            Standing::Patient => &mut self.patient,
        }
    }

    pub(crate) fn push(
        &mut self,
        tenant: TenantId,
        slot: Slot,
        bytes: u64,
        standing: Standing,
    ) -> Place {
        self.of(standing).push_back(tenant, Entry { slot, cost: cost(bytes) })
    }

    /// Puts a task in front of all others of its tenant.
    pub(crate) fn push_first(&mut self, tenant: TenantId, slot: Slot) -> Place {
        self.foremost.push_front(tenant, Entry { slot, cost: 0 })
    }

    /// From here on a tenant has no turns, or has them again.
    pub(crate) fn set_back(&mut self, tenant: TenantId, is_set_back: bool) {
        self.foremost.set_back(tenant, is_set_back);
        self.patient.set_back(tenant, is_set_back);
    }

    /// Whether anybody has a turn.
    pub(crate) fn has_turns(&self) -> bool {
        self.foremost.has_any() || self.patient.has_any()
    }

    /// Takes a task out of its place.
    pub(crate) fn remove(
        &mut self,
        tenant: TenantId,
        slot: Slot,
        standing: Standing,
        place: Place,
    ) {
        self.of(standing).remove(tenant, slot, place);
    }

    /// The task of a tenant that came last among those that somebody waits for.
    pub(crate) fn newest(&self, tenant: TenantId) -> Option<Slot> {
        self.foremost.newest(tenant)
    }

    /// How many of its tenant are before the one at that place, those included that are over.
    pub(crate) fn before(&self, tenant: TenantId, standing: Standing, place: Place) -> u64 {
        match standing {
            Standing::Foremost => self.foremost.before(tenant, place),
            Standing::Patient => {
                self.foremost.len_of(tenant) as u64 + self.patient.before(tenant, place)
            }
        }
    }

    /// About those that come next, so many of them.
    pub(crate) fn ahead(&self, count: usize, out: &mut Vec<Slot>) {
        let before = out.len();
        self.foremost.ahead(count, out);
        self.patient.ahead(count.saturating_sub(out.len() - before), out);
    }

    /// The first task that may go among those in front, at most so many of each tenant and of so many
    /// tenants whose turn it is. The others are left as they stand.
    pub(crate) fn find(&self, looks: usize, may: impl Fn(Slot) -> bool) -> Option<Found> {
        let of = |turns: &Turns, standing| {
            let (tenant, place, Entry { slot, cost }) = turns.find(looks, &may)?;
            Some(Found { tenant, standing, place, slot, cost })
        };
        let foremost = of(&self.foremost, Standing::Foremost);
        foremost.or_else(|| of(&self.patient, Standing::Patient))
    }

    /// Takes a task that was just found, for which its tenant pays as for any other.
    pub(crate) fn take(&mut self, found: Found) {
        let Found { tenant, standing, place, slot, cost } = found;
        self.of(standing).take(tenant, place, Entry { slot, cost });
    }

    /// The task that is next, which stays where it stands.
    pub(crate) fn first(&mut self) -> Option<Slot> {
        let standing = self.next_standing();
        self.of(standing).first()
    }

    /// How the one stands that is next.
    fn next_standing(&self) -> Standing {
        let is_aged = self.started.is_multiple_of(AGING_TURNS) && self.started > 0;
        match (self.foremost.has_any(), self.patient.has_any()) {
            (false, _) => Standing::Patient,
            (true, true) if is_aged => Standing::Patient,
            (true, _) => Standing::Foremost,
        }
    }

    /// The next task and how it stood.
    pub(crate) fn pop(&mut self) -> Option<(Slot, Standing)> {
        let standing = self.next_standing();
        let slot = self.of(standing).pop()?;
        self.started = self.started.wrapping_add(1);
        Some((slot, standing))
    }
}
