//! What is committed and not yet in the archive, as an index into the log. It keeps no values:
//! they are read from the log, and checked. It never holds its lock while it reads a file.

mod entries;
mod keys;

pub(crate) use entries::{
    Accepted, ClaimEntry, Entries, Entry, PayloadPlace, RestPlace, TaskEntry,
};
pub(crate) use keys::KeyEntry;

use crate::disk::FileId;
use crate::log::Log;
use bytes::Bytes;
use foldhash::HashMap;
use keys::Keys;
use overtime_protocol::{KeyHash, TaskEvent, TaskId};
use parking_lot::RwLock;
use std::collections::VecDeque;
use std::io;

/// Where some bytes of the log lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file.
    pub(crate) file: FileId,
    /// The segment that the file held then.
    pub(crate) sequence: u64,
    /// The offset of the first byte.
    pub(crate) offset: u64,
    /// How many there are.
    pub(crate) len: u32,
    /// Their checksum.
    pub(crate) crc: u32,
}

impl Place {
    /// Reads the bytes. `None` if the file was used again since: then what was there has been
    /// applied to the archive.
    pub(crate) fn read(&self, log: &Log) -> io::Result<Option<Bytes>> {
        let mut buffer = vec![0; self.len as usize];
        let read = log.disk.read_at(self.file, &mut buffer, self.offset);
        // Asked first: whatever came of reading a file that was used again says nothing.
        if !log.is_live(self.sequence) {
            return Ok(None);
        }
        let filled = read?;
        if filled != buffer.len() || crc32c::crc32c(&buffer) != self.crc {
            let what = format!("{} is damaged at byte {}", self.file, self.offset);
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(Some(buffer.into()))
    }
}

/// The index: generations of entries, the oldest first. An entry whose LSN the archive has reached
/// is passed over, so a generation can leave as a whole, long after its first entries are in the
/// archive, and nobody waits while it is taken apart. The newest of those that are in the archive as
/// a whole stays, so that what was read a moment ago can be checked without asking the archive.
#[derive(Default)]
pub(crate) struct Recent {
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    generations: VecDeque<Generation>,
    /// Every write behind this LSN is in a generation.
    floor: u64,
}

/// What became of a key since it was read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Since {
    /// It was not written.
    Unchanged,
    /// This is its newest write.
    Written(KeyEntry),
    /// Only the archive knows.
    Unknown,
}

#[derive(Default)]
struct Generation {
    keys: Keys,
    tasks: HashMap<TaskId, TaskEntry>,
    claims: HashMap<KeyHash, ClaimEntry>,
    events: HashMap<TaskId, Vec<TaskEvent>>,
    /// The last LSN in it.
    last: u64,
}

impl Recent {
    /// Begins behind an archive that has everything up to `applied`.
    pub(crate) fn begin(&self, applied: u64) {
        self.state.write().floor = applied;
    }

    /// Makes entries visible, in LSN order, and empties `entries`.
    pub(crate) fn publish(&self, entries: &mut Entries) {
        let generations = &mut self.state.write().generations;
        if generations.is_empty() {
            generations.push_back(Generation::default());
        }
        let Some(newest) = generations.back_mut() else { return };
        if let Some(last) = newest.keys.take(&mut entries.keys) {
            newest.last = newest.last.max(last);
        }
        for (key, entry) in entries.claims.drain(..) {
            newest.last = newest.last.max(entry.lsn);
            newest.claims.insert(key, entry);
        }
        for (task, event) in entries.events.drain(..) {
            newest.last = newest.last.max(event.sequence);
            newest.events.entry(task).or_default().push(event);
        }
        for (task, newer) in entries.tasks.drain(..) {
            newest.last = newest.last.max(newer.lsn);
            match newest.tasks.get_mut(&task) {
                None => drop(newest.tasks.insert(task, newer)),
                Some(entry) => *entry = newer.over(entry),
            }
        }
    }

    /// The newest write of a key, unless it is in an archive that has everything up to `applied`.
    pub(crate) fn key(&self, key: &[u8], applied: u64) -> Option<KeyEntry> {
        self.state.read().newest(key).filter(|entry| entry.lsn > applied)
    }

    /// What became of a key since the archive had everything up to `watermark`, and nothing later
    /// was known of the key.
    pub(crate) fn since(&self, key: &[u8], watermark: u64) -> Since {
        let state = self.state.read();
        if watermark < state.floor {
            return Since::Unknown;
        }
        let newest = state.newest(key).filter(|entry| entry.lsn > watermark);
        newest.map_or(Since::Unchanged, Since::Written)
    }

    /// What the log has of a task, unless it is in an archive that has everything up to `applied`.
    pub(crate) fn task(&self, task: TaskId, applied: u64) -> Option<TaskEntry> {
        let state = self.state.read();
        let mut found = state.generations.iter().rev().filter_map(|each| each.tasks.get(&task));
        let newest = found.next().filter(|entry| entry.lsn > applied)?.clone();
        Some(found.fold(newest, |newer, older| newer.over(older)))
    }

    /// Who claimed a key last, unless that is in an archive that has everything up to `applied`.
    pub(crate) fn claim(&self, key: KeyHash, applied: u64) -> Option<ClaimEntry> {
        let state = self.state.read();
        let mut found = state.generations.iter().rev().filter_map(|each| each.claims.get(&key));
        found.next().filter(|entry| entry.lsn > applied).copied()
    }

    /// The events of a task that an archive does not have that has everything up to `applied`, but
    /// for those that its acceptance and its end are: they are told by [`Recent::task`].
    pub(crate) fn events(&self, task: TaskId, applied: u64) -> Vec<TaskEvent> {
        let state = self.state.read();
        let found = state.generations.iter().filter_map(|each| each.events.get(&task)).flatten();
        found.filter(|event| event.sequence > applied).cloned().collect()
    }

    /// Entries from here on are a generation of their own. The applier calls this before it reads
    /// the log, so that what it is about to apply can leave together.
    pub(crate) fn rotate(&self) {
        let generations = &mut self.state.write().generations;
        if generations.back().is_some_and(|newest| newest.last > 0) {
            generations.push_back(Generation::default());
        }
    }

    /// Lets go of the generations that are in the archive as a whole, but for the newest of them.
    pub(crate) fn release(&self, applied: u64) {
        let mut released = Vec::new();
        let mut state = self.state.write();
        while state.generations.get(1).is_some_and(|next| (1..=applied).contains(&next.last)) {
            let oldest = state.generations.pop_front();
            state.floor =
                oldest.as_ref().map_or(state.floor, |oldest| state.floor.max(oldest.last));
            released.extend(oldest);
        }
        // Taken apart without the lock.
        drop(state);
        drop(released);
    }
}

impl State {
    fn newest(&self, key: &[u8]) -> Option<KeyEntry> {
        self.generations.iter().rev().find_map(|generation| generation.keys.get(key))
    }
}

#[cfg(test)]
mod tests;
