//! What handlers read: state and payloads. It never writes; a handler's writes go with its
//! completion.

use crate::archive::Connections;
use crate::error::StoreError;
use crate::shared::{Shared, State};
use bytes::Bytes;
use overtime_protocol::TaskId;
use std::sync::Arc;

/// Reads from a journal, from any number of threads at once. A clone is another handle.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    archive: Arc<Connections>,
}

impl Store {
    pub(crate) fn new(shared: Arc<Shared>, archive: Arc<Connections>) -> Self {
        Self { shared, archive }
    }

    /// What stands at a state key. Every write that is durable when this is called is seen.
    ///
    /// # Errors
    /// If the log or the archive cannot be read or does not match its checksums.
    pub fn state(&self, key: &[u8]) -> Result<State, StoreError> {
        self.shared.state(key, &self.archive)
    }

    /// The payload of a task that is not finished, in bytes as it was sent.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] if there is no such task or it has finished; otherwise as
    /// [`Store::state`].
    pub fn payload(&self, task: TaskId) -> Result<Bytes, StoreError> {
        let entry = self.shared.recent.task(task, self.shared.applied());
        if let Some((place, range)) = entry.and_then(|entry| entry.acceptance)
            && let Some(record) = place.read(&self.shared.log)?
        {
            return Ok(record.slice(range.start as usize..range.end as usize));
        }
        // It is not in the log any more, so it was applied before its segment was freed.
        let found = self.archive.take().payload(task, self.shared.applied())?;
        found.ok_or(StoreError::Unknown)
    }
}
