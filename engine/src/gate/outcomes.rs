//! The outcomes of an upstream's calls: the last of them one by one, and all of them by how they
//! ended. They are there to be seen; nothing is judged by them.

use overtime_protocol::{CallEnd, CallFailure, UnixMillis};
use std::collections::VecDeque;
use std::time::Duration;

/// So many are kept one by one.
const KEPT: usize = 120;

/// A call that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it began.
    pub started: UnixMillis,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub end: CallEnd,
}

/// The calls of this process, by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Answered, in time or not.
    pub answered: u64,
    /// Those of the answered that were slow.
    pub slow: u64,
    /// Not connected.
    pub connect: u64,
    /// The connection broke.
    pub broken: u64,
    /// Not answered in time.
    pub timeout: u64,
    /// Answered with 408 or 5xx.
    pub status: u64,
    /// Told to come later.
    pub busy: u64,
}

/// What is kept of the calls.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    last: VecDeque<Sample>,
    ends: Ends,
}

impl Outcomes {
    pub(super) fn note(&mut self, sample: Sample, is_slow: bool) {
        let count = match sample.end {
            CallEnd::Untold => return,
            CallEnd::Answered => &mut self.ends.answered,
            CallEnd::Busy { .. } => &mut self.ends.busy,
            CallEnd::Failed(CallFailure::Connect) => &mut self.ends.connect,
            CallEnd::Failed(CallFailure::Broken) => &mut self.ends.broken,
            CallEnd::Failed(CallFailure::Timeout) => &mut self.ends.timeout,
            CallEnd::Failed(CallFailure::Status(_)) => &mut self.ends.status,
        };
        *count += 1;
        self.ends.slow += u64::from(is_slow && sample.end == CallEnd::Answered);
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(sample);
    }

    /// The oldest first.
    pub(super) fn last(&self) -> impl Iterator<Item = Sample> {
        self.last.iter().copied()
    }

    pub(super) fn ends(&self) -> Ends {
        self.ends
    }
}
