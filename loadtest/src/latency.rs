//! Latencies: a histogram over nanoseconds with three significant digits, and the few numbers
//! that are told of it.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::Duration;

/// Longer than anything that is waited for here; what exceeds it is told as this much.
const LONGEST: Duration = Duration::from_secs(600);

/// How long things took.
#[derive(Clone, Debug)]
pub struct Latency {
    nanos: Histogram<u64>,
}

impl Default for Latency {
    fn default() -> Self {
        let nanos = Histogram::new_with_bounds(1_000, LONGEST.as_nanos() as u64, 3)
            .expect("the bounds are constants in the right order");
        Self { nanos }
    }
}

impl Latency {
    /// Counts one.
    pub fn record(&mut self, span: Duration) {
        self.nanos.saturating_record(span.as_nanos() as u64);
    }

    /// Counts all that another has counted.
    pub fn add(&mut self, other: &Self) {
        self.nanos.add(&other.nanos).expect("all histograms here have the same bounds");
    }

    /// The latency in milliseconds that a share of `quantile` did not exceed.
    pub fn at_ms(&self, quantile: f64) -> f64 {
        self.nanos.value_at_quantile(quantile) as f64 / 1e6
    }

    /// How many were not longer than that.
    pub fn within(&self, span: Duration) -> u64 {
        self.nanos.count_between(0, span.as_nanos() as u64)
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.nanos.len()
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.nanos.max())
    }

    /// The numbers to tell.
    pub fn quantiles(&self) -> Quantiles {
        let at = |quantile| self.at_ms(quantile);
        Quantiles {
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: self.nanos.max() as f64 / 1e6,
        }
    }
}

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// Half were not longer.
    pub p50_ms: f64,
    /// 90 % were not longer.
    pub p90_ms: f64,
    /// 99 % were not longer.
    pub p99_ms: f64,
    /// 99.9 % were not longer.
    pub p999_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl std::fmt::Display for Quantiles {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "p50 {:.3}  p90 {:.3}  p99 {:.3}  p99.9 {:.3}  max {:.3} ms",
            self.p50_ms, self.p90_ms, self.p99_ms, self.p999_ms, self.max_ms
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_thousandth() {
        let mut latency = Latency::default();
        for micros in 1..=10_000 {
            latency.record(Duration::from_micros(micros));
        }
        let told = latency.quantiles();
        for (told, exact) in
            [(told.p50_ms, 5.0), (told.p99_ms, 9.9), (told.p999_ms, 9.99), (told.max_ms, 10.0)]
        {
            assert!((told - exact).abs() <= exact / 1_000.0 + 0.001, "{told} is not {exact}");
        }
    }

    #[test]
    fn what_is_longer_than_the_longest_is_still_counted() {
        let mut latency = Latency::default();
        latency.record(Duration::from_secs(7_200));
        assert_eq!(latency.count(), 1);
        assert!(latency.max() >= LONGEST);
    }
}
