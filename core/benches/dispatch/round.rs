//! One run: what it is asked for, when its requests are due, and what it has found. It reads no
//! clock but for its start.

use hdrhistogram::Histogram;
use std::ops::AddAssign;
use std::time::{Duration, Instant};

/// A request that is sent later than this after it was due is told as late.
const LATE: Duration = Duration::from_millis(1);
/// Longer than anything here takes; what is longer still is counted as this.
const LONGEST: Duration = Duration::from_secs(60);

/// Its multiples are spread evenly over a thousand.
const GOLDEN: u64 = 617;

/// What a run is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) per_second: u32,
    pub(crate) connections: usize,
    pub(crate) payload_bytes: usize,
    pub(crate) span: Duration,
}

/// When requests are due: evenly from the start, whatever becomes of them.
#[derive(Debug)]
pub(crate) struct Schedule {
    start: Instant,
    per_second: u32,
    taken: u32,
    count: u32,
}

impl Schedule {
    /// At least one request, the first of them at once.
    pub(crate) fn start(load: Load) -> Self {
        let count = (load.span.as_secs_f64() * f64::from(load.per_second)) as u32;
        Self { start: Instant::now(), per_second: load.per_second, taken: 0, count: count.max(1) }
    }

    /// When the next request is due; `None` once all are taken.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let nanos = u64::from(self.taken) * 1_000_000_000 / u64::from(self.per_second);
        (self.taken < self.count).then(|| self.start + Duration::from_nanos(nanos))
    }

    /// Takes the next request off the schedule if it is due. Returns whether it is late.
    pub(crate) fn take(&mut self, now: Instant) -> Option<bool> {
        let due = self.next_due().filter(|&due| due <= now)?;
        self.taken += 1;
        Some(now - due > LATE)
    }
}

/// Spans in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Spans(pub(crate) Histogram<u64>);

impl Default for Spans {
    fn default() -> Self {
        let longest = u64::try_from(LONGEST.as_nanos()).expect("a minute is no age");
        Self(Histogram::new_with_bounds(1, longest, 3).expect("the bounds are in order"))
    }
}

impl Spans {
    /// A span of which up to so many nanoseconds were cut off. What is cut off of many is anything, so
    /// each gets another share of it back, or no quantile could lie between two whole ones.
    pub(crate) fn record_cut(&mut self, span: Duration, nanos: u64) {
        let share = self.0.len().wrapping_mul(GOLDEN) % nanos;
        self.record(span + Duration::from_nanos(share));
    }

    pub(crate) fn record(&mut self, span: Duration) {
        self.0.saturating_record(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
    }
}

impl AddAssign<&Spans> for Spans {
    fn add_assign(&mut self, other: &Self) {
        self.0 += &other.0;
    }
}

/// What a run has found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    /// From a request being complete to its handler's start.
    pub(crate) dispatch: Spans,
    /// From a handler's end to its answer being written.
    pub(crate) back: Spans,
    /// Requests that were sent late: the load was not what was asked for.
    pub(crate) late: u64,
    /// Requests that were not answered with a result.
    pub(crate) refused: u64,
}
