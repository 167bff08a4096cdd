//! What came back, as far as it decides what to do next. It holds no body: how a reply is read from
//! the wire is its transport's affair.

use overtime_protocol::{Submitted, TaskId, TaskState};
use std::time::Duration;

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was answered.
    Said(Said),
    /// No connection came about, so nothing was sent.
    NotConnected,
    /// It was sent, or part of it, and no answer came.
    Lost,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The status of HTTP.
    pub status: u16,
    /// How long to wait before another request.
    pub retry_after: Option<Duration>,
    /// The task that it is about.
    pub task: Option<TaskId>,
    /// How that stands, if it is a task's document.
    pub state: Option<TaskState>,
    /// What a problem document says of the request; without one the status has to do.
    pub verdict: Option<Verdict>,
}

/// What a problem document says of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Whether the work was accepted.
    pub submitted: Submitted,
}

impl Said {
    /// An answer of which nothing but its status is known.
    pub fn of(status: u16) -> Self {
        Self { status, retry_after: None, task: None, state: None, verdict: None }
    }

    /// Whether the same request may succeed later.
    pub(super) fn is_retryable(&self) -> bool {
        // Without a problem document somebody between us and the server may have spoken.
        let by_status = matches!(self.status, 408 | 425 | 429 | 502 | 503 | 504);
        self.verdict.map_or(by_status, |verdict| verdict.retryable)
    }

    /// Whether the work of a submission with this answer was accepted.
    pub(super) fn submitted(&self) -> Submitted {
        match (self.verdict, self.status) {
            (Some(verdict), _) => verdict.submitted,
            (None, 200..=299) => Submitted::Yes,
            // Whoever refused so did not look at the work; a timeout may have come later.
            (None, 400..=407 | 409..=499) => Submitted::No,
            (None, _) => Submitted::Unknown,
        }
    }
}
