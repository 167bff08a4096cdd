//! The way back: a ramp from a tenth to everything over ten seconds, in places and in starts a
//! second. What it leads up to is twice the pace before the upstream was shed, because what was held
//! meanwhile wants to catch up and because a ramp to just that pace would be through later than it has
//! to. It does not judge what comes back.

use overtime_protocol::Monotonic;
use std::time::Duration;

/// How long it takes.
pub(super) const RAMP: Duration = Duration::from_secs(10);
const FIRST_SHARE: f64 = 0.1;
const HEADROOM: f64 = 2.0;
/// Starts a second that any upstream is trusted with, however seldom it was called.
const PACE_MIN: f64 = 10.0;
/// Starts may be so late that they go together: a caller's clock ticks in milliseconds.
const TOGETHER: Duration = Duration::from_millis(20);

/// An upstream on its way back.
#[derive(Debug)]
pub(super) struct Ramp {
    began: Monotonic,
    per_second: f64,
    next_start: Monotonic,
    /// Its calls that are out.
    out: usize,
}

impl Ramp {
    /// `pace` is how many calls a second started before it was shed.
    pub(super) fn new(began: Monotonic, pace: f64) -> Self {
        Self { began, per_second: HEADROOM * pace.max(PACE_MIN), next_start: began, out: 0 }
    }

    pub(super) fn ends_at(&self) -> Monotonic {
        self.began + RAMP
    }

    fn share(&self, now: Monotonic) -> f64 {
        let way = now.since(self.began).as_secs_f64() / RAMP.as_secs_f64();
        (FIRST_SHARE + (1.0 - FIRST_SHARE) * way).min(1.0)
    }

    /// Whether one of `places` is free for it.
    pub(super) fn has_place(&self, places: usize, now: Monotonic) -> bool {
        (self.out as f64) < places as f64 * self.share(now)
    }

    /// When the next call may start as far as its pace goes.
    pub(super) fn next_start(&self) -> Monotonic {
        self.next_start
    }

    pub(super) fn start(&mut self, now: Monotonic) {
        self.out += 1;
        let earliest = Monotonic(now.0.saturating_sub(TOGETHER.as_nanos() as u64));
        let interval = Duration::from_secs_f64(1.0 / (self.per_second * self.share(now)));
        self.next_start = self.next_start.max(earliest) + interval;
    }

    pub(super) fn end(&mut self) {
        self.out = self.out.saturating_sub(1);
    }
}

/// A slot of the pace.
const SLOT: Duration = Duration::from_secs(10);
/// The slots that are remembered.
const SLOTS: usize = 6;

/// How many calls started of late: the most in ten seconds of the last minute, because an upstream
/// that hangs has fewer and fewer places for calls to start in.
#[derive(Debug, Default)]
pub(super) struct Pace([(u64, u32); SLOTS]);

impl Pace {
    pub(super) fn note(&mut self, now: Monotonic) {
        let slot = Self::slot(now);
        let (of, starts) = &mut self.0[(slot % SLOTS as u64) as usize];
        *starts = if *of == slot { starts.saturating_add(1) } else { 1 };
        *of = slot;
    }

    /// Starts a second.
    pub(super) fn per_second(&self, now: Monotonic) -> f64 {
        let slot = Self::slot(now);
        let known = self.0.iter().filter(|(of, _)| slot - of < SLOTS as u64);
        let most = known.map(|&(_, starts)| starts).max().unwrap_or_default();
        f64::from(most) / SLOT.as_secs_f64()
    }

    fn slot(now: Monotonic) -> u64 {
        now.0 / SLOT.as_nanos() as u64
    }
}
