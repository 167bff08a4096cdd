//! The backlog: the tasks that a former process accepted and did not finish, read a page at a
//! time while the journal runs already, so that a server with a million of them answers at once
//! and never holds them twice. It changes nothing.

use crate::archive::Snapshot;
use crate::error::StoreError;
use crate::fold::{Fold, TaskFold};
use crate::spool::Listing;
use foldhash::HashMap;
use overtime_protocol::{TaskId, Unfinished};
use std::sync::Arc;

/// The tasks that a restart takes up, as they stood when the journal was opened.
pub struct Backlog {
    archive: Snapshot,
    /// What the log says of tasks beyond the archive's rows.
    fold: HashMap<TaskId, TaskFold>,
    /// Those of them that the archive need not have.
    behind: Option<Vec<TaskId>>,
    spool: Listing,
    /// The last task that was read from the archive.
    after: u64,
    /// The content type that came last: most tasks have the same, and then they share it.
    content_type: Option<Arc<str>>,
}

impl Backlog {
    pub(crate) fn new(archive: Snapshot, fold: Fold, spool: Listing) -> Self {
        Self { archive, fold: fold.tasks, behind: None, spool, after: 0, content_type: None }
    }

    /// The next tasks, at most about `max`; none when there are no more. Those that the archive
    /// has come first, by ascending id.
    ///
    /// # Errors
    /// If the archive cannot be read or is damaged, in a sentence.
    pub fn next(&mut self, max: usize) -> Result<Vec<Unfinished>, StoreError> {
        let mut page = Vec::new();
        while page.is_empty() && self.behind.is_none() {
            let rows = self.archive.unfinished_after(self.after, max)?;
            match rows.last() {
                Some(last) => self.after = last.task.key(),
                None => self.behind = Some(self.rest()),
            }
            for row in rows {
                match self.fold.remove(&row.task) {
                    None => page.push(row),
                    Some(change) => page.extend(change.unfinished(row.task, Some(row))),
                }
            }
        }
        if page.is_empty() {
            page = self.next_behind(max)?;
        }
        for task in &mut page {
            task.payload_lost = self.spool.has_lost(task);
            self.share_content_type(task);
        }
        Ok(page)
    }

    fn share_content_type(&mut self, task: &mut Unfinished) {
        if task.acceptance.content_type == self.content_type {
            task.acceptance.content_type.clone_from(&self.content_type);
        } else if task.acceptance.content_type.is_some() {
            self.content_type.clone_from(&task.acceptance.content_type);
        }
    }

    /// What only the log has, and parked tasks that it says run again: the last goes first.
    fn rest(&self) -> Vec<TaskId> {
        let mut rest: Vec<TaskId> = self.fold.keys().copied().collect();
        rest.sort_unstable_by(|one, other| other.cmp(one));
        rest
    }

    fn next_behind(&mut self, max: usize) -> Result<Vec<Unfinished>, StoreError> {
        let mut page = Vec::new();
        while page.len() < max {
            let Some(task) = self.behind.as_mut().and_then(Vec::pop) else { break };
            let Some(change) = self.fold.remove(&task) else { continue };
            let archived = match &change.acceptance {
                Some(_) => None,
                None => self.archive.unfinished(task)?,
            };
            page.extend(change.unfinished(task, archived));
        }
        Ok(page)
    }
}
