//! What handlers read from: the journal, behind the trait that workers know.

use overtime_journal::{Store, StoreError};
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

    fn payload(&self, task: TaskId) -> Result<Vec<bytes::Bytes>, SourceError> {
        self.store.payload(task).map_err(|error| match error {
            // What is damaged is so the next time too.
            StoreError::PayloadLost | StoreError::Damaged(_) => {
                SourceError::payload_lost(error.to_string())
            }
            _ => SourceError::new(error.to_string()),
        })
    }
}
