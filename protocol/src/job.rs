//! A job is one attempt handed out; a completion is what came back.

use crate::fault::Fault;
use crate::id::TaskId;
use crate::kind::KindId;
use crate::lane::Lane;
use crate::payload::Payload;
use crate::record::{Expect, Put};
use crate::task::Progress;
use crate::time::{Monotonic, UnixMillis};
use crate::upstream::{CallEnd, UpstreamId};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

mod claims;

pub use claims::Claims;

/// One attempt at a task, handed to a worker.
#[derive(Clone, Debug)]
pub struct Job {
    /// The task.
    pub task: TaskId,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Which run this is of all that the task had in this process, from 1.
    pub run: u32,
    /// Its kind.
    pub kind: KindId,
    /// When the task was accepted.
    pub created_at: UnixMillis,
    /// Its payload; if it is stored, the worker loads it by the task's id.
    pub payload: Payload,
    /// What the payload's bytes are.
    pub form: Form,
    /// Where an earlier run of the task stopped, in its handler's own words: this one goes on from
    /// there.
    pub cursor: Option<Bytes>,
    /// The payload's content type, as sent.
    pub content_type: Option<Arc<str>>,
    /// The caller's trace context (W3C Trace Context), as sent.
    pub traceparent: Option<Arc<str>>,
    /// How long its call to the upstream of its kind may take, if not as long as the kind says: that
    /// upstream is shed, and the call is a probe.
    pub call_limit: Option<Duration>,
}

/// What the bytes of a payload are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One input of the kind.
    Single,
    /// Many inputs of the kind, read one by one and committed chunk by chunk.
    Bulk,
}

impl Form {
    /// The number that stands for the form on disk.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The form with that number.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Single, Self::Bulk].get(usize::from(number)).copied()
    }
}

/// What a worker is handed at once: jobs that run in order, each seeing the effects of those
/// before it. Most chains have one job. Several come together when their attempts conflicted over
/// one key, or when they are over so soon that to wake a worker for each would cost more.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Names it among all chains that were ever handed out in this process: a task may be in
    /// several, one after the other.
    pub number: ChainNumber,
    /// The lane whose credit the worker holds until the last job is completed.
    pub lane: Lane,
    /// The jobs, at least one.
    pub jobs: Vec<Job>,
    /// How far the worker has come.
    pub claims: Claims,
    /// When the core is to be woken for what came back.
    pub announce: Announce,
}

/// The number of a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainNumber(pub u64);

/// When a worker wakes the core. Completions are handed over one by one either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announce {
    /// With each completion.
    Each,
    /// With the last of the chain: the others come so soon before it that the core need not be
    /// woken for them. Whoever asks for this looks again after a while by itself.
    Last,
}

impl Chain {
    /// A chain whose first job is claimed, and which wakes the core with each completion.
    pub fn new(number: ChainNumber, lane: Lane, jobs: Vec<Job>) -> Self {
        let claims = Claims::default();
        Self { number, lane, jobs, claims, announce: Announce::Each }
    }
}

/// What a successful attempt produced for its caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// The result's content type; `None` sends `application/octet-stream`.
    pub content_type: Option<Arc<str>>,
    /// The result's bytes, at most 16 MiB.
    pub body: Bytes,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It did what it was asked.
    Done(Product),
    /// The input is wrong: the task fails.
    Rejected(Fault),
    /// It may pass by itself: the task is retried.
    Ephemeral(Fault),
    /// The handler or its configuration is wrong: the task is parked for a person.
    Defect(Fault),
    /// It stopped at its cursor to let others go first, or because nobody listens any more. The
    /// attempt is not over.
    Yielded,
    /// It stopped because it was asked to, by [`Claims::cancel`].
    Cancelled,
    /// It stopped at its cursor because it may not call this upstream. The attempt is not over.
    Held(UpstreamId),
}

/// A part of what an attempt does, to be appended before the attempt ends: an attempt after a
/// crash goes on behind it. Its worker waits for a [`Ruling`] before it sends the next.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The task.
    pub task: TaskId,
    /// Which run of it; a stale one changes nothing.
    pub run: u32,
    /// Where it ends, in the handler's own words.
    pub cursor: Bytes,
    /// How far that is.
    pub progress: Progress,
    /// What it writes.
    pub puts: Vec<Put>,
    /// The keys it only read.
    pub expects: Vec<Expect>,
}

/// What became of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It is on disk.
    Kept {
        /// Its log sequence number.
        lsn: u64,
        /// What to do now.
        go: Go,
    },
    /// A key that it had read was written since. Nothing of it was written.
    Conflict,
    /// Nothing of this run counts any more.
    Stop,
}

/// What an attempt is to do after a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// Go on.
    On,
    /// End as [`Outcome::Yielded`].
    Yield,
}

/// What came back of one attempt.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The task.
    pub task: TaskId,
    /// Which attempt; a stale one changes nothing.
    pub attempt: u32,
    /// Which run of it; a stale one changes nothing either.
    pub run: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// How far the task has come with it, for those that tell.
    pub progress: Option<Progress>,
    /// What it wants written, checked and appended with the completion. Empty unless
    /// [`Outcome::Done`].
    pub puts: Vec<Put>,
    /// The keys it only read, which must not have changed either: what it read is why it ended as
    /// it did, also if it failed.
    pub expects: Vec<Expect>,
    /// How its call to the upstream of its kind ended.
    pub call: CallEnd,
    /// When the handler started and ended.
    pub started: Monotonic,
    /// See `started`.
    pub ended: Monotonic,
}

#[cfg(test)]
mod tests;
