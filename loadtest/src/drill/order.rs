//! One order: what was sent, and what its sender knows of it from the answers so far.

use super::submission::Submission;
use super::work::{Mark, Work};
use overtime_protocol::{TaskId, TaskState};

/// Whether the server has taken it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was not sent yet.
    Unsent,
    /// It was sent, and nobody has said what became of it.
    Unknown,
    /// It did not happen.
    Refused,
    /// It was acknowledged.
    Taken,
}

/// What its sender has heard of its cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancelling {
    /// Nobody asked for it, or it came too late.
    No,
    /// It was asked for, and either end is right.
    Asked,
    /// It was told that it is cancelled.
    Done,
}

/// An order.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) mark: Mark,
    pub(super) work: Work,
    /// Whether it came with a key, so that it may be sent again.
    pub(super) is_keyed: bool,
    pub(super) wait_ms: u64,
    pub(super) standing: Standing,
    pub(super) task: Option<TaskId>,
    /// Status and hash of the answer that any repetition must get.
    pub(super) product: Option<(u16, u64)>,
    /// The end that was shown.
    pub(super) ended: Option<TaskState>,
    pub(super) cancelling: Cancelling,
    /// How often it has failed, by its events.
    pub(super) failed: u64,
}

impl Order {
    pub(super) fn new(mark: Mark, work: Work, is_keyed: bool, wait_ms: u64) -> Self {
        let (standing, cancelling) = (Standing::Unsent, Cancelling::No);
        let (task, product, ended, failed) = (None, None, None, 0);
        Self { mark, work, is_keyed, wait_ms, standing, task, product, ended, cancelling, failed }
    }

    pub(super) fn key(&self) -> Option<String> {
        self.is_keyed.then(|| self.mark.key())
    }

    /// The request; `email` names the contact that it changes.
    pub(super) fn submission(&self, email: &str) -> Submission {
        Submission {
            kind: self.work.kind(),
            form: self.work.scope(),
            wait_ms: self.wait_ms,
            delay_ms: self.work.delay_ms(),
            content_type: self.work.content_type(),
            key: self.key(),
            body: self.mark.body(self.work, email),
        }
    }

    /// Whether it has to be sent again, to learn what became of it.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.is_keyed && self.standing == Standing::Unknown
    }

    /// Whether this end is right, by all that was told.
    pub(super) fn may_end_as(&self, state: TaskState) -> bool {
        // What is not due while the drill lasts does not end by itself.
        let is_own = self.work != Work::Later && state == self.work.end();
        match self.cancelling {
            Cancelling::No => is_own,
            Cancelling::Asked => is_own || state == TaskState::Cancelled,
            Cancelling::Done => state == TaskState::Cancelled,
        }
    }
}
