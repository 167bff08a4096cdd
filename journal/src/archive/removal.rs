//! Removes finished tasks whose time is over, some at a time, with everything that was kept of them.
//! It never touches a task that has not ended.

use super::writer::Writer;
use crate::options::{REMOVAL_PARTS_MAX, REMOVAL_ROWS_MAX};
use crate::stats::Usage;
use foldhash::HashMap;
use overtime_protocol::{
    Form, Incident, KindName, TaskId, UnixMillis, bulk, hurt_tenant, hurts_before, hurts_behind,
    incidents_before,
};
use rusqlite::{Transaction, params};
use std::ops::Range;

const DUE: &str = "SELECT id, form, coalesce(length(product), 0) FROM tasks \
    INDEXED BY tasks_finished WHERE state > 4 AND kind = ?1 AND finished_at < ?2 \
    ORDER BY finished_at LIMIT ?3";

const OLDEST: &str = "SELECT min(finished_at) FROM tasks INDEXED BY tasks_finished \
    WHERE state > 4 AND kind = ?1";

const EVENTS: &str = "DELETE FROM events WHERE task = ?1 AND sequence IN \
    (SELECT sequence FROM events WHERE task = ?1 ORDER BY sequence LIMIT ?2)";

const STATE: &str = "DELETE FROM state WHERE key IN \
    (SELECT key FROM state WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3)";

const INCIDENTS: &str = "SELECT key, value FROM state WHERE key >= ?1 AND key < ?2 ORDER BY key";

const FIRST_STATE: &str = "SELECT key FROM state WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT 1";

/// What has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    /// Below zero, as it is added to what there is.
    pub(crate) usage: Usage,
    /// Whether there may be more to go.
    pub(crate) more: bool,
    /// When the oldest ended of the finished tasks that are left.
    pub(crate) oldest: Option<UnixMillis>,
}

/// A task that goes.
struct Due {
    task: TaskId,
    /// Whether items of it may have failed, which is kept as state.
    is_bulk: bool,
    bytes: i64,
}

impl Writer {
    /// Removes tasks of a kind that ended before `bound`: up to [`REMOVAL_ROWS_MAX`], with up to
    /// [`REMOVAL_PARTS_MAX`] rows of what was kept of them.
    pub(crate) fn remove_finished(
        &mut self,
        kind: &KindName,
        bound: UnixMillis,
    ) -> rusqlite::Result<Gone> {
        // It becomes a writing one only if there is something to remove.
        let transaction = self.connection.transaction()?;
        let due = due(&transaction, kind, bound)?;
        let (gone, left) = due.split_at(remove(&transaction, &due)?);
        let more = !left.is_empty() || due.len() >= REMOVAL_ROWS_MAX as usize;
        let bytes: i64 = gone.iter().map(|due| due.bytes).sum();
        let usage = Usage { rows: -(gone.len() as i64), bytes: -bytes };
        if !gone.is_empty() {
            let mut by_kind = HashMap::default();
            by_kind.insert(kind.clone(), usage);
            super::apply::write_usage(&transaction, &by_kind)?;
        }
        let oldest = oldest(&transaction, kind)?;
        transaction.commit()?;
        Ok(Gone { usage, more, oldest })
    }

    /// How often finished tasks were looked for, and how many steps of SQLite that took.
    #[cfg(test)]
    pub(crate) fn looks(&self) -> (i32, i32) {
        use rusqlite::StatementStatus::{Run, VmStep};
        let statements = [DUE, OLDEST].map(|sql| self.connection.prepare_cached(sql).unwrap());
        let steps = statements.iter().map(|statement| statement.get_status(VmStep)).sum();
        (statements[0].get_status(Run), steps)
    }
}

