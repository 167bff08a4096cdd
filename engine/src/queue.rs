//! The queue of one lane: deficit round robin between tenants (Shreedhar and Varghese 1995), and
//! within a tenant those that somebody waits for first.

use crate::table::Slot;
use overtime_protocol::TenantId;
use std::collections::{HashMap, VecDeque};

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
/// What a tenant may start in a row before the next one has its turn, in units of [`cost`].
const QUANTUM: u64 = 4;
/// The payload bytes that cost as much as a task of its own.
const COST_UNIT_BYTES: u64 = 16 * 1024;

/// What starting a task with that much payload costs its tenant.
fn cost(payload_bytes: u64) -> u64 {
    1 + payload_bytes / COST_UNIT_BYTES
}

/// One lane's queue. A slot may lie in it more than once, or be over when it comes: whoever takes
/// one checks it.
#[derive(Debug, Default)]
pub(crate) struct LaneQueue {
    tenants: HashMap<TenantId, TenantQueue>,
    turns: VecDeque<TenantId>,
}

#[derive(Debug, Default)]
struct TenantQueue {
    foremost: Row,
    patient: Row,
    deficit: u64,
    turn: u32,
}

/// A place in a row: its distance from that of another, around the end of the numbers, is how many
/// stand between them.
pub(crate) type Place = u32;

/// Tasks of a tenant that stand alike.
#[derive(Debug, Default)]
struct Row {
    /// The place of the first.
    front: Place,
    /// Neither the first nor the last is empty: those between whose task was taken out are.
    entries: VecDeque<Option<Entry>>,
}

impl Row {
    fn push_back(&mut self, entry: Entry) -> Place {
        self.entries.push_back(Some(entry));
        self.front.wrapping_add(self.entries.len() as Place).wrapping_sub(1)
    }

    fn push_front(&mut self, entry: Entry) -> Place {
        self.entries.push_front(Some(entry));
        self.front = self.front.wrapping_sub(1);
        self.front
    }

    fn pop_front(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.front = self.front.wrapping_add(1);
        self.trim();
        entry
    }

    fn first(&self) -> Option<&Entry> {
        self.entries.front()?.as_ref()
    }

    /// Takes the task at that place out, if it is there.
    fn remove(&mut self, slot: Slot, place: Place) {
        let index = place.wrapping_sub(self.front) as usize;
        let Some(entry) = self.entries.get_mut(index) else { return };
        if entry.as_ref().is_some_and(|entry| entry.slot == slot) {
            *entry = None;
            self.trim();
        }
    }

    /// Lets go of what is empty at the ends: whoever puts tasks in and takes them out again leaves
    /// nothing behind.
    fn trim(&mut self) {
        while self.entries.back().is_some_and(Option::is_none) {
            self.entries.pop_back();
        }
        while self.entries.front().is_some_and(Option::is_none) {
            self.entries.pop_front();
            self.front = self.front.wrapping_add(1);
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    slot: Slot,
    cost: u64,
}

impl LaneQueue {
    /// How many places are taken.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let len = |queue: &TenantQueue| queue.foremost.entries.len() + queue.patient.entries.len();
        self.tenants.values().map(len).sum()
    }

    pub(crate) fn push(
        &mut self,
        tenant: TenantId,
        slot: Slot,
        bytes: u64,
        standing: Standing,
    ) -> Place {
        let queue = self.tenants.entry(tenant).or_default();
        if queue.is_empty() {
            self.turns.push_back(tenant);
        }
        queue.of(standing).push_back(Entry { slot, cost: cost(bytes) })
    }

    /// Puts a task in front of all others of its tenant.
    pub(crate) fn push_first(&mut self, tenant: TenantId, slot: Slot) -> Place {
        let queue = self.tenants.entry(tenant).or_default();
        if queue.is_empty() {
            self.turns.push_back(tenant);
        }
        queue.foremost.push_front(Entry { slot, cost: 0 })
    }

    /// Takes a task out of its place.
    pub(crate) fn remove(
        &mut self,
        tenant: TenantId,
        slot: Slot,
        standing: Standing,
        place: Place,
    ) {
        let Some(queue) = self.tenants.get_mut(&tenant) else { return };
        queue.of(standing).remove(slot, place);
        if queue.is_empty() {
            self.tenants.remove(&tenant);
            self.turns.retain(|&other| other != tenant);
        }
    }

    /// How many of its tenant are before the one at that place, those included that are over.
    pub(crate) fn before(&self, tenant: TenantId, standing: Standing, place: Place) -> u64 {
        let Some(queue) = self.tenants.get(&tenant) else { return 0 };
        match standing {
            Standing::Foremost => u64::from(place.wrapping_sub(queue.foremost.front)),
            Standing::Patient => {
                let ahead = u64::from(place.wrapping_sub(queue.patient.front));
                queue.foremost.entries.len() as u64 + ahead
            }
        }
    }

    /// The next task and how it stood. Bounded: each tenant is passed over at most as often as
    /// the dearest task has quanta.
    pub(crate) fn pop(&mut self) -> Option<(Slot, Standing)> {
        loop {
            let tenant = *self.turns.front()?;
            let queue = self.tenants.get_mut(&tenant)?;
            if let Some(taken) = queue.pop_affordable() {
                if queue.is_empty() {
                    self.tenants.remove(&tenant);
                    self.turns.pop_front();
                }
                return Some(taken);
            }
            queue.deficit += QUANTUM;
            self.turns.rotate_left(1);
        }
    }
}

impl TenantQueue {
    fn is_empty(&self) -> bool {
        self.foremost.entries.is_empty() && self.patient.entries.is_empty()
    }

    fn of(&mut self, standing: Standing) -> &mut Row {
        match standing {
            Standing::Foremost => &mut self.foremost,
            Standing::Patient => &mut self.patient,
        }
    }

    fn pop_affordable(&mut self) -> Option<(Slot, Standing)> {
        let aged = self.turn.is_multiple_of(AGING_TURNS) && self.turn > 0;
        let standing = match (self.foremost.entries.is_empty(), self.patient.entries.is_empty()) {
            (true, _) => Standing::Patient,
            (false, true) => Standing::Foremost,
            (false, false) if aged => Standing::Patient,
            (false, false) => Standing::Foremost,
        };
        let cost = self.of(standing).first()?.cost;
        self.deficit = self.deficit.checked_sub(cost)?;
        self.turn = self.turn.wrapping_add(1);
        self.of(standing).pop_front().map(|entry| (entry.slot, standing))
    }
}
