//! The backlog: the tasks that a former process accepted and did not finish, read a page at a
//! time while the journal runs already, so that a server with a million of them answers at once
//! and never holds them twice. It changes nothing.

use crate::archive::Connections;
use crate::error::StoreError;
use crate::shared::Shared;
use crate::spool::Listing;
use overtime_protocol::{TaskId, Unfinished};
use std::sync::Arc;
use std::time::Duration;

/// How often somebody who waits for the archive looks whether the journal has ended.
const LOOK_UP: Duration = Duration::from_secs(1);

/// The tasks that a restart takes up, as they stood when the journal was opened.
pub struct Backlog {
    shared: Arc<Shared>,
    archive: Arc<Connections>,
    spool: Listing,
    /// What was in the log when the journal was opened: the archive has to have it first.
    recorded: u64,
    /// The last task of the former processes: those behind it are this one's.
    highest: u64,
    /// The last task that was read.
    after: u64,
    /// The content type that came last: most tasks have the same, and then they share it.
    content_type: Option<Arc<str>>,
}

impl Backlog {
    pub(crate) fn new(
        shared: Arc<Shared>,
        archive: Arc<Connections>,
        spool: Listing,
        highest: Option<TaskId>,
    ) -> Self {
        let (recorded, highest) = (shared.log.last(), highest.map_or(0, TaskId::key));
        Self { shared, archive, spool, recorded, highest, after: 0, content_type: None }
    }

    /// Whether the next call need not wait for the archive.
    #[cfg(feature = "steps")]
    pub fn is_ready(&self) -> bool {
        self.shared.applied() >= self.recorded
    }

    /// The next tasks by ascending id, at most `max`; none when there are no more. The journal must
    /// have been started: the first call waits until the archive has what was in the log.
    ///
    /// # Errors
    /// If the archive cannot be read or is damaged, or the journal ends meanwhile, in a sentence.
    pub fn next(&mut self, max: usize) -> Result<Vec<Unfinished>, StoreError> {
        while !self.shared.catch_up_to(self.recorded, LOOK_UP) {
            if self.shared.log.is_over() {
                return Err(StoreError::Ended);
            }
        }
        let ids = (self.after, self.highest);
        let found = self.archive.take().unfinished_between(ids, max, self.recorded);
        let mut page = found.inspect_err(|_| self.shared.log.poison())?;
        for task in &mut page {
            self.after = task.task.key();
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
}