impl Writer {
    /// Removes what ended before `bound` of what tenants were hurt by, up to [`REMOVAL_PARTS_MAX`]
    /// entries. Whether there may be more.
    pub(crate) fn remove_hurts(&mut self, bound: UnixMillis) -> rusqlite::Result<bool> {
        let transaction = self.connection.transaction()?;
        let mut room = REMOVAL_PARTS_MAX;
        let mut last: Option<String> = None;
        while let Some(tenant) = hurt_behind(&transaction, last.as_deref())? {
            let Range { start, end } = hurts_before(&tenant, bound);
            let mut delete = transaction.prepare_cached(STATE)?;
            room -= delete.execute(params![&start[..], &end[..], room as i64])?;
            last = Some(tenant);
            if room == 0 {
                break;
            }
        }
        transaction.commit()?;
        Ok(room == 0)
    }
}

impl Writer {
    /// Removes incidents that were over before `bound`, up to [`REMOVAL_ROWS_MAX`]. Whether there may
    /// be more.
    pub(crate) fn remove_incidents(&mut self, bound: UnixMillis) -> rusqlite::Result<bool> {
        let transaction = self.connection.transaction()?;
        let over = incidents_over(&transaction, bound)?;
        let mut delete = transaction.prepare_cached("DELETE FROM state WHERE key = ?1")?;
        for key in &over {
            delete.execute([&key[..]])?;
        }
        drop(delete);
        transaction.commit()?;
        Ok(over.len() >= REMOVAL_ROWS_MAX as usize)
    }
}

/// The keys of the oldest incidents that were over before `bound`. One that is open stays, however
/// long it has been.
fn incidents_over(
    transaction: &Transaction<'_>,
    bound: UnixMillis,
) -> rusqlite::Result<Vec<Vec<u8>>> {
    let Range { start, end } = incidents_before(None);
    let mut rows = transaction.prepare_cached(INCIDENTS)?;
    let mut rows = rows.query(params![&start[..], &end[..]])?;
    let mut over = Vec::new();
    while let Some(row) = rows.next()?
        && over.len() < REMOVAL_ROWS_MAX as usize
    {
        let (key, value): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
        // A reader who comes to what cannot be read says so; here it only stays.
        let Some(incident) = Incident::read(&key, &value) else { continue };
        if incident.opened_at >= bound {
            break;
        }
        over.extend(incident.closed_at.is_some_and(|at| at < bound).then_some(key));
    }
    Ok(over)
}

fn hurt_behind(
    transaction: &Transaction<'_>,
    tenant: Option<&str>,
) -> rusqlite::Result<Option<String>> {
    let Range { start, end } = hurts_behind(tenant);
    let mut first = transaction.prepare_cached(FIRST_STATE)?;
    let mut rows = first.query(params![&start[..], &end[..]])?;
    let key: Option<Vec<u8>> = rows.next()?.map(|row| row.get(0)).transpose()?;
    // A reader who comes to what cannot be read says so; here it only stays.
    Ok(key.as_deref().and_then(hurt_tenant).map(str::to_owned))
}

/// When the oldest finished task of a kind ended.
fn oldest(transaction: &Transaction<'_>, kind: &KindName) -> rusqlite::Result<Option<UnixMillis>> {
    let mut statement = transaction.prepare_cached(OLDEST)?;
    let found: Option<i64> = statement.query_row([kind.as_str()], |row| row.get(0))?;
    Ok(found.map(|at| UnixMillis(at.cast_unsigned())))
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

/// Removes tasks one by one, as long as there is room for their parts in one transaction. How many
/// have gone; of the next, some parts may have.
fn remove(transaction: &Transaction<'_>, due: &[Due]) -> rusqlite::Result<usize> {
    let mut events = transaction.prepare_cached(EVENTS)?;
    let mut state = transaction.prepare_cached(STATE)?;
    let mut row = transaction.prepare_cached("DELETE FROM tasks WHERE id = ?1")?;
    let mut room = REMOVAL_PARTS_MAX;
    for (place, Due { task, is_bulk, .. }) in due.iter().enumerate() {
        let key = task.key().cast_signed();
        room -= events.execute(params![key, room as i64])?;
        if *is_bulk {
            for Range { start, end } in bulk::kept_of(*task) {
                room -= state.execute(params![&start[..], &end[..], room as i64])?;
            }
        }
        if room == 0 {
            return Ok(place);
        }
        row.execute([key])?;
    }
    Ok(due.len())
}
