//! Sojourns: how long things stay in a queue, by interval. While nothing comes out, what is known is
//! how long nothing has: a queue that stands still is not taken for an empty one. It orders nothing.

use overtime_protocol::Monotonic;
use std::time::Duration;

/// A queue, as far as time is concerned.
#[derive(Debug)]
pub(crate) struct Sojourn {
    inside: u64,
    /// How many came out in the interval, how long they were inside together, and the one that was
    /// for the shortest time.
    out: u64,
    sum: Duration,
    least: Option<Duration>,
    /// Since when somebody is inside and nobody has come out.
    still_since: Monotonic,
    was_empty: bool,
}

/// What an interval was like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// How long those who came out were inside on average, or the first of those who are still inside
    /// at least.
    pub(crate) mean: Duration,
    /// The least of that; zero if the queue was empty at some time.
    pub(crate) least: Duration,
    /// How many came out.
    pub(crate) out: u64,
    /// Whether somebody was inside all the time.
    pub(crate) is_busy: bool,
}

impl Default for Sojourn {
    fn default() -> Self {
        Self {
            inside: 0,
            out: 0,
            sum: Duration::ZERO,
            least: None,
            still_since: Monotonic::default(),
            was_empty: true,
        }
    }
}

impl Sojourn {
    /// How many are inside.
    #[cfg(any(test, feature = "audit"))]
    pub(crate) fn inside(&self) -> u64 {
        self.inside
    }

    /// Somebody has come in.
    pub(crate) fn enter(&mut self, now: Monotonic) {
        if self.inside == 0 {
            self.still_since = now;
        }
        self.inside += 1;
    }

    /// Somebody's turn has come.
    pub(crate) fn leave(&mut self, stayed: Duration, now: Monotonic) {
        self.give_up();
        self.out += 1;
        self.sum += stayed;
        self.least = Some(self.least.map_or(stayed, |least| least.min(stayed)));
        self.still_since = now;
    }

    /// Somebody has left without.
    pub(crate) fn give_up(&mut self) {
        debug_assert!(self.inside > 0, "more came out than went in");
        self.inside = self.inside.saturating_sub(1);
        self.was_empty |= self.inside == 0;
    }

    /// For how long somebody has been inside and nobody has come out.
    pub(crate) fn still(&self, now: Monotonic) -> Duration {
        if self.inside > 0 { now.since(self.still_since) } else { Duration::ZERO }
    }

    /// Ends the interval.
    pub(crate) fn close(&mut self, now: Monotonic) -> Reading {
        let is_busy = !self.was_empty;
        let still = self.still(now);
        let out = u32::try_from(self.out).unwrap_or(u32::MAX);
        let mean = self.sum.checked_div(out).unwrap_or_default().max(still);
        let least = if is_busy { self.least.unwrap_or(still) } else { Duration::ZERO };
        let reading = Reading { mean, least, out: self.out, is_busy };
        (self.out, self.sum, self.least) = (0, Duration::ZERO, None);
        self.was_empty = self.inside == 0;
        reading
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Monotonic {
        Monotonic::default() + Duration::from_millis(millis)
    }

    #[test]
    fn a_queue_that_was_empty_has_no_least_time() {
        let mut queue = Sojourn::default();
        queue.enter(at(0));
        queue.leave(Duration::from_millis(30), at(30));
        let reading = queue.close(at(100));
        assert_eq!((reading.mean, reading.least), (Duration::from_millis(30), Duration::ZERO));
        assert!(!reading.is_busy);
        assert_eq!(queue.close(at(200)), Reading::default());
    }

    #[test]
    fn the_least_counts_once_somebody_was_inside_all_the_time() {
        let mut queue = Sojourn::default();
        queue.enter(at(0));
        queue.enter(at(0));
        queue.close(at(100));
        queue.enter(at(110));
        queue.leave(Duration::from_millis(150), at(150));
        queue.leave(Duration::from_millis(50), at(160));
        let reading = queue.close(at(200));
        let (mean, least) = (Duration::from_millis(100), Duration::from_millis(50));
        assert_eq!(reading, Reading { mean, least, out: 2, is_busy: true });
    }

    #[test]
    fn a_queue_that_stands_still_tells_for_how_long() {
        let mut queue = Sojourn::default();
        queue.enter(at(40));
        assert_eq!(queue.close(at(100)).mean, Duration::from_millis(60));
        let reading = queue.close(at(200));
        assert_eq!((reading.mean, reading.least), (at(200).since(at(40)), at(160).since(at(0))));
        queue.give_up();
        assert_eq!(queue.close(at(300)).mean, Duration::ZERO);
    }
}
