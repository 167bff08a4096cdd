//! Rows of the ledger.

use super::{Cells, malformed};
use crate::error::StoreError;
use overtime_protocol::{Class, KindName, TaskId, UnixMillis};

/// The columns that [`ledger`] reads, in its order.
pub(crate) const LEDGER: &str =
    "kind, class, print, code, detail, count, first_at, last_at, last_task";

/// All faults that a person would call the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LedgerEntry {
    pub(crate) kind: KindName,
    pub(crate) class: Class,
    pub(crate) print: u64,
    pub(crate) code: String,
    /// Of the newest of them.
    pub(crate) detail: String,
    pub(crate) count: u64,
    pub(crate) first_at: UnixMillis,
    pub(crate) last_at: UnixMillis,
    pub(crate) last_task: TaskId,
    /// How many tasks rest because of it.
    pub(crate) parked: u32,
}

/// Reads one entry, but for how many tasks rest because of it.
pub(crate) fn ledger(cells: &mut Cells<'_>) -> Result<LedgerEntry, StoreError> {
    Ok(LedgerEntry {
        kind: cells.kind()?,
        class: class(cells.take()?).ok_or_else(|| malformed("the class of an error"))?,
        print: cells.unsigned()?,
        code: cells.take()?,
        detail: cells.take()?,
        count: cells.unsigned()?,
        first_at: UnixMillis(cells.unsigned()?),
        last_at: UnixMillis(cells.unsigned()?),
        last_task: cells.id()?,
        parked: 0,
    })
}

/// The class of that number.
pub(super) fn class(number: u8) -> Option<Class> {
    [Class::Ephemeral, Class::Persistent].get(usize::from(number)).copied()
}
