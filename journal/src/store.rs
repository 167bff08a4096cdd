//! What handlers read: state and payloads. It never writes; a handler's writes go with its
//! completion.

use crate::archive::{Connections, KeptPayload};
use crate::error::StoreError;
use crate::recent::{Accepted, PayloadPlace};
use crate::shared::{Shared, State};
use crate::spool::Spool;
use bytes::Bytes;
use overtime_protocol::TaskId;
use std::sync::Arc;

/// Reads from a journal, from any number of threads at once. A clone is another handle.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    archive: Arc<Connections>,
    spool: Arc<Spool>,
}

impl Store {
    pub(crate) fn new(shared: Arc<Shared>, archive: Arc<Connections>, spool: Arc<Spool>) -> Self {
        Self { shared, archive, spool }
    }

    /// What stands at a state key. Every write that is durable when this is called is seen.
    ///
    /// # Errors
    /// If the log or the archive cannot be read or does not match its checksums.
    pub fn state(&self, key: &[u8]) -> Result<State, StoreError> {
        self.shared.state(key, &self.archive)
    }

    /// The payload of a task that is not finished, in bytes as it was sent: one segment, or
    /// several of up to a MiB if it is spooled.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] if there is no such task or it has finished,
    /// [`StoreError::PayloadLost`] if it was spooled and its file is gone; otherwise as
    /// [`Store::state`].
    pub fn payload(&self, task: TaskId) -> Result<Vec<Bytes>, StoreError> {
        let entry = self.shared.recent.task(task, self.shared.applied());
        if let Some(accepted) = entry.and_then(|entry| entry.acceptance)
            && let Some(payload) = self.payload_of(task, accepted)?
        {
            return Ok(payload);
        }
        // It is not in the log any more, so it was applied before its segment was freed.
        match self.archive.take().payload(task, self.shared.applied())? {
            Some(KeptPayload::Here(payload)) => Ok(vec![payload]),
            Some(KeptPayload::Spooled(len)) => self.spool.read(task, len),
            None => Err(StoreError::Unknown),
        }
    }

    /// The payload of a task whose acceptance is in the log; `None` if it has left the log.
    fn payload_of(
        &self,
        task: TaskId,
        accepted: Accepted,
    ) -> Result<Option<Vec<Bytes>>, StoreError> {
        match accepted.payload {
            PayloadPlace::Spool(len) => self.spool.read(task, len).map(Some),
            PayloadPlace::Record(range) => {
                let record = accepted.record.read(&self.shared.log)?;
                let payload =
                    |record: Bytes| record.slice(range.start as usize..range.end as usize);
                Ok(record.map(|record| vec![payload(record)]))
            }
        }
    }
}
