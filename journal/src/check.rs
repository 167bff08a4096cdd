//! Whether what a record's handler read is still so. Asked by the commit thread, for one batch at
//! a time: records of the batch count as written though they are not on disk yet, for they will
//! be on disk together or not at all.

use crate::archive::Connections;
use crate::error::StoreError;
use crate::recent::Since;
use crate::shared::Shared;
use bytes::Bytes;
use foldhash::HashMap;
use overtime_protocol::TaskId;
use overtime_protocol::record::{ReadMark, Record};
use std::sync::Arc;

/// The checks of the commit thread.
pub(crate) struct Check {
    shared: Arc<Shared>,
    archive: Arc<Connections>,
    written: HashMap<Bytes, Write>,
}

/// The newest write of a key.
#[derive(Clone, Copy)]
struct Write {
    /// The LSN that a read of it tells: 0 if it was a deletion.
    lsn: u64,
    writer: (TaskId, u32),
}

impl Check {
    /// Checks against a journal; `archive` is for this thread alone.
    pub(crate) fn new(shared: Arc<Shared>, archive: Arc<Connections>) -> Self {
        Self { shared, archive, written: HashMap::default() }
    }

    /// The hash of the first key that is not as the record's handler read it, if there is one.
    pub(crate) fn conflict(&self, record: &Record) -> Result<Option<u64>, StoreError> {
        let puts = record.puts.iter().map(|put| (&put.key, put.read));
        let expects = record.expects.iter().map(|expect| (&expect.key, expect.read));
        for (key, read) in puts.chain(expects) {
            if !self.holds(key, read)? {
                return Ok(Some(hash(key)));
            }
        }
        Ok(None)
    }

    /// Counts a record of the batch as written.
    pub(crate) fn note(&mut self, lsn: u64, record: &Record) {
        for put in &record.puts {
            let lsn = if put.value.is_some() { lsn } else { 0 };
            let write = Write { lsn, writer: (record.task, record.run) };
            self.written.insert(put.key.clone(), write);
        }
    }

    /// Forgets the batch.
    pub(crate) fn clear(&mut self) {
        self.written.clear();
    }

    fn holds(&self, key: &Bytes, read: ReadMark) -> Result<bool, StoreError> {
        match (self.newest(key), read) {
            (_, ReadMark::Unread) => Ok(true),
            (Some(write), ReadMark::At { lsn, .. }) => Ok(write.lsn == lsn),
            (Some(write), ReadMark::After { task, run }) => Ok(write.writer == (task, run)),
            // Who wrote it is not known any more; the handler runs again and reads it.
            (None, ReadMark::After { .. }) => Ok(false),
            (None, ReadMark::At { lsn, watermark }) => {
                let newest = match self.shared.recent.since(key, watermark) {
                    Since::Unchanged => return Ok(true),
                    Since::Written(entry) => entry.read_lsn(),
                    Since::Unknown => {
                        let applied = self.shared.applied();
                        self.archive.take().state_lsn(key, applied)?
                    }
                };
                Ok(newest == lsn)
            }
        }
    }

    fn newest(&self, key: &Bytes) -> Option<Write> {
        self.written.get(key).copied().or_else(|| {
            let entry = self.shared.recent.key(key, self.shared.applied())?;
            Some(Write { lsn: entry.read_lsn(), writer: entry.writer })
        })
    }
}

/// FNV-1a, 64 bits: the same in every process.
pub(crate) fn hash(key: &[u8]) -> u64 {
    key.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
