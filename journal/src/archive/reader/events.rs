//! The events of a task that are in the archive: rows of their own, and what the task's row tells.

use super::Reader;
use crate::archive::row::{self, Cells};
use crate::error::StoreError;
use overtime_protocol::{TaskEvent, TaskId};
use rusqlite::params;

/// Events of one task.
#[derive(Default)]
pub(crate) struct EventRows {
    /// In no order that is promised.
    pub(crate) events: Vec<TaskEvent>,
    /// The LSN of the task's end.
    pub(crate) ended: Option<u64>,
}

impl Reader {
    /// The events of a task behind `after`: as many of the first as are wanted, and its end.
    pub(crate) fn events(
        &mut self,
        task: TaskId,
        after: u64,
        limit: u32,
        watermark: u64,
    ) -> Result<Option<EventRows>, StoreError> {
        self.show(watermark)?;
        let document = row::DOCUMENT;
        let sql = format!("SELECT {document}, accepted_lsn, ended_lsn FROM tasks WHERE id = ?1");
        let found = self.one(&sql, task, |cells| {
            Ok((row::document(cells)?, cells.maybe_unsigned()?, cells.maybe_unsigned()?))
        })?;
        let Some((document, accepted, ended)) = found else {
            return Ok(None);
        };
        let accepted = accepted.map(|lsn| TaskEvent::accepted(lsn, document.created_at));
        let end = ended.map(|lsn| TaskEvent::ended(lsn, &document));
        let of_row = accepted.into_iter().chain(end);
        let mut events: Vec<_> = of_row.filter(|event| event.sequence > after).collect();
        // What came behind the end is no event of the task.
        let sql = format!(
            "SELECT {} FROM events WHERE task = ?1 AND sequence > ?2 AND sequence < ?3 \
             ORDER BY sequence LIMIT ?4",
            row::EVENT
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let before = ended.map_or(i64::MAX, u64::cast_signed);
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let bounds = params![task.key().cast_signed(), after, before, limit];
        let mut rows = statement.query(bounds)?;
        while let Some(row) = rows.next()? {
            events.push(row::event(&mut Cells::of(row))?);
        }
        Ok(Some(EventRows { events, ended }))
    }
}
