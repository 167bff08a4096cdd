//! Latencies by the time at which their requests were due, for a picture of a run: a slice for
//! every 100 ms, and in each a count for every tenth of a latency. Recording one costs a few
//! nanoseconds and, but for a new slice, no memory.

use std::time::Duration;

/// How much time a slice has.
pub const SLICE: Duration = Duration::from_millis(100);
/// Steps from one power of two to the next.
const STEPS: usize = 8;
/// From 1 µs up to about a minute.
const BUCKETS: usize = 26 * STEPS;

/// Slices from the start of a run on.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    slices: Vec<Slice>,
}

#[derive(Clone, Debug)]
struct Slice {
    counts: Box<[u32; BUCKETS]>,
    max: Duration,
}

/// What a slice shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// The middle of the slice, in seconds from the start of the run.
    pub at: f64,
    /// Half of its latencies were not longer, in milliseconds.
    pub p50_ms: f64,
    /// 99 % of them were not longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Timeline {
    /// Counts the latency of a request that was due `at` after the start of the run.
    pub fn record(&mut self, at: Duration, latency: Duration) {
        let slice = (at.as_nanos() / SLICE.as_nanos()) as usize;
        while self.slices.len() <= slice {
            self.slices.push(Slice { counts: Box::new([0; BUCKETS]), max: Duration::ZERO });
        }
        let slice = &mut self.slices[slice];
        slice.counts[bucket(latency)] += 1;
        slice.max = slice.max.max(latency);
    }

    /// The slices in which anything was due, in order.
    pub fn moments(&self) -> impl Iterator<Item = Moment> {
        let slice_seconds = SLICE.as_secs_f64();
        self.slices.iter().enumerate().filter(|(_, slice)| slice.max > Duration::ZERO).map(
            move |(number, slice)| Moment {
                at: (number as f64 + 0.5) * slice_seconds,
                p50_ms: slice.quantile_ms(0.5),
                p99_ms: slice.quantile_ms(0.99),
                max_ms: slice.max.as_secs_f64() * 1e3,
            },
        )
    }
}

impl Slice {
    fn quantile_ms(&self, quantile: f64) -> f64 {
        let total: u64 = self.counts.iter().map(|count| u64::from(*count)).sum();
        let rank = (total as f64 * quantile).ceil() as u64;
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= rank.max(1)
        });
        let upper = bucket.map_or(0.0, |bucket| ((bucket + 1) as f64 / STEPS as f64).exp2() / 1e3);
        upper.min(self.max.as_secs_f64() * 1e3)
    }
}

fn bucket(latency: Duration) -> usize {
    let micros = latency.as_secs_f64() * 1e6;
    ((micros.max(1.0).log2() * STEPS as f64) as usize).min(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_tells_quantiles_within_a_tenth() {
        let mut timeline = Timeline::default();
        for micros in 1..=10_000 {
            timeline.record(Duration::from_millis(250), Duration::from_micros(micros));
        }
        let moments: Vec<Moment> = timeline.moments().collect();
        assert_eq!((moments.len(), moments[0].at, moments[0].max_ms), (1, 0.25, 10.0));
        assert!((moments[0].p50_ms / 5.0 - 1.0).abs() < 0.1, "{moments:?}");
        assert!((moments[0].p99_ms / 9.9 - 1.0).abs() < 0.1, "{moments:?}");
    }

    #[test]
    fn the_shortest_and_the_longest_have_a_place() {
        let mut timeline = Timeline::default();
        timeline.record(Duration::ZERO, Duration::from_nanos(1));
        timeline.record(Duration::ZERO, Duration::from_secs(7_200));
        let moment = timeline.moments().next().unwrap();
        assert_eq!(moment.max_ms, 7_200_000.0);
        assert!(moment.p50_ms < 0.01);
    }
}
