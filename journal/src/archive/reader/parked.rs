//! Parked tasks in the archive.

use super::Reader;
use crate::archive::row::{self, Cells};
use crate::error::StoreError;
use overtime_protocol::{KindName, TaskId, TaskState, Unfinished};
use rusqlite::params;
use std::sync::Arc;

/// A task that is not parked.
pub(crate) struct Other {
    /// Whose it is.
    pub(crate) tenant: Arc<str>,
    /// Where it stands.
    pub(crate) state: TaskState,
}

impl Reader {
    /// A parked task as it would run again, or what there is instead.
    pub(crate) fn parked(
        &mut self,
        task: TaskId,
        watermark: u64,
    ) -> Result<Option<Result<Unfinished, Other>>, StoreError> {
        self.show(watermark)?;
        let sql = format!("SELECT tenant, state, {} FROM tasks WHERE id = ?1", row::UNFINISHED);
        self.one(&sql, task, |cells| {
            let tenant: Arc<str> = cells.take()?;
            Ok(match cells.state()? {
                // What others have in these columns is no business of this one.
                TaskState::Parked => Ok(row::unfinished(cells)?),
                state => Err(Other { tenant, state }),
            })
        })
    }

    /// The next parked tasks of a kind whose fault has that print, by ascending id.
    pub(crate) fn parked_by(
        &mut self,
        (kind, print): (&KindName, u64),
        after: Option<TaskId>,
        limit: u32,
        watermark: u64,
    ) -> Result<Vec<TaskId>, StoreError> {
        self.show(watermark)?;
        let sql = "SELECT id FROM tasks INDEXED BY tasks_parked_by WHERE state = 4 AND kind = ?1 \
            AND fault_print = ?2 AND id > ?3 ORDER BY id LIMIT ?4";
        let mut statement = self.connection.prepare_cached(sql)?;
        let after = after.map_or(-1, |task| task.key().cast_signed());
        let mut rows =
            statement.query(params![kind.as_str(), print.cast_signed(), after, limit])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(Cells::of(row).id()?);
        }
        Ok(found)
    }
}
