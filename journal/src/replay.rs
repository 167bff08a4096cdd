//! What a restart finds in the log: the records that are not yet in the archive. It changes
//! nothing.

use crate::fold::{self, Fold};
use crate::recent::{Entries, Entry, Place, Recent};
use crate::recovery::Visit;
use overtime_protocol::{Payload, TaskId, record};

/// What the log has that the archive has not.
#[derive(Default)]
pub(crate) struct Replay {
    /// Where to find it.
    pub(crate) recent: Recent,
    /// What became of each task.
    pub(crate) fold: Fold,
    /// How many writes to the archive it stands for.
    pub(crate) writes: usize,
    /// The highest task id in it.
    pub(crate) highest: Option<TaskId>,
    entries: Entries,
}

impl Replay {
    /// Adds the next record. An error is why it cannot be read.
    pub(crate) fn add(&mut self, visit: &Visit<'_>) -> Result<(), String> {
        let Visit { file, sequence, frame } = *visit;
        let (mut record, layout) =
            record::decode(&frame.record).map_err(|error| error.to_string())?;
        let (lsn, bytes) = (frame.header.lsn, &frame.record[..]);
        let (offset, crc) = (frame.record_at, frame.record_crc);
        let place = Place { file, sequence, offset, len: frame.header.len, crc };
        self.entries.add(&Entry { lsn, place, bytes, record: &record, layout: &layout });
        self.recent.publish(&mut self.entries);
        self.writes += fold::writes(&record);
        self.highest = self.highest.max(Some(record.task));
        // The index finds payloads and values in the log; here only the tasks matter, and what
        // is kept of them must not hold on to the log's bytes.
        record.puts.clear();
        if let Some(acceptance) = &mut record.acceptance
            && !acceptance.payload.is_spooled()
        {
            acceptance.payload = Payload::stored(acceptance.payload.len());
        }
        if let Some(record::Change::Finished(_, product)) = &mut record.change {
            *product = None;
        }
        self.fold.add(lsn, frame.bytes(), record);
        Ok(())
    }
}
