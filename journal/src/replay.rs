//! What a restart finds in the log: the records that are not yet in the archive. It changes
//! nothing.

use crate::fold;
use crate::recent::{Entries, Entry, Place, Recent};
use crate::recovery::Visit;
use foldhash::HashMap;
use overtime_protocol::record::Change;
use overtime_protocol::{TaskId, record};

/// What the log has that the archive has not.
#[derive(Default)]
pub(crate) struct Replay {
    /// Where to find it.
    pub(crate) recent: Recent,
    /// Which tasks it accepts that have files of their own, or ends: the latter need theirs no
    /// more.
    pub(crate) files: HashMap<TaskId, Need>,
    /// How many writes to the archive it stands for.
    pub(crate) writes: usize,
    /// How many bytes of the log it takes.
    pub(crate) bytes: usize,
    /// The highest task id in it.
    pub(crate) highest: Option<TaskId>,
    entries: Entries,
}

/// Whether a task needs its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// It has not ended.
    Needed,
    /// It has.
    Over,
}

impl Replay {
    /// Adds the next record. An error is why it cannot be read.
    pub(crate) fn add(&mut self, visit: &Visit<'_>) -> Result<(), String> {
        let Visit { file, sequence, frame } = *visit;
        let (record, layout) = record::decode(&frame.record).map_err(|error| error.to_string())?;
        let (lsn, bytes) = (frame.header.lsn, &frame.record[..]);
        let (offset, crc) = (frame.record_at, frame.record_crc);
        let place = Place { file, sequence, offset, len: frame.header.len, crc };
        self.entries.add(&Entry { lsn, place, bytes, record: &record, layout: &layout });
        self.recent.publish(&mut self.entries);
        self.writes += fold::writes(&record);
        self.bytes += frame.bytes();
        self.highest = self.highest.max(Some(record.task));
        if matches!(record.change, Some(Change::Finished(..))) {
            self.files.insert(record.task, Need::Over);
        } else if record.acceptance.is_some_and(|acceptance| acceptance.payload.is_spooled()) {
            self.files.entry(record.task).or_insert(Need::Needed);
        }
        Ok(())
    }
}
