//! Start latencies: how long attempts waited from the moment they stood in their lane until their
//! handler began. It counts, and judges nothing.

use std::time::Duration;

/// The upper bounds of the histogram's buckets, in microseconds; one more bucket takes the rest.
pub const START_BUCKETS: [u64; 20] = [
    20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 50_000_000,
];

/// The starts of one lane. An attempt is counted when it comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Starts {
    /// By how long they took: see [`START_BUCKETS`].
    pub buckets: [u64; START_BUCKETS.len() + 1],
    /// What they took together, in nanoseconds.
    pub sum_ns: u64,
}

impl Starts {
    pub(crate) fn note(&mut self, waited: Duration) {
        let waited_us = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.buckets[START_BUCKETS.partition_point(|&bound| bound < waited_us)] += 1;
        let waited_ns = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        self.sum_ns = self.sum_ns.saturating_add(waited_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_falls_into_the_bucket_whose_bound_it_does_not_pass() {
        let mut starts = Starts::default();
        for micros in [0, 20, 21, 1_000, 1_001, 50_000_000, 50_000_001, u64::MAX] {
            starts.note(Duration::from_micros(micros));
        }
        assert!(START_BUCKETS.is_sorted());
        let counts: Vec<_> = starts.buckets.iter().enumerate().filter(|(_, n)| **n > 0).collect();
        assert_eq!(counts, [(0, &2), (1, &1), (5, &1), (6, &1), (19, &1), (20, &2)]);
        assert_eq!(starts.sum_ns, u64::MAX);
    }
}
