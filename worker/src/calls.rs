//! Calls of a bulk body: each item goes to an upstream by itself, several at a time. How one is
//! made is the handler's; when one may begin is the engine's.

use crate::failure::Failure;
use bytes::Bytes;
use overtime_protocol::{CallEnd, Job, UpstreamId};

/// How the items of a kind's bulk bodies are delivered to its upstream.
pub trait ItemCalls: Send + Sync {
    /// The upstream.
    fn upstream(&self) -> UpstreamId;

    /// How many items of a body are on their way at a time, at most.
    fn parallel(&self) -> usize;

    /// Delivers one item of the job's body, on a thread of its own: how that ended, and what it tells
    /// of the upstream.
    fn call(&self, job: &Job, item: u64, text: &Bytes) -> (Result<(), Failure>, CallEnd);
}
