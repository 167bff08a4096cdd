//! What is committed and not yet in the archive, as an index into the log. It keeps no values:
//! they are read from the log, and checked. It never holds its lock while it reads a file.

use crate::disk::FileId;
use crate::log::Log;
use bytes::Bytes;
use foldhash::HashMap;
use overtime_protocol::record::{Change, Layout, Record};
use overtime_protocol::{Payload, TaskId};
use parking_lot::RwLock;
use std::collections::VecDeque;
use std::io;
use std::ops::Range;

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

/// The newest write of a state key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyEntry {
    /// Its LSN.
    pub(crate) lsn: u64,
    /// The task that wrote it, and in which of its runs.
    pub(crate) writer: (TaskId, u32),
    /// The value; `None` if the key was deleted.
    pub(crate) value: Option<Place>,
}

/// What the log has of a task.
#[derive(Clone, Debug)]
pub(crate) struct TaskEntry {
    /// The LSN of the newest record kept here.
    pub(crate) lsn: u64,
    /// How it was accepted.
    pub(crate) acceptance: Option<Accepted>,
    /// The record that ended or parked it.
    pub(crate) whole: Option<Place>,
}

/// The acceptance of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// The record.
    pub(crate) record: Place,
    /// Where the payload is.
    pub(crate) payload: PayloadPlace,
}

/// Where the payload of a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PayloadPlace {
    /// In these bytes of the record that accepted it.
    Record(Range<u32>),
    /// In the spool; it has this many bytes.
    Spool(u64),
}

/// One record, as it is to be found.
pub(crate) struct Entry<'a> {
    /// Its LSN.
    pub(crate) lsn: u64,
    /// Where it lies.
    pub(crate) place: Place,
    /// Its bytes.
    pub(crate) bytes: &'a [u8],
    /// What it says.
    pub(crate) record: &'a Record,
    /// Where its parts are in its bytes.
    pub(crate) layout: &'a Layout,
}

/// Entries that are made without the lock and published under one.
#[derive(Default)]
pub(crate) struct Entries {
    keys: Vec<(Bytes, KeyEntry)>,
    tasks: Vec<(TaskId, TaskEntry)>,
}

impl Entries {
    /// Forgets what was not published.
    pub(crate) fn clear(&mut self) {
        self.keys.clear();
        self.tasks.clear();
    }

    /// Adds what is to be found of one record.
    pub(crate) fn add(&mut self, entry: &Entry<'_>) {
        let Entry { lsn, place, bytes, record, layout } = *entry;
        for (put, range) in layout.values(&record.puts) {
            let value = range.map(|range| part(place, bytes, range));
            let writer = (record.task, record.run);
            self.keys.push((put.key.clone(), KeyEntry { lsn, writer, value }));
        }
        let is_whole = matches!(record.change, Some(Change::Parked(_) | Change::Finished(..)));
        let acceptance = record.acceptance.as_ref().map(|acceptance| {
            let payload = payload_place(&acceptance.payload, layout);
            Accepted { record: place, payload }
        });
        if is_whole || acceptance.is_some() {
            let whole = is_whole.then_some(place);
            self.tasks.push((record.task, TaskEntry { lsn, acceptance, whole }));
        }
    }
}

fn payload_place(payload: &Payload, layout: &Layout) -> PayloadPlace {
    if payload.is_spooled() {
        PayloadPlace::Spool(payload.len())
    } else {
        PayloadPlace::Record(layout.payload.start as u32..layout.payload.end as u32)
    }
}

fn part(record: Place, bytes: &[u8], range: Range<usize>) -> Place {
    let offset = record.offset + range.start as u64;
    let value = &bytes[range];
    let len = value.len() as u32;
    Place { offset, len, crc: crc32c::crc32c(value), ..record }
}

/// The index: generations of entries, the oldest first. An entry whose LSN the archive has reached
/// is passed over, so a generation can leave as a whole, long after its first entries are in the
/// archive, and nobody waits while it is taken apart.
#[derive(Default)]
pub(crate) struct Recent {
    generations: RwLock<VecDeque<Generation>>,
}

#[derive(Default)]
struct Generation {
    keys: HashMap<Bytes, KeyEntry>,
    tasks: HashMap<TaskId, TaskEntry>,
    /// The last LSN in it.
    last: u64,
}

