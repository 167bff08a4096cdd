//! Lists of tasks: newest first, a page at a time, and each page is bounded by what it costs, not
//! only by what it holds.

use super::Reader;
use crate::archive::row::Cells;
use crate::error::StoreError;
use crate::options::{LIST_ROWS_MAX, LIST_SPAN_MAX, LIST_TASKS_MAX};
use overtime_protocol::{KindName, Scope, Sighted, TaskFilter, TaskId, TaskState};
use rusqlite::Row;
use std::sync::Arc;

/// How many rows are examined between two looks at the clock.
const GLANCE_ROWS: u32 = 256;

/// What was found on a walk, and the last that was looked at, if there are older ones.
type Walked = (Vec<(TaskId, TaskState)>, Option<TaskId>);

impl Reader {
    /// Tasks that a page of those may show that have what `filter` names: of one that is not over the
    /// state is not looked at.
    pub(crate) fn list(
        &mut self,
        filter: TaskFilter,
        scope: Scope,
        watermark: u64,
    ) -> Result<Sighted, StoreError> {
        self.show(watermark)?;
        let (tasks, next) = self.walk(&filter)?;
        Ok(Sighted { scope, filter, tasks, next })
    }

    /// What may be on the page, and where the next one begins.
    fn walk(&self, filter: &TaskFilter) -> Result<Walked, StoreError> {
        let path = path(filter.state);
        // What a match is found by, and no more: most rows may be none.
        let sql =
            format!("SELECT id, state, kind, tenant FROM tasks {path} id < ?1 ORDER BY id DESC");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let before = filter.after.map_or(i64::MAX, |task| task.key().cast_signed());
        let mut rows = statement.query([before])?;
        let limit = match filter.state {
            // Many of them may be in another state than the one that is wanted.
            Some(_) if filter.shows_live() => LIST_TASKS_MAX,
            _ => filter.limit.clamp(1, LIST_TASKS_MAX),
        };
        let (mut found, mut last, mut examined) = (Vec::new(), None, 0);
        let began = self.clock.monotonic();
        while let Some(row) = rows.next()? {
            let is_late =
                examined % GLANCE_ROWS == 0 && self.clock.monotonic().since(began) >= LIST_SPAN_MAX;
            let is_enough = found.len() >= limit as usize || examined >= LIST_ROWS_MAX;
            if is_enough || (is_late && last.is_some()) {
                return Ok((found, last));
            }
            let task = Cells::of(row).id()?;
            (examined, last) = (examined + 1, Some(task));
            let state = state_of(row)?;
            if is_match(row, state, filter)? {
                found.push((task, state));
            }
        }
        Ok((found, None))
    }
}

/// Which tree is walked: there is a small one for each state that is rare.
fn path(state: Option<TaskState>) -> &'static str {
    match state {
        None | Some(TaskState::Succeeded) => "WHERE",
        Some(TaskState::Parked) => "INDEXED BY tasks_parked WHERE state = 4 AND",
        Some(TaskState::Failed) => "INDEXED BY tasks_failed WHERE state = 6 AND",
        Some(TaskState::Cancelled) => "INDEXED BY tasks_cancelled WHERE state = 7 AND",
        Some(TaskState::Queued | TaskState::Running | TaskState::Retrying | TaskState::Held) => {
            "INDEXED BY tasks_unfinished WHERE state < 4 AND"
        }
    }
}

fn state_of(row: &Row<'_>) -> Result<TaskState, StoreError> {
    let number = row.get(1)?;
    TaskState::from_number(number)
        .ok_or_else(|| StoreError::Damaged(format!("a task in the state {number}")))
}

fn is_match(row: &Row<'_>, state: TaskState, filter: &TaskFilter) -> rusqlite::Result<bool> {
    let is = |column, wanted: Option<&str>| -> rusqlite::Result<bool> {
        let Some(wanted) = wanted else { return Ok(true) };
        Ok(row.get_ref(column)?.as_bytes()? == wanted.as_bytes())
    };
    let is_among = |kinds: &Arc<[KindName]>| -> rusqlite::Result<bool> {
        let kind = row.get_ref(2)?.as_bytes()?;
        Ok(kinds.iter().any(|among| among.as_str().as_bytes() == kind))
    };
    let is_in = filter.shows_live() || filter.state == Some(state);
    Ok(is_in
        && is(2, filter.kind.as_ref().map(KindName::as_str))?
        && filter.among.as_ref().map_or(Ok(true), is_among)?
        && is(3, filter.tenant.as_deref())?)
}
