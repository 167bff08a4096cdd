//! How fast tasks are going through, for `Retry-After`.

use crate::limits::{RETRY_AFTER_MAX, RETRY_AFTER_MIN};
use overtime_protocol::{Form, KindId, Monotonic};
use std::time::Duration;

/// The weight of the newest measurement: the last ten or so count.
const NEWEST: f64 = 0.1;
/// The span over which the rate is measured.
const WINDOW: Duration = Duration::from_secs(1);

/// Moving averages, by kind and in all.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Seconds from acceptance to end, by kind and form; `None` before the first end.
    spans: Vec<[Option<f64>; 2]>,
    /// Ends a second.
    rate: f64,
    window_start: Monotonic,
    window_ends: u32,
}

impl Pace {
    pub(crate) fn new(kinds: usize) -> Self {
        let window_start = Monotonic::default();
        Self { spans: vec![[None; 2]; kinds], rate: 0.0, window_start, window_ends: 0 }
    }

    /// A task of `kind`, accepted at `created`, has ended.
    pub(crate) fn ended(
        &mut self,
        (kind, form): (KindId, Form),
        created: Monotonic,
        now: Monotonic,
    ) {
        let span = now.since(created).as_secs_f64();
        let average = &mut self.spans[usize::from(kind.0)][usize::from(form.number())];
        *average = Some(average.map_or(span, |old| old + NEWEST * (span - old)));
        self.went_through(now);
    }

    /// A task has ended that says nothing about how long others of its kind take.
    pub(crate) fn went_through(&mut self, now: Monotonic) {
        self.window_ends += 1;
        let window = now.since(self.window_start);
        if window >= WINDOW {
            self.rate = f64::from(self.window_ends) / window.as_secs_f64();
            (self.window_start, self.window_ends) = (now, 0);
        }
    }

    /// When a task of `kind` that has been there for `age` may be expected to end.
    pub(crate) fn until_end(&self, (kind, form): (KindId, Form), age: Duration) -> Duration {
        let span = self.spans[usize::from(kind.0)][usize::from(form.number())];
        let expected = span.unwrap_or_default();
        bounded(expected - age.as_secs_f64())
    }

    /// How long `queued` tasks take to go through.
    pub(crate) fn until_drained(&self, queued: u64) -> Duration {
        if self.rate > 0.0 { bounded(queued as f64 / self.rate) } else { RETRY_AFTER_MIN }
    }
}

fn bounded(seconds: f64) -> Duration {
    let (min, max) = (RETRY_AFTER_MIN.as_secs_f64(), RETRY_AFTER_MAX.as_secs_f64());
    Duration::from_secs_f64(seconds.clamp(min, max))
}
