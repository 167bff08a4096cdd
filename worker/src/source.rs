//! The source: where state and stored payloads are read. It is a trait because workers do not
//! know the journal; whoever assembles the server hands one in. There is no way to write here.

use bytes::Bytes;
use overtime_protocol::TaskId;
use overtime_protocol::record::ReadMark;
use std::fmt;

/// What handlers and payloads are read from. Called by hundreds of threads at once.
pub trait Source: Send + Sync {
    /// What stands at a state key, everything durable included.
    fn state(&self, key: &[u8]) -> Result<State, SourceError>;

    /// The whole payload of a task whose bytes are not in memory, in segments of any size.
    fn payload(&self, task: TaskId) -> Result<Vec<Bytes>, SourceError>;
}

/// What stood at a key when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The value; `None` if there is none.
    pub value: Option<Bytes>,
    /// The mark by which the journal can tell whether this is still so.
    pub read: ReadMark,
}

/// A read failed: never the handler's or the caller's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError {
    detail: String,
    lost: bool,
}

impl SourceError {
    /// A failed read, with one sentence of what went wrong.
    pub fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), lost: false }
    }

    /// The payload is not there any more, and will not be there the next time.
    pub fn payload_lost(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), lost: true }
    }

    /// Whether to read again is of no use.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the journal could not be read: {}", self.detail)
    }
}

impl std::error::Error for SourceError {}
