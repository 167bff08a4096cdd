//! Writes the ledger of errors: one row for all faults that a person would call the same.

use super::tally::{FaultKey, Faults};
use crate::options::LEDGER_ROWS_MAX;
use foldhash::HashMap;
use rusqlite::{Transaction, params};

const COUNT: &str = "INSERT INTO errors (kind, class, print, code, detail, count, first_at, \
    last_at, last_task) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
    ON CONFLICT DO UPDATE SET detail = ?5, count = count + ?6, last_at = max(last_at, ?8), \
    last_task = ?9 RETURNING count";

/// What was not seen for the longest time goes first.
const FORGET: &str = "DELETE FROM errors WHERE (kind, class, print) IN \
    (SELECT kind, class, print FROM errors ORDER BY last_at LIMIT ?1)";

/// The most errors of one fold that are told one by one.
const NOTES_MAX: usize = 10;

/// Adds faults to the ledger. A sentence for each that was not known and needs a person.
pub(super) fn write_ledger(
    transaction: &Transaction<'_>,
    faults: &HashMap<FaultKey, Faults>,
) -> rusqlite::Result<Vec<String>> {
    let mut count = transaction.prepare_cached(COUNT)?;
    let mut faults: Vec<_> = faults.iter().collect();
    faults.sort_unstable_by_key(|(key, _)| *key);
    let (mut is_longer, mut notes, mut untold) = (false, Vec::new(), 0);
    for (key, faults) in faults {
        let counted = params![
            key.kind.as_str(),
            key.class,
            key.print.cast_signed(),
            &*faults.fault.code,
            faults.fault.detail,
            faults.count.cast_signed(),
            faults.first_at.0.cast_signed(),
            faults.last_at.0.cast_signed(),
            faults.last_task.key().cast_signed(),
        ];
        let known: i64 = count.query_row(counted, |row| row.get(0))?;
        let is_new = known == faults.count.cast_signed();
        is_longer |= is_new;
        match is_new && faults.are_persistent() {
            true if notes.len() < NOTES_MAX => notes.push(note(key, faults)),
            true => untold += 1,
            false => {}
        }
    }
    if untold > 0 {
        notes.push(format!("and {untold} more errors that were not seen before"));
    }
    if is_longer {
        forget(transaction)?;
    }
    Ok(notes)
}

/// Keeps the ledger within its bound, give or take a tenth, so that it is not done every time.
fn forget(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let sql = "SELECT count(*) FROM errors";
    let rows: i64 = transaction.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    if rows > LEDGER_ROWS_MAX + LEDGER_ROWS_MAX / 10 {
        transaction.prepare_cached(FORGET)?.execute([rows - LEDGER_ROWS_MAX])?;
    }
    Ok(())
}

fn note(key: &FaultKey, faults: &Faults) -> String {
    let (kind, print, task) = (&key.kind, key.print, faults.last_task);
    let (code, detail) = (&faults.fault.code, &faults.fault.detail);
    // As Rust writes texts: what a task says cannot make a line of its own.
    format!("a new error of {kind}: {code}: {detail:?} (error {print:016x}, task {task})")
}
