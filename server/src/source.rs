//! What handlers read from: the journal, behind the trait that workers know.

use overtime_journal::Store;
use overtime_protocol::TaskId;
use overtime_worker::{Source, SourceError, State};

/// The journal's store as a source.
pub(crate) struct JournalSource {
    store: Store,
}

impl JournalSource {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

impl Source for JournalSource {
    fn state(&self, key: &[u8]) -> Result<State, SourceError> {
        let state = self.store.state(key).map_err(|error| SourceError::new(error.to_string()))?;
        Ok(State { value: state.value, read: state.read })
    }

    fn payload(&self, task: TaskId) -> Result<bytes::Bytes, SourceError> {
        let payload = self.store.payload(task);
        let segments = payload.map_err(|error| SourceError::new(error.to_string()))?;
        Ok(<[bytes::Bytes; 1]>::try_from(segments)
            .map_or_else(|segments| segments.concat().into(), |[segment]| segment))
    }
}
