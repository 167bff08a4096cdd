//! The outcomes of an upstream's calls: the last of them one by one, and all of them by how they
//! ended. They are there to be seen; nothing is judged by them.

use overtime_protocol::{CallEnd, CallFailure, KeptCall, KeptEnd, UnixMillis};
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

    /// What the next process is to know of.
    pub(super) fn kept(&self) -> Vec<KeptCall> {
        let kept = |sample: &Sample| {
            let took_us = u64::try_from(sample.took.as_micros()).unwrap_or(u64::MAX);
            let end = KeptEnd::of(sample.end)?;
            Some(KeptCall { started_ms: sample.started.0, took_us, end })
        };
        self.last.iter().filter_map(kept).collect()
    }

    /// Takes up what was kept, as far as there is room before what is known already.
    pub(super) fn restore(&mut self, calls: &[KeptCall]) {
        let room = KEPT - self.last.len();
        for call in calls.iter().rev().take(room) {
            self.last.push_front(Sample {
                started: UnixMillis(call.started_ms),
                took: Duration::from_micros(call.took_us),
                end: call.end.into(),
            });
        }
    }

    /// The oldest first.
    pub(super) fn last(&self) -> impl Iterator<Item = Sample> {
        self.last.iter().copied()
    }

    pub(super) fn ends(&self) -> Ends {
        self.ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(number: u64, end: CallEnd) -> Sample {
        Sample { started: UnixMillis(number), took: Duration::from_micros(number), end }
    }

    #[test]
    fn the_last_calls_are_the_same_after_a_restart_and_count_for_the_new_process_no_more() {
        let mut before = Outcomes::default();
        let failed = CallEnd::Failed(CallFailure::Status(502));
        for number in 0..200 {
            before.note(
                sample(number, if number % 2 == 0 { failed } else { CallEnd::Answered }),
                false,
            );
        }
        before.note(sample(200, CallEnd::Untold), false);
        let kept = before.kept();
        assert_eq!((kept.len(), kept[0].started_ms), (KEPT, 80));
        let mut after = Outcomes::default();
        after.restore(&kept);
        assert!(after.last().eq(before.last()));
        assert_eq!(after.ends(), Ends::default());
        after.note(sample(201, CallEnd::Answered), false);
        assert_eq!(after.last().map(|sample| sample.started.0).max(), Some(201));
        assert_eq!(after.last().count(), KEPT);
    }

    #[test]
    fn more_than_there_is_room_for_is_not_taken_up() {
        let call = |number| KeptCall { started_ms: number, took_us: 1, end: KeptEnd::Busy };
        let many: Vec<KeptCall> = (0..10_000).map(call).collect();
        let mut outcomes = Outcomes::default();
        outcomes.note(sample(20_000, CallEnd::Answered), false);
        outcomes.restore(&many);
        let started: Vec<u64> = outcomes.last().map(|sample| sample.started.0).collect();
        assert_eq!((started.len(), started[0], started[KEPT - 1]), (KEPT, 9_881, 20_000));
    }
}