impl Recent {
    /// Makes entries visible, in LSN order, and empties `entries`.
    pub(crate) fn publish(&self, entries: &mut Entries) {
        let mut generations = self.generations.write();
        if generations.is_empty() {
            generations.push_back(Generation::default());
        }
        let Some(newest) = generations.back_mut() else { return };
        for (key, entry) in entries.keys.drain(..) {
            newest.last = newest.last.max(entry.lsn);
            newest.keys.insert(key, entry);
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
        let generations = self.generations.read();
        let newest = generations.iter().rev().find_map(|generation| generation.keys.get(key));
        newest.copied().filter(|entry| entry.lsn > applied)
    }

    /// What the log has of a task, unless it is in an archive that has everything up to `applied`.
    pub(crate) fn task(&self, task: TaskId, applied: u64) -> Option<TaskEntry> {
        let generations = self.generations.read();
        let mut found = generations.iter().rev().filter_map(|each| each.tasks.get(&task));
        let newest = found.next().filter(|entry| entry.lsn > applied)?.clone();
        Some(found.fold(newest, |newer, older| newer.over(older)))
    }

    /// Entries from here on are a generation of their own. The applier calls this before it reads
    /// the log, so that what it is about to apply can leave together.
    pub(crate) fn rotate(&self) {
        let mut generations = self.generations.write();
        if generations.back().is_some_and(|newest| newest.last > 0) {
            generations.push_back(Generation::default());
        }
    }

    /// Lets go of the generations that are in the archive as a whole.
    pub(crate) fn release(&self, applied: u64) {
        let mut released = Vec::new();
        let mut generations = self.generations.write();
        while generations.len() > 1 && generations.front().is_some_and(|old| old.last <= applied) {
            released.extend(generations.pop_front());
        }
        // Taken apart without the lock.
        drop(generations);
        drop(released);
    }
}

impl TaskEntry {
    /// What is known when this comes after `older`.
    fn over(self, older: &Self) -> Self {
        Self {
            lsn: self.lsn,
            acceptance: self.acceptance.or_else(|| older.acceptance.clone()),
            whole: self.whole.or(older.whole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize, lsn: u64) -> (Bytes, KeyEntry) {
        let writer = (TaskId::from_key(lsn).unwrap(), 1);
        (number.to_string().into(), KeyEntry { lsn, writer, value: None })
    }

    fn task(number: u64, lsn: u64, whole: Option<Place>) -> (TaskId, TaskEntry) {
        (TaskId::from_key(number).unwrap(), TaskEntry { lsn, acceptance: None, whole })
    }

    const PLACE: Place = Place { file: FileId(1), sequence: 1, offset: 4096, len: 1, crc: 0 };

    fn generations(recent: &Recent) -> usize {
        recent.generations.read().len()
    }

    #[test]
    fn what_the_archive_has_is_passed_over_and_what_was_written_since_is_not() {
        let recent = Recent::default();
        let keys = vec![key(1, 5), key(2, 6)];
        recent.publish(&mut Entries { keys, tasks: vec![task(1, 5, None), task(2, 6, None)] });
        recent.rotate();
        let (keys, tasks) = (vec![key(1, 9)], vec![task(1, 9, Some(PLACE))]);
        recent.publish(&mut Entries { keys, tasks });
        let tasks = [1, 2].map(|number| TaskId::from_key(number).unwrap());
        assert_eq!(recent.key(b"1", 0).unwrap().lsn, 9);
        assert_eq!(recent.key(b"1", 6).unwrap().lsn, 9);
        assert!(recent.key(b"1", 9).is_none());
        assert_eq!(recent.key(b"2", 5).unwrap().lsn, 6);
        assert!(recent.key(b"2", 6).is_none());
        assert_eq!(recent.task(tasks[0], 6).unwrap().whole, Some(PLACE));
        assert!(recent.task(tasks[1], 6).is_none());
    }

    #[test]
    fn a_generation_leaves_as_a_whole() {
        let recent = Recent::default();
        recent.rotate();
        assert_eq!(generations(&recent), 0);
        recent.publish(&mut Entries { keys: vec![key(1, 5), key(2, 6)], tasks: Vec::new() });
        recent.rotate();
        recent.rotate();
        assert_eq!(generations(&recent), 2);
        recent.release(5);
        assert_eq!(generations(&recent), 2);
        recent.publish(&mut Entries { keys: vec![key(3, 7)], tasks: Vec::new() });
        recent.release(6);
        assert_eq!(generations(&recent), 1);
        assert_eq!(recent.key(b"3", 6).unwrap().lsn, 7);
    }

    #[test]
    fn an_acceptance_stays_beside_a_later_record_of_its_task() {
        for rotates in [false, true] {
            let recent = Recent::default();
            let mut accepted = task(1, 5, None);
            let acceptance = Accepted { record: PLACE, payload: PayloadPlace::Record(3..4) };
            accepted.1.acceptance = Some(acceptance.clone());
            recent.publish(&mut Entries { keys: Vec::new(), tasks: vec![accepted] });
            if rotates {
                recent.rotate();
            }
            let parked = task(1, 6, Some(PLACE));
            recent.publish(&mut Entries { keys: Vec::new(), tasks: vec![parked] });
            let found = recent.task(TaskId::from_key(1).unwrap(), 5).unwrap();
            assert_eq!((found.lsn, found.acceptance), (6, Some(acceptance)));
            assert_eq!(found.whole, Some(PLACE));
        }
    }
}
