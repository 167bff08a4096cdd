//! What the connections of one file share: its locks, and the memory in which they find the index
//! of the write-ahead log. It never waits: a lock that is taken is refused.

use super::Code;
use rusqlite::ffi;
use std::collections::{BTreeMap, BTreeSet};

/// SQLite's slots for locks on the shared memory.
const SLOTS: usize = ffi::SQLITE_SHM_NLOCK as usize;

/// One file's locks and memory.
#[derive(Default)]
pub(super) struct Sharing {
    shared: BTreeSet<u64>,
    reserved: Option<u64>,
    pending: Option<u64>,
    exclusive: Option<u64>,
    regions: Vec<Box<[u64]>>,
    slots: [Slot; SLOTS],
}

#[derive(Default)]
struct Slot {
    shared: BTreeMap<u64, u32>,
    exclusive: Option<u64>,
}

fn is_others(holder: Option<u64>, own: u64) -> bool {
    holder.is_some_and(|holder| holder != own)
}

impl Sharing {
    /// Takes a lock on the file (lockingv3.html).
    pub(super) fn lock(&mut self, own: u64, level: i32) -> Result<(), Code> {
        if level >= ffi::SQLITE_LOCK_SHARED && !self.shared.contains(&own) {
            if is_others(self.pending.or(self.exclusive), own) {
                return Err(ffi::SQLITE_BUSY);
            }
            self.shared.insert(own);
        }
        if level >= ffi::SQLITE_LOCK_RESERVED {
            if is_others(self.reserved, own) {
                return Err(ffi::SQLITE_BUSY);
            }
            self.reserved = Some(own);
        }
        if level >= ffi::SQLITE_LOCK_EXCLUSIVE {
            self.pending = Some(own);
            if self.shared.iter().any(|&other| other != own) {
                return Err(ffi::SQLITE_BUSY);
            }
            self.exclusive = Some(own);
        }
        Ok(())
    }

    /// Goes down to a lower lock.
    pub(super) fn unlock(&mut self, own: u64, level: i32) {
        for holder in [&mut self.reserved, &mut self.pending, &mut self.exclusive] {
            *holder = holder.filter(|&holder| holder != own);
        }
        if level < ffi::SQLITE_LOCK_SHARED {
            self.shared.remove(&own);
        }
    }

    pub(super) fn is_reserved(&self) -> bool {
        self.reserved.is_some() || self.exclusive.is_some()
    }

    /// The region of the shared memory, made if it is wanted.
    pub(super) fn region(&mut self, place: usize, len: usize, makes: bool) -> Option<*mut u64> {
        while makes && self.regions.len() <= place {
            self.regions.push(vec![0; len / size_of::<u64>()].into_boxed_slice());
        }
        self.regions.get_mut(place).map(|region| region.as_mut_ptr())
    }

    /// Takes or gives back locks on slots of the shared memory.
    pub(super) fn lock_slots(
        &mut self,
        own: u64,
        (first, count): (usize, usize),
        flags: i32,
    ) -> Result<(), Code> {
        let slots = self.slots.get_mut(first..first + count).ok_or(ffi::SQLITE_IOERR_SHMLOCK)?;
        let exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
        if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
            slots.iter_mut().for_each(|slot| slot.give_back(own, exclusive));
            return Ok(());
        }
        if slots.iter().any(|slot| slot.refuses(own, exclusive)) {
            return Err(ffi::SQLITE_BUSY);
        }
        for slot in slots {
            match exclusive {
                true => slot.exclusive = Some(own),
                false => *slot.shared.entry(own).or_default() += 1,
            }
        }
        Ok(())
    }

    /// A connection uses the shared memory no more.
    pub(super) fn leave_memory(&mut self, own: u64) {
        for slot in &mut self.slots {
            slot.shared.remove(&own);
            slot.exclusive = slot.exclusive.filter(|&holder| holder != own);
        }
    }

    /// Nobody uses the shared memory any more.
    pub(super) fn forget_memory(&mut self) {
        self.regions.clear();
    }
}

impl Slot {
    fn refuses(&self, own: u64, exclusive: bool) -> bool {
        let shared_by_others = self.shared.keys().any(|&holder| holder != own);
        is_others(self.exclusive, own) || (exclusive && shared_by_others)
    }

    fn give_back(&mut self, own: u64, exclusive: bool) {
        if exclusive {
            self.exclusive = self.exclusive.filter(|&holder| holder != own);
        } else if let Some(count) = self.shared.get_mut(&own) {
            *count -= 1;
            if *count == 0 {
                self.shared.remove(&own);
            }
        }
    }
}
