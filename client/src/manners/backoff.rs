//! How long to wait before a request is repeated: a bound that doubles, and chance below it, so that
//! callers who failed together do not come back together. It never decides whether to repeat.

use super::random::Random;
use std::time::Duration;

/// A bound that doubles with each failure in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The bound behind the first failure.
    pub first: Duration,
    /// The bound never grows over this.
    pub most: Duration,
}

impl Default for Backoff {
    /// From 100 ms to 20 s.
    fn default() -> Self {
        Self { first: Duration::from_millis(100), most: Duration::from_secs(20) }
    }
}

impl Backoff {
    /// The bound behind that many failures in a row, of which there was at least one.
    pub fn bound(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.most)
    }

    /// Full jitter: anything up to the bound. What the server asked for comes on top, because it is
    /// the least that it wants and the same for many.
    pub fn delay(&self, failures: u32, asked: Option<Duration>, random: &mut Random) -> Duration {
        asked.unwrap_or_default().saturating_add(random.up_to(self.bound(failures)))
    }

    /// Equal jitter: between half of the bound and all of it, where somebody who asked at once would
    /// be a nuisance.
    pub fn pause(&self, failures: u32, random: &mut Random) -> Duration {
        let half = self.bound(failures) / 2;
        half + random.up_to(half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_to_its_most() {
        let backoff = Backoff { first: Duration::from_millis(100), most: Duration::from_secs(1) };
        let bounds = [1, 2, 3, 4, 5, 40, u32::MAX].map(|n| backoff.bound(n).as_millis());
        assert_eq!(bounds, [100, 200, 400, 800, 1000, 1000, 1000]);
    }

    #[test]
    fn nobody_comes_earlier_than_was_asked_and_not_all_at_once() {
        let (backoff, mut random) = (Backoff::default(), Random::new(1));
        let asked = Duration::from_secs(3);
        let mut delays: Vec<_> =
            (0..100).map(|_| backoff.delay(4, Some(asked), &mut random)).collect();
        assert!(delays.iter().all(|delay| (asked..=asked + backoff.bound(4)).contains(delay)));
        delays.sort_unstable();
        assert!(delays[75] - delays[25] > backoff.bound(4) / 4, "{delays:?}");
        let pauses = (0..100).map(|_| backoff.pause(4, &mut random));
        assert!(pauses.into_iter().all(|pause| pause >= backoff.bound(4) / 2));
    }
}
