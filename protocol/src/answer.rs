//! Answers: what goes back to a caller, before it is bytes.

use crate::id::TaskId;
use crate::job::Product;
use crate::kind::Durability;
use crate::problem::Problem;
use crate::task::Document;
use bytes::Bytes;
use std::time::Duration;

/// Where a task's time went, for `Server-Timing`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// From acceptance to the start of the handler.
    pub queue: Duration,
    /// In the handler.
    pub exec: Duration,
    /// From the end of the handler until the record was on disk.
    pub journal: Duration,
}

/// What goes back to a caller.
#[derive(Clone, Debug)]
pub enum Answer {
    /// 200 with the handler's bytes.
    Result {
        /// The task that made it.
        task: TaskId,
        /// The bytes and their type.
        product: Product,
        /// The level reached before this answer leaves.
        durability: Durability,
        /// Where the time went, if this server ran it.
        timing: Option<Timing>,
    },
    /// 202: accepted, on disk, and not finished.
    Accepted {
        /// The task as it stands.
        document: Box<Document>,
        /// When to ask again.
        retry_after: Duration,
    },
    /// 200 with the task's document.
    Document(Box<Document>),
    /// 200 with a stored value, such as a contact.
    Value {
        /// Its content type.
        content_type: &'static str,
        /// Its bytes.
        body: Bytes,
    },
    /// A problem document.
    Problem(Box<Problem>),
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}
