//! Calls of a bulk body: each item goes to an upstream by itself, several at a time. How one is
//! made is the handler's; when one may begin is the engine's.

use crate::failure::Failure;
use bytes::Bytes;
use overtime_protocol::{CallEnd, Job, UnixMillis, UpstreamId};
use std::time::Duration;

/// An item on its way.
#[derive(Clone, Copy, Debug)]
pub struct CallItem<'a> {
    /// Its index in the body, from 0.
    pub index: u64,
    /// The item as JSON.
    pub text: &'a Bytes,
    /// The time now.
    pub now: UnixMillis,
    /// How long the call may take, if not as long as the kind says: the upstream is shed, and the
    /// call is a probe.
    pub limit: Option<Duration>,
}

/// How the items of a kind's bulk bodies are delivered to its upstream.
pub trait ItemCalls: Send + Sync {
    /// The upstream.
    fn upstream(&self) -> UpstreamId;

    /// How many items of a body are on their way at a time, at most.
    fn parallel(&self) -> usize;

    /// Delivers one item of the job's body, on a thread of its own: how that ended, and what it tells
    /// of the upstream.
    fn call(&self, job: &Job, item: &CallItem<'_>) -> (Result<(), Failure>, CallEnd);
}
