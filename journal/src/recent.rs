//! What is committed and not yet in the archive, as an index into the log. It keeps no values:
//! they are read from the log, and checked. It never holds its lock while it reads a file.

use crate::disk::FileId;
use crate::log::Log;
use bytes::Bytes;
use overtime_protocol::TaskId;
use overtime_protocol::record::{Change, Layout, Record};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::io;
use std::ops::Range;

/// How many entries are removed under one lock: about 50 µs.
const REMOVED_AT_ONCE: usize = 256;

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
        let filled = log.disk.read_at(self.file, &mut buffer, self.offset)?;
        if !log.is_live(self.sequence) {
            return Ok(None);
        }
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
    /// The task and attempt that wrote it.
    pub(crate) writer: (TaskId, u32),
    /// The value; `None` if the key was deleted.
    pub(crate) value: Option<Place>,
}

/// What the log has of a task.
#[derive(Clone, Debug)]
pub(crate) struct TaskEntry {
    /// The LSN of the newest record kept here.
    pub(crate) lsn: u64,
    /// The record that accepted it, and where in that record the payload lies.
    pub(crate) acceptance: Option<(Place, Range<u32>)>,
    /// The record that ended or parked it.
    pub(crate) whole: Option<Place>,
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
            let writer = (record.task, record.attempt);
            self.keys.push((put.key.clone(), KeyEntry { lsn, writer, value }));
        }
        let is_whole = matches!(record.change, Some(Change::Parked(_) | Change::Finished(..)));
        let payload = layout.payload.start as u32..layout.payload.end as u32;
        let acceptance = record.acceptance.as_ref().map(|_| (place, payload));
        if is_whole || acceptance.is_some() {
            let whole = is_whole.then_some(place);
            self.tasks.push((record.task, TaskEntry { lsn, acceptance, whole }));
        }
    }
}

fn part(record: Place, bytes: &[u8], range: Range<usize>) -> Place {
    let offset = record.offset + range.start as u64;
    let value = &bytes[range];
    let len = value.len() as u32;
    Place { offset, len, crc: crc32c::crc32c(value), ..record }
}

/// The index.
#[derive(Default)]
pub(crate) struct Recent {
    maps: RwLock<Maps>,
}

#[derive(Default)]
struct Maps {
    keys: HashMap<Bytes, KeyEntry>,
    tasks: HashMap<TaskId, TaskEntry>,
}

impl Recent {
    /// Makes entries visible, in LSN order, and empties `entries`.
    pub(crate) fn publish(&self, entries: &mut Entries) {
        let mut maps = self.maps.write();
        maps.keys.extend(entries.keys.drain(..));
        for (task, newer) in entries.tasks.drain(..) {
            match maps.tasks.get_mut(&task) {
                None => drop(maps.tasks.insert(task, newer)),
                Some(entry) => {
                    entry.lsn = newer.lsn;
                    entry.whole = newer.whole.or(entry.whole);
                    entry.acceptance = newer.acceptance.or(entry.acceptance.take());
                }
            }
        }
    }

    /// The newest write of a key, unless it is in the archive already.
    pub(crate) fn key(&self, key: &[u8]) -> Option<KeyEntry> {
        self.maps.read().keys.get(key).copied()
    }

    /// What the log has of a task, unless it is in the archive already.
    pub(crate) fn task(&self, task: TaskId) -> Option<TaskEntry> {
        self.maps.read().tasks.get(&task).cloned()
    }

    /// Removes entries that the archive has: those of these keys and tasks up to `applied`.
    pub(crate) fn remove(
        &self,
        keys: impl Iterator<Item = impl AsRef<[u8]>>,
        tasks: impl Iterator<Item = TaskId>,
        applied: u64,
    ) {
        in_steps(keys, |keys| {
            let mut maps = self.maps.write();
            for key in keys {
                if maps.keys.get(key.as_ref()).is_some_and(|entry| entry.lsn <= applied) {
                    maps.keys.remove(key.as_ref());
                }
            }
        });
        in_steps(tasks, |tasks| {
            let mut maps = self.maps.write();
            for task in tasks {
                if maps.tasks.get(task).is_some_and(|entry| entry.lsn <= applied) {
                    maps.tasks.remove(task);
                }
            }
        });
    }
}

/// Calls `step` with a few items at a time, so that others get at the lock in between.
fn in_steps<T>(items: impl Iterator<Item = T>, mut step: impl FnMut(&[T])) {
    let mut few = Vec::with_capacity(REMOVED_AT_ONCE);
    for item in items {
        few.push(item);
        if few.len() == REMOVED_AT_ONCE {
            step(&few);
            few.clear();
        }
    }
    step(&few);
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

    #[test]
    fn what_was_written_since_stays() {
        let recent = Recent::default();
        let count = 3 * REMOVED_AT_ONCE / 2;
        let keys = (0..count).map(|number| key(number, 5)).collect();
        let tasks = vec![task(1, 5, None), task(2, 5, None)];
        recent.publish(&mut Entries { keys, tasks });
        let (keys, tasks) = (vec![key(1, 9)], vec![task(1, 9, Some(PLACE))]);
        recent.publish(&mut Entries { keys, tasks });
        let tasks = [1, 2].map(|number| TaskId::from_key(number).unwrap());
        recent.remove((0..count).map(|number| number.to_string()), tasks.into_iter(), 5);
        assert_eq!(recent.key(b"1").unwrap().lsn, 9);
        assert_eq!(recent.task(tasks[0]).unwrap().whole, Some(PLACE));
        let maps = recent.maps.read();
        assert_eq!((maps.keys.len(), maps.tasks.len()), (1, 1));
    }

    #[test]
    fn an_acceptance_stays_beside_a_later_record_of_its_task() {
        let recent = Recent::default();
        let mut accepted = task(1, 5, None);
        accepted.1.acceptance = Some((PLACE, 3..4));
        recent.publish(&mut Entries { keys: Vec::new(), tasks: vec![accepted] });
        let parked = task(1, 6, Some(PLACE));
        recent.publish(&mut Entries { keys: Vec::new(), tasks: vec![parked] });
        let found = recent.task(TaskId::from_key(1).unwrap()).unwrap();
        assert_eq!((found.lsn, found.acceptance), (6, Some((PLACE, 3..4))));
    }
}
