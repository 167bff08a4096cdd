//! What the throng itself did: its clients are slow on purpose, but two processors are shared, and
//! what it takes of them nobody else has.

use super::toll::Tolls;
use crate::latency::Latency;
use serde::Serialize;
use std::time::Duration;

/// The counters of one throng.
#[derive(Debug, Default)]
pub(super) struct Toil {
    pub(super) tolls: Tolls,
    /// From the first client to the end of the last.
    pub(super) lasted: Duration,
    /// Processor time of its thread.
    pub(super) cpu: Duration,
    /// How late it did what was due.
    pub(super) late: Latency,
}

/// The numbers to tell of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct ToilSummary {
    pub(super) opened_per_second: f64,
    /// Of one processor.
    pub(super) cpu_percent: f64,
    pub(super) late_p99_ms: f64,
}

impl Toil {
    pub(super) fn summary(&self) -> ToilSummary {
        let seconds = self.lasted.as_secs_f64().max(f64::MIN_POSITIVE);
        let opened: u64 = self.tolls.values().map(|toll| toll.opened).sum();
        ToilSummary {
            opened_per_second: opened as f64 / seconds,
            cpu_percent: 100.0 * self.cpu.as_secs_f64() / seconds,
            late_p99_ms: self.late.at_ms(0.99),
        }
    }
}
