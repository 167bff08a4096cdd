//! Removes finished tasks whose time is over, some at a time, with everything that was kept of them.
//! It never touches a task that has not ended.

use super::writer::Writer;
use crate::options::REMOVAL_ROWS_MAX;
use crate::stats::Usage;
use foldhash::HashMap;
use overtime_protocol::{Form, KindName, TaskId, UnixMillis, bulk};
use rusqlite::{Transaction, params};
use std::ops::Range;

const DUE: &str = "SELECT id, form, coalesce(length(product), 0) FROM tasks \
    INDEXED BY tasks_finished WHERE state > 4 AND kind = ?1 AND finished_at < ?2 \
    ORDER BY finished_at LIMIT ?3";

/// A task that goes.
struct Due {
    task: TaskId,
    /// Whether items of it may have failed, which is kept as state.
    is_bulk: bool,
    bytes: i64,
}

impl Writer {
    /// Removes up to [`REMOVAL_ROWS_MAX`] tasks of a kind that ended before `bound`. What went.
    pub(crate) fn remove_finished(
        &mut self,
        kind: &KindName,
        bound: UnixMillis,
    ) -> rusqlite::Result<Usage> {
        // It becomes a writing one only if there is something to remove.
        let transaction = self.connection.transaction()?;
        let due = due(&transaction, kind, bound)?;
        remove(&transaction, &due)?;
        let bytes: i64 = due.iter().map(|due| due.bytes).sum();
        let gone = Usage { rows: -(due.len() as i64), bytes: -bytes };
        if !due.is_empty() {
            let mut usage = HashMap::default();
            usage.insert(kind.clone(), gone);
            super::apply::write_usage(&transaction, &usage)?;
        }
        transaction.commit()?;
        Ok(gone)
    }
}

/// The tasks that go next, by ascending id.
fn due(
    transaction: &Transaction<'_>,
    kind: &KindName,
    bound: UnixMillis,
) -> rusqlite::Result<Vec<Due>> {
    let mut statement = transaction.prepare_cached(DUE)?;
    let bounds = params![kind.as_str(), bound.0.cast_signed(), REMOVAL_ROWS_MAX];
    let mut rows = statement.query(bounds)?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        let (key, form): (i64, Option<u8>) = (row.get(0)?, row.get(1)?);
        let product: i64 = row.get(2)?;
        let is_bulk = form == Some(Form::Bulk.number());
        let bytes = product + super::apply::ROW_BYTES.cast_signed();
        let task = TaskId::from_key(key.cast_unsigned());
        due.extend(task.map(|task| Due { task, is_bulk, bytes }));
    }
    due.sort_unstable_by_key(|due| due.task);
    Ok(due)
}

fn remove(transaction: &Transaction<'_>, due: &[Due]) -> rusqlite::Result<()> {
    let mut events = transaction.prepare_cached("DELETE FROM events WHERE task = ?1")?;
    let mut state = transaction.prepare_cached("DELETE FROM state WHERE key >= ?1 AND key < ?2")?;
    let mut row = transaction.prepare_cached("DELETE FROM tasks WHERE id = ?1")?;
    for Due { task, is_bulk, .. } in due {
        let key = task.key().cast_signed();
        events.execute([key])?;
        if *is_bulk {
            for Range { start, end } in bulk::kept_of(*task) {
                state.execute([&start[..], &end[..]])?;
            }
        }
        row.execute([key])?;
    }
    Ok(())
}
