//! Simulated time: it passes when it is told to, and the wall clock can be set to anything.

use overtime_protocol::{Clock, Dial, Monotonic, Now, UnixMillis};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// When a run begins: 2027-01-15T08:00:00Z.
const BEGIN: u64 = 1_800_000_000_000;

/// The time of one run.
pub(crate) struct Time {
    dial: &'static Dial,
    monotonic: AtomicU64,
    /// By how many milliseconds the wall clock is ahead of the monotonic one.
    ahead: AtomicU64,
}

impl Default for Time {
    fn default() -> Self {
        // A clock is a value that threads copy, so what it shows has to stay for ever: 16 bytes a run.
        let dial = Box::leak(Box::default());
        let time = Self { dial, monotonic: AtomicU64::new(0), ahead: AtomicU64::new(BEGIN) };
        time.show();
        time
    }
}

impl Time {
    /// A clock that shows this time.
    pub(crate) fn clock(&self) -> Clock {
        Clock::of(self.dial)
    }

    /// What the time is.
    pub(crate) fn now(&self) -> Now {
        let monotonic = self.monotonic.load(Relaxed);
        let unix = (monotonic / 1_000_000).saturating_add(self.ahead.load(Relaxed));
        Now { monotonic: Monotonic(monotonic), unix: UnixMillis(unix) }
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, span: Duration) {
        let span = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        self.monotonic.fetch_add(span, Relaxed);
        self.show();
    }

    /// Sets the wall clock forwards, or backwards if `span_ms` is below zero.
    pub(crate) fn jump(&self, span_ms: i64) {
        let ahead = self.ahead.load(Relaxed).saturating_add_signed(span_ms);
        self.ahead.store(ahead, Relaxed);
        self.show();
    }

    fn show(&self) {
        self.dial.set(self.now());
    }
}
