//! What is usual of an upstream: which share of its calls was bad before those that it is judged by.
//! It judges nothing.
//!
//! Of forty calls 24 are bad now and then where thirty of a hundred have been bad all along, and soon
//! where sixty are since a moment ago. Forty calls do not tell the one from the other, nor do a
//! hundred. Those before them do.

use overtime_protocol::Monotonic;
use std::time::Duration;

/// It is learned from about so many calls...
const CALLS: f64 = 60.0;
/// ... and over so long at least: where calls are many, sixty are no more than a moment.
const SPAN: Duration = Duration::from_secs(5);
/// With a fifth of them bad, an upstream is one that ails.
const AILS_FROM: f64 = 0.2;

/// The share of bad ones, the latest of them counting most.
#[derive(Debug, Default)]
pub(super) struct Usual {
    bad: f64,
    latest: Monotonic,
}

impl Usual {
    /// A call that was started then is none of those that are judged any more.
    pub(super) fn learn(&mut self, was_bad: bool, started: Monotonic) {
        let gap = started.since(self.latest);
        self.latest = started;
        let weight = (gap.as_secs_f64() / SPAN.as_secs_f64()).min(1.0 / CALLS);
        self.bad += (f64::from(u8::from(was_bad)) - self.bad) * weight;
    }

    /// Whether that some are bad is nothing new.
    pub(super) fn ails(&self) -> bool {
        self.bad >= AILS_FROM
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After so many seconds at this pace, with three calls of ten bad.
    fn ails_after(per_second: u64, seconds: u64) -> bool {
        let mut usual = Usual::default();
        for call in 0..per_second * seconds {
            usual.learn(call % 10 < 3, Monotonic(call * 1_000_000_000 / per_second));
        }
        usual.ails()
    }

    #[test]
    fn what_lasts_is_usual_and_a_moment_is_not_however_many_its_calls() {
        assert!(ails_after(20, 15) && ails_after(2, 60) && ails_after(400, 15));
        assert!(!ails_after(20, 2) && !ails_after(400, 2));
    }

    #[test]
    fn one_call_in_ten_is_not_enough() {
        let mut usual = Usual::default();
        for call in 0..10_000 {
            usual.learn(call % 10 == 0, Monotonic(call * 50_000_000));
            assert!(!usual.ails());
        }
    }
}
