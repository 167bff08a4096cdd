//! What became of work, when that is no error: its result, or where it goes on.

use crate::manners::Why;
use bytes::Bytes;
use overtime_protocol::{Durability, TaskId};

/// What became of a call.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The work is done.
    Done(Done),
    /// It is accepted and goes on.
    Pending(Pending),
}

/// The result of work that is done.
#[derive(Clone, Debug)]
pub struct Done {
    /// The task that did it, if the server told.
    pub task: Option<TaskId>,
    /// What the body is.
    pub content_type: Option<String>,
    /// The handler's answer, as it is.
    pub body: Bytes,
    /// How safe it was when the answer left, if the server told.
    pub durability: Option<Durability>,
    /// Whether this is the answer to an earlier request with the same key.
    pub replayed: bool,
}

/// Work that is accepted and has not ended, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The task, to be asked for later.
    pub task: TaskId,
    /// Why it was not waited for any longer; `None` if nobody was to wait.
    pub why: Option<Why>,
}

impl Outcome {
    /// The result, if the work is done.
    pub fn done(self) -> Option<Done> {
        match self {
            Self::Done(done) => Some(done),
            Self::Pending(_) => None,
        }
    }
}
