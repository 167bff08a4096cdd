//! Turns of the core's loop: whether one in a hundred takes too long. It measures nothing itself.

use crate::limits::TURN_MAX;
use std::time::Duration;

/// One long turn alone may be a page of a former process's tasks, which comes once.
const LONG_MIN: u64 = 2;

/// The turns of an interval.
#[derive(Debug, Default)]
pub(super) struct Turns {
    all: u64,
    long: u64,
}

impl Turns {
    pub(super) fn note(&mut self, span: Duration) {
        self.all += 1;
        self.long += u64::from(span > TURN_MAX);
    }

    /// Ends the interval; whether its 99th percentile was over the bound.
    pub(super) fn close(&mut self) -> bool {
        let Self { all, long } = std::mem::take(self);
        long >= LONG_MIN && long * 100 > all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_a_hundred_is_too_many_and_one_alone_is_not() {
        let (short, long) = (Duration::from_millis(1), Duration::from_millis(11));
        let mut turns = Turns::default();
        let mut close = |shorts: u64, longs: u64| {
            (0..shorts).for_each(|_| turns.note(short));
            (0..longs).for_each(|_| turns.note(long));
            turns.close()
        };
        assert!(!close(0, 1));
        assert!(close(0, 2));
        assert!(!close(198, 2));
        assert!(close(197, 2));
        assert!(!close(0, 0));
    }
}
