//! What the server says of its own lanes: how long attempts took from standing there to the first
//! step of their handler. Its buckets are all there is, so what is told is the limit of one.

use crate::metrics::{Metrics, quantile_between};
use serde::Serialize;

/// The histogram that is read.
const NAME: &str = "overtime_lane_start_seconds";
/// The lanes that are told of, if anything started there.
const LANES: [&str; 4] = ["control", "interactive", "bulk", "background"];

/// The starts of one lane.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Starts {
    pub(super) lane: &'static str,
    pub(super) count: u64,
    /// Half took no longer.
    pub(super) p50_ms: f64,
    /// 99 % took no longer.
    pub(super) p99_ms: f64,
}

/// What started between two readings.
pub(super) fn between(before: &Metrics, after: &Metrics) -> anyhow::Result<Vec<Starts>> {
    let mut lanes = Vec::new();
    for lane in LANES {
        let label = format!("lane=\"{lane}\"");
        let before = before.buckets_of(NAME, &label)?;
        let after = after.buckets_of(NAME, &label)?;
        let total = |buckets: &[(f64, f64)]| buckets.last().map_or(0.0, |(_, count)| *count);
        let at_ms = |quantile| quantile_between(&before, &after, quantile).map(|limit| limit * 1e3);
        if let (Some(p50_ms), Some(p99_ms)) = (at_ms(0.5), at_ms(0.99)) {
            let count = (total(&after) - total(&before)) as u64;
            lanes.push(Starts { lane, count, p50_ms, p99_ms });
        }
    }
    Ok(lanes)
}
