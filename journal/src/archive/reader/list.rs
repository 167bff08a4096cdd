//! Lists of tasks: newest first, a page at a time, and each page is bounded by what it costs, not
//! only by what it holds.

use super::Reader;
use crate::archive::row::{self, Cells};
use crate::error::StoreError;
use crate::options::{LIST_ROWS_MAX, LIST_SPAN_MAX, LIST_TASKS_MAX};
use overtime_protocol::{Document, KindName, TaskFilter, TaskId, TaskState};
use rusqlite::Row;

/// How many rows are examined between two looks at the clock.
const GLANCE_ROWS: u32 = 256;

/// One page of a list.
#[derive(Default)]
pub(crate) struct TaskPage {
    /// The tasks, newest first.
    pub(crate) documents: Vec<Document>,
    /// The oldest task that was looked at, if there are older ones.
    pub(crate) next: Option<TaskId>,
}

impl Reader {
    /// A page of the tasks that have what `filter` names.
    pub(crate) fn list(
        &mut self,
        filter: &TaskFilter,
        watermark: u64,
    ) -> Result<TaskPage, StoreError> {
        self.show(watermark)?;
        let (found, next) = self.walk(filter)?;
        let mut documents = Vec::with_capacity(found.len());
        let sql = format!("SELECT {} FROM tasks WHERE id = ?1", row::DOCUMENT);
        for task in found {
            documents.extend(self.one(&sql, task, row::document)?);
        }
        Ok(TaskPage { documents, next })
    }

    /// Ids that are on the page, and where the next one begins.
    fn walk(&self, filter: &TaskFilter) -> Result<(Vec<TaskId>, Option<TaskId>), StoreError> {
        let path = path(filter.state);
        // What a match is found by, and no more: most rows may be none.
        let sql =
            format!("SELECT id, state, kind, tenant FROM tasks {path} id < ?1 ORDER BY id DESC");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let before = filter.after.map_or(i64::MAX, |task| task.key().cast_signed());
        let mut rows = statement.query([before])?;
        let limit = filter.limit.clamp(1, LIST_TASKS_MAX) as usize;
        let (mut found, mut last, mut examined) = (Vec::new(), None, 0);
        let began = self.clock.monotonic();
        while let Some(row) = rows.next()? {
            let is_late =
                examined % GLANCE_ROWS == 0 && self.clock.monotonic().since(began) >= LIST_SPAN_MAX;
            let is_enough = found.len() >= limit || examined >= LIST_ROWS_MAX;
            if is_enough || (is_late && last.is_some()) {
                return Ok((found, last));
            }
            let task = Cells::of(row).id()?;
            (examined, last) = (examined + 1, Some(task));
            if is_match(row, filter)? {
                found.push(task);
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

fn is_match(row: &Row<'_>, filter: &TaskFilter) -> rusqlite::Result<bool> {
    let state: u8 = row.get(1)?;
    let is = |column, wanted: Option<&str>| -> rusqlite::Result<bool> {
        let Some(wanted) = wanted else { return Ok(true) };
        Ok(row.get_ref(column)?.as_bytes()? == wanted.as_bytes())
    };
    Ok(filter.state.is_none_or(|wanted| wanted.number() == state)
        && is(2, filter.kind.as_ref().map(KindName::as_str))?
        && is(3, filter.tenant.as_deref())?)
}
