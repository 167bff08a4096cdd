//! Folds records, in LSN order, into what is left to write: one change a task, one value a key.
//! It never reads or writes anything.

mod task;

pub(crate) use task::{Rest, Run, TaskFold};

use bytes::Bytes;
use foldhash::HashMap;
use overtime_protocol::record::{Put, Record};
use overtime_protocol::{Claim, KeyHash, TaskId};

/// The sum of some records.
#[derive(Default)]
pub(crate) struct Fold {
    /// What became of each task.
    pub(crate) tasks: HashMap<TaskId, TaskFold>,
    /// What became of each key.
    pub(crate) keys: HashMap<Bytes, KeyFold>,
    /// Who claimed each idempotency key last.
    pub(crate) claims: HashMap<KeyHash, TaskId>,
    /// How many records were folded.
    pub(crate) records: usize,
    /// How many writes to the archive they stand for, as if none came twice.
    pub(crate) writes: usize,
    /// How many bytes of the log their frames take.
    pub(crate) bytes: usize,
    /// The LSN of the last.
    pub(crate) last: u64,
}

/// The newest value of a key.
pub(crate) struct KeyFold {
    /// The LSN of the write.
    pub(crate) lsn: u64,
    /// The value; `None` deletes.
    pub(crate) value: Option<Bytes>,
}

impl Fold {
    /// Adds the next record, whose frame takes `len` bytes of the log.
    pub(crate) fn add(&mut self, lsn: u64, len: usize, mut record: Record) {
        self.writes += writes(&record);
        for Put { key, value, .. } in record.puts.drain(..) {
            self.keys.insert(key, KeyFold { lsn, value });
        }
        if let Some(claim) = record.claim {
            self.claim(record.task, claim);
        }
        if record.acceptance.is_some() || record.change.is_some() {
            self.tasks.entry(record.task).or_default().add(lsn, record);
        }
        self.records += 1;
        self.bytes += len;
        self.last = lsn;
    }

    /// Whoever held the key before lets go of it: its time was over, or this would not be here.
    fn claim(&mut self, task: TaskId, claim: Claim) {
        let former = self.claims.insert(claim.key, task).filter(|former| *former != task);
        if let Some(former) = former.and_then(|former| self.tasks.get_mut(&former)) {
            former.claim = None;
        }
        self.tasks.entry(task).or_default().claim = Some(claim);
    }
}

/// How many writes to the archive a record stands for: what a transaction is measured by. One
/// chunk may write thousands of keys.
pub(crate) fn writes(record: &Record) -> usize {
    record.puts.len().max(1)
}
