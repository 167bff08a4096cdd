//! The due times of an open loop: evenly spaced from a start, whatever the server does. It never
//! looks at a clock and never drifts, because each time is computed from the start.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// When requests are due.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    start: Instant,
    per_second: NonZeroU32,
    taken: u64,
}

impl Schedule {
    /// `per_second` requests a second, the first at `start`.
    pub fn new(start: Instant, per_second: NonZeroU32) -> Self {
        Self { start, per_second, taken: 0 }
    }

    /// When the next request is due.
    pub fn next_due(&self) -> Instant {
        let rate = u64::from(self.per_second.get());
        let (seconds, rest) = (self.taken / rate, self.taken % rate);
        self.start
            + Duration::from_secs(seconds)
            + Duration::from_nanos(rest * 1_000_000_000 / rate)
    }

    /// Takes the next request off the schedule.
    pub fn take(&mut self) -> Instant {
        let due = self.next_due();
        self.taken += 1;
        due
    }

    /// How many requests that are due before `until` were not taken.
    pub fn left_before(mut self, until: Instant) -> u64 {
        let taken = self.taken;
        while self.next_due() < until {
            self.taken += 1;
        }
        self.taken - taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(per_second: u32) -> (Instant, Schedule) {
        let start = Instant::now();
        (start, Schedule::new(start, NonZeroU32::new(per_second).unwrap()))
    }

    #[test]
    fn the_first_is_due_at_the_start_and_the_rest_evenly() {
        let (start, mut schedule) = schedule(4);
        let due: Vec<u128> = (0..6).map(|_| (schedule.take() - start).as_millis()).collect();
        assert_eq!(due, [0, 250, 500, 750, 1_000, 1_250]);
    }

    #[test]
    fn an_uneven_rate_does_not_drift() {
        let (start, mut schedule) = schedule(3);
        for _ in 0..3 * 3_600 {
            schedule.take();
        }
        assert_eq!(schedule.next_due() - start, Duration::from_secs(3_600));
    }

    #[test]
    fn what_is_due_and_was_not_taken_is_counted() {
        let (start, mut schedule) = schedule(1_000);
        schedule.take();
        assert_eq!(schedule.left_before(start + Duration::from_millis(10)), 9);
        assert_eq!(schedule.left_before(start), 0);
    }
}
