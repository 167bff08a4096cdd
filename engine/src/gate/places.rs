//! The places at an upstream: how many calls may be out at a time. There is a bulkhead, always; below
//! it they are halved when the upstream says that it is busy and come back one by one as it answers
//! (additive increase, multiplicative decrease). That calls are slow takes none away: how bad that is
//! is for the cohort to say, and fewer places would leave it fewer calls to say it by. It does not
//! know what the calls are.

use overtime_protocol::Monotonic;
use std::time::Duration;

/// How long it is left alone if it does not say.
const PAUSE: Duration = Duration::from_secs(1);
/// However long it asks for: a 429 may speak for one caller's day, and whoever asks again is told again.
const PAUSE_MAX: Duration = Duration::from_mins(5);

/// The places at one upstream.
#[derive(Debug)]
pub(super) struct Places {
    /// The bulkhead.
    max: usize,
    /// What is left of it.
    left: f64,
    halved: Option<Monotonic>,
    paused_until: Option<Monotonic>,
}

impl Places {
    pub(super) fn new(max: usize) -> Self {
        let max = max.max(1);
        Self { max, left: max as f64, halved: None, paused_until: None }
    }

    /// How many calls may be out.
    pub(super) fn count(&self) -> usize {
        if self.left >= self.max as f64 { self.max } else { (self.left as usize).max(1) }
    }

    /// Until when it wants to be left alone.
    pub(super) fn paused_until(&self, now: Monotonic) -> Option<Monotonic> {
        self.paused_until.filter(|&until| now < until)
    }

    /// Nobody calls before this.
    pub(super) fn pause_until(&mut self, until: Monotonic) {
        self.paused_until = self.paused_until.max(Some(until));
    }

    /// It is called again, whatever it asked for.
    pub(super) fn go_on(&mut self) {
        self.paused_until = None;
    }

    /// A call was answered in time.
    pub(super) fn answered(&mut self) {
        if self.left < self.max as f64 {
            self.left = (self.left + 1.0 / self.left).min(self.max as f64);
        }
    }

    /// A call that was one of `out` was told to come later. Those that were out together count as one.
    pub(super) fn busy(&mut self, busy: Busy, now: Monotonic) {
        let pause = busy.retry_after.unwrap_or(PAUSE).min(PAUSE_MAX);
        self.pause_until(now + pause);
        if self.halved.is_none_or(|halved| halved <= busy.started) {
            self.halved = Some(now);
            self.left = (self.left.min(busy.out as f64) / 2.0).max(1.0);
        }
    }
}

/// A call that was told to come later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Busy {
    pub(super) started: Monotonic,
    pub(super) out: usize,
    pub(super) retry_after: Option<Duration>,
}
