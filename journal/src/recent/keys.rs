//! The newest writes of state keys. There are many of them, so that what those of one record have
//! in common is kept once.

use super::Place;
use super::entries::Entry;
use crate::disk::FileId;
use foldhash::HashMap;
use overtime_protocol::TaskId;

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

impl KeyEntry {
    /// The LSN that a read of it tells: 0 if the key was deleted.
    pub(crate) fn read_lsn(&self) -> u64 {
        self.value.map_or(0, |_| self.lsn)
    }
}

/// A copy: a shared one takes twice the memory.
type Key = Box<[u8]>;

/// The length of the value of a key that was deleted; no record is so long.
const DELETED: u32 = u32::MAX;

/// Where the value of a key is: in which record, and where in its bytes.
#[derive(Clone, Copy, Debug)]
struct Slot {
    origin: u32,
    offset: u32,
    len: u32,
    crc: u32,
}

/// A record that wrote keys.
#[derive(Clone, Copy, Debug)]
struct Origin {
    lsn: u64,
    task: TaskId,
    sequence: u64,
    offset: u64,
    file: FileId,
    run: u32,
}

impl Origin {
    fn entry(&self, slot: Slot) -> KeyEntry {
        let value = (slot.len != DELETED).then(|| Place {
            file: self.file,
            sequence: self.sequence,
            offset: self.offset + u64::from(slot.offset),
            len: slot.len,
            crc: slot.crc,
        });
        KeyEntry { lsn: self.lsn, writer: (self.task, self.run), value }
    }
}

/// The writes of some records, in LSN order.
#[derive(Default)]
pub(super) struct Writes {
    origins: Vec<Origin>,
    slots: Vec<(Key, Slot)>,
}

impl Writes {
    pub(super) fn clear(&mut self) {
        self.origins.clear();
        self.slots.clear();
    }

    /// Adds what a record writes.
    pub(super) fn add(&mut self, entry: &Entry<'_>) {
        let Entry { lsn, place, bytes, record, layout } = *entry;
        if record.puts.is_empty() {
            return;
        }
        let origin = self.origins.len() as u32;
        let Place { file, sequence, offset, .. } = place;
        self.origins.push(Origin {
            lsn,
            task: record.task,
            sequence,
            offset,
            file,
            run: record.run,
        });
        for (put, range) in layout.values(&record.puts) {
            let slot = match range {
                None => Slot { origin, offset: 0, len: DELETED, crc: 0 },
                Some(range) => {
                    let offset = range.start as u32;
                    let value = &bytes[range];
                    Slot { origin, offset, len: value.len() as u32, crc: crc32c::crc32c(value) }
                }
            };
            self.slots.push((Key::from(&*put.key), slot));
        }
    }
}

/// The keys of a generation.
#[derive(Default)]
pub(super) struct Keys {
    origins: Vec<Origin>,
    slots: HashMap<Key, Slot>,
}

impl Keys {
    /// Takes in what is newer, and empties it. Returns the last LSN of it.
    pub(super) fn take(&mut self, writes: &mut Writes) -> Option<u64> {
        let last = writes.origins.last().map(|origin| origin.lsn);
        let behind = self.origins.len() as u32;
        self.origins.append(&mut writes.origins);
        for (key, slot) in writes.slots.drain(..) {
            self.slots.insert(key, Slot { origin: behind + slot.origin, ..slot });
        }
        last
    }

    /// The newest write of a key.
    pub(super) fn get(&self, key: &[u8]) -> Option<KeyEntry> {
        let slot = *self.slots.get(key)?;
        Some(self.origins[slot.origin as usize].entry(slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_takes_32_bytes_beside_its_own() {
        assert_eq!(size_of::<(Key, Slot)>(), 32);
    }
}
