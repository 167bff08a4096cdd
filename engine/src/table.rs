//! The table of live tasks: by slot for those who hold one, by id for everybody else.

use crate::task::Task;
use overtime_protocol::TaskId;
use slab::Slab;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// Where a task lies while it lives. A slot is used again, so whoever keeps one keeps the id with
/// it and asks with both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot {
    place: u32,
    id: TaskId,
}

impl Slot {
    /// A slot of its own for each number.
    #[cfg(test)]
    pub(crate) fn numbered(number: u32) -> Self {
        let id = TaskId::from_key(u64::from(number)).expect("small numbers are task ids");
        Self { place: number, id }
    }

    pub(crate) fn id(self) -> TaskId {
        self.id
    }
}

/// Some tasks, live or not.
pub(crate) type TaskIds = HashSet<TaskId, BuildHasherDefault<IdHasher>>;

/// All live tasks.
#[derive(Debug, Default)]
pub(crate) struct Table {
    tasks: Slab<Task>,
    places: HashMap<TaskId, u32, BuildHasherDefault<IdHasher>>,
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(crate) fn insert(&mut self, task: Task) -> Slot {
        let id = task.durable.id;
        let place = self.tasks.insert(task);
        let place = u32::try_from(place).expect("tasks are bounded far below 2^32");
        self.places.insert(id, place);
        Slot { place, id }
    }

    pub(crate) fn find(&self, id: TaskId) -> Option<Slot> {
        self.places.get(&id).map(|&place| Slot { place, id })
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&Task> {
        self.tasks.get(slot.place as usize).filter(|task| task.durable.id == slot.id)
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Task> {
        self.tasks.get_mut(slot.place as usize).filter(|task| task.durable.id == slot.id)
    }

    /// Reads a little of each of these tasks, wherever it lies.
    pub(crate) fn glance(&self, slots: &[Slot]) -> u64 {
        slots.iter().fold(0, |all, slot| {
            let is_known = self.places.contains_key(&slot.id);
            let task = self.tasks.get(slot.place as usize);
            all ^ u64::from(is_known) ^ task.map_or(0, Task::glance)
        })
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Task> {
        self.get(slot)?;
        self.places.remove(&slot.id);
        Some(self.tasks.remove(slot.place as usize))
    }

    /// How many places there are, those that are empty included.
    pub(crate) fn places(&self) -> usize {
        self.tasks.capacity()
    }

    /// The task in a place.
    pub(crate) fn at(&self, place: usize) -> Option<Slot> {
        let id = self.tasks.get(place)?.durable.id;
        Some(Slot { place: u32::try_from(place).ok()?, id })
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        self.tasks.iter().map(|(place, task)| Slot { place: place as u32, id: task.durable.id })
    }

    #[cfg(any(test, feature = "audit"))]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().map(|(_, task)| task)
    }
}

/// Ids are minted here and never chosen by a caller, so one multiplication spreads them enough
/// (Knuth's multiplicative hashing).
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(u64::from(byte)));
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}
