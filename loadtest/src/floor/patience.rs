//! How long a floor puts up with whoever asks for nothing: a row of its clients, the longest first.
//! It closes nobody itself.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The row.
#[derive(Debug)]
pub(super) struct Patience {
    span: Duration,
    row: VecDeque<(Instant, usize, u64)>,
}

impl Patience {
    pub(super) fn new(span: Duration) -> Self {
        Self { span, row: VecDeque::new() }
    }

    /// The client at `index`, born as `birth`, is waited for from now on.
    pub(super) fn begin(&mut self, index: usize, birth: u64, now: Instant) {
        self.row.push_back((now, index, birth));
    }

    /// Takes out whoever has been waited for long enough.
    pub(super) fn expired(&mut self, now: Instant) -> Option<(usize, u64)> {
        let (_, index, birth) = self.row.pop_front_if(|(since, ..)| *since + self.span <= now)?;
        Some((index, birth))
    }

    /// How long until that is the next one.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let (since, ..) = self.row.front()?;
        Some((*since + self.span).saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_awaited_is_named_first_and_nobody_before_its_time() {
        let (mut patience, now) = (Patience::new(Duration::from_secs(10)), Instant::now());
        let after = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(patience.left(now), None);
        patience.begin(7, 1, now);
        patience.begin(3, 2, after(4));
        assert_eq!(
            (patience.left(after(1)), patience.expired(after(9))),
            (Some(Duration::from_secs(9)), None)
        );
        assert_eq!(
            (patience.expired(after(12)), patience.expired(after(12))),
            (Some((7, 1)), None)
        );
        assert_eq!(patience.expired(after(14)), Some((3, 2)));
    }
}
