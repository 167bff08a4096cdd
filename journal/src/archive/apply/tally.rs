//! What the tasks of a fold add up to, by kind: why attempts failed, and how much the archive holds.
//! It is written in the transaction that writes the tasks, so it is as true as they are.

use crate::stats::Usage;
use foldhash::HashMap;
use overtime_protocol::{Class, Fault, KindName, TaskId, UnixMillis};

/// About what a row takes beside its payload and its product, in bytes, with its share of the
/// indexes.
pub(crate) const ROW_BYTES: u64 = 256;

/// The sums.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) faults: HashMap<FaultKey, Faults>,
    pub(super) usage: HashMap<KindName, Usage>,
    /// When the first of the tasks ended that ended, by kind.
    pub(super) ended: HashMap<KindName, UnixMillis>,
}

/// What makes two faults the same in the ledger.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FaultKey {
    pub(super) kind: KindName,
    pub(super) class: u8,
    pub(super) print: u64,
}

/// Faults that are the same.
pub(super) struct Faults {
    /// The newest.
    pub(super) fault: Fault,
    pub(super) count: u64,
    pub(super) first_at: UnixMillis,
    pub(super) last_at: UnixMillis,
    pub(super) last_task: TaskId,
}

impl Tally {
    /// Counts a fault of a task.
    pub(super) fn fault(
        &mut self,
        kind: &KindName,
        fault: &Fault,
        (task, at): (TaskId, UnixMillis),
    ) {
        let (class, print) = (fault.class as u8, fault.print());
        let entry = self.faults.entry(FaultKey { kind: kind.clone(), class, print });
        let faults = entry.or_insert_with(|| Faults {
            fault: fault.clone(),
            count: 0,
            first_at: at,
            last_at: at,
            last_task: task,
        });
        faults.count += 1;
        faults.first_at = faults.first_at.min(at);
        if at >= faults.last_at {
            (faults.last_at, faults.last_task) = (at, task);
            faults.fault.clone_from(fault);
        }
    }

    /// Counts a row with that many bytes.
    pub(super) fn row(&mut self, kind: &KindName, bytes: u64) {
        self.of(kind).rows += 1;
        self.bytes(kind, (ROW_BYTES + bytes).cast_signed());
    }

    /// Counts bytes that came or went.
    pub(super) fn bytes(&mut self, kind: &KindName, bytes: i64) {
        self.of(kind).bytes += bytes;
    }

    /// Takes note that a task ended.
    pub(super) fn end(&mut self, kind: &KindName, at: UnixMillis) {
        match self.ended.get_mut(kind) {
            Some(first) => *first = at.min(*first),
            None => drop(self.ended.insert(kind.clone(), at)),
        }
    }

    fn of(&mut self, kind: &KindName) -> &mut Usage {
        if !self.usage.contains_key(kind) {
            self.usage.insert(kind.clone(), Usage::default());
        }
        self.usage.get_mut(kind).expect("it was put there")
    }
}

impl Faults {
    /// Whether somebody has to do something about them.
    pub(super) fn are_persistent(&self) -> bool {
        self.fault.class == Class::Persistent
    }
}
