//! A row of tasks of one tenant that stand alike: first in, first out, and any may be taken out.

use crate::table::Slot;
use std::collections::VecDeque;

/// A place in a row: its distance from that of another, around the end of the numbers, is how many
/// stand between them.
pub(crate) type Place = u32;

/// A row that is empty keeps no more memory than for so many.
const KEPT: usize = 64;

/// Tasks of a tenant that stand alike.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The place of the first.
    front: Place,
    /// Neither the first nor the last is empty: those between whose task was taken out are.
    entries: VecDeque<Option<Entry>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) slot: Slot,
    pub(super) cost: u32,
}

impl Row {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many places are taken, by those included that were taken out.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    /// The one that came last.
    pub(super) fn last(&self) -> Option<&Entry> {
        self.entries.back()?.as_ref()
    }

    /// The first of them, at most so many places.
    pub(super) fn firsts(&self, places: usize) -> impl Iterator<Item = &Entry> {
        self.entries.iter().take(places).flatten()
    }

    /// The first task that may go among so many places from the front, and where it stands.
    pub(super) fn find(&self, places: usize, may: impl Fn(Slot) -> bool) -> Option<(Place, Entry)> {
        let firsts = self.entries.iter().take(places).zip(0..);
        let mut firsts = firsts.filter_map(|(entry, index)| Some((index, (*entry)?)));
        let (index, entry) = firsts.find(|(_, entry)| may(entry.slot))?;
        Some((self.front.wrapping_add(index), entry))
    }

    /// How many places are before that one.
    pub(super) fn before(&self, place: Place) -> u64 {
        u64::from(place.wrapping_sub(self.front))
    }

    pub(super) fn push_back(&mut self, entry: Entry) -> Place {
        self.entries.push_back(Some(entry));
        self.front.wrapping_add(self.entries.len() as Place).wrapping_sub(1)
    }

    pub(super) fn push_front(&mut self, entry: Entry) -> Place {
        self.entries.push_front(Some(entry));
        self.front = self.front.wrapping_sub(1);
        self.front
    }

    pub(super) fn pop_front(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.front = self.front.wrapping_add(1);
        self.trim();
        entry
    }

    /// Takes the task at that place out, if it is there.
    pub(super) fn remove(&mut self, slot: Slot, place: Place) {
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
        if self.entries.is_empty() && self.entries.capacity() > KEPT {
            self.entries = VecDeque::new();
        }
    }
}
