//! The ledger of errors, a page at a time.

use super::Reader;
use crate::archive::row::{self, Cells, LedgerEntry};
use crate::error::StoreError;
use crate::options::{LIST_TASKS_MAX, PARKED_COUNT_MAX};
use overtime_protocol::{KindName, LedgerFilter};
use rusqlite::params;

const PARKED: &str = "SELECT count(*) FROM (SELECT 1 FROM tasks INDEXED BY tasks_parked_by \
    WHERE state = 4 AND kind = ?1 AND fault_print = ?2 LIMIT ?3)";

/// Where a page of the ledger ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LedgerPlace {
    pub(crate) kind: String,
    pub(crate) class: u8,
    pub(crate) print: u64,
}

/// One page of the ledger.
pub(crate) struct LedgerPage {
    pub(crate) entries: Vec<LedgerEntry>,
    /// Whether there are more behind the last.
    pub(crate) more: bool,
}

impl Reader {
    /// A page of the ledger, in the order of kinds.
    pub(crate) fn ledger(
        &mut self,
        filter: &LedgerFilter,
        after: &LedgerPlace,
        watermark: u64,
    ) -> Result<LedgerPage, StoreError> {
        self.show(watermark)?;
        let limit = filter.limit.clamp(1, LIST_TASKS_MAX);
        let sql = format!(
            "SELECT {} FROM errors WHERE (kind, class, print) > (?1, ?2, ?3) \
             AND (?4 IS NULL OR kind = ?4) ORDER BY kind, class, print LIMIT ?5",
            row::LEDGER
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let LedgerPlace { kind, class, print } = after;
        let wanted = filter.kind.as_ref().map(KindName::as_str);
        let bounds = params![kind, class, print.cast_signed(), wanted, limit + 1];
        let mut rows = statement.query(bounds)?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            entries.push(row::ledger(&mut Cells::of(row))?);
        }
        let more = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        entries.iter_mut().try_for_each(|entry| self.count_parked(entry))?;
        Ok(LedgerPage { entries, more })
    }

    fn count_parked(&self, entry: &mut LedgerEntry) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(PARKED)?;
        let print = entry.print.cast_signed();
        let which = params![entry.kind.as_str(), print, PARKED_COUNT_MAX];
        entry.parked = statement.query_row(which, |row| row.get(0))?;
        Ok(())
    }
}

impl LedgerPlace {
    /// Before everything: no kind has an empty name.
    pub(crate) const START: Self = Self { kind: String::new(), class: 0, print: 0 };
}
