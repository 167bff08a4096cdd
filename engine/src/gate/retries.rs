//! The retries at an upstream: while first attempts wait for it, or it is not well, a tenth as many
//! retries as first attempts start, and one a second at least. It counts, and does not know whether
//! it has to be asked.

use super::Start;
use crate::bucket::Bucket;
use overtime_protocol::{Monotonic, Rate};

/// What a first attempt earns.
const EARNED: f64 = 0.1;
/// The most that is put by.
const EARNED_MAX: f64 = 10.0;
const AT_LEAST: Rate = Rate { per_second: 1.0, burst: 1 };
/// After so many starts the older ones count half, so that what is shown is about now.
const SHOWN: u32 = 1_000;

/// What retries may take.
#[derive(Debug)]
pub(super) struct Retries {
    earned: f64,
    at_least: Bucket,
    firsts: u32,
    retries: u32,
}

impl Retries {
    pub(super) fn new() -> Self {
        Self { earned: 0.0, at_least: Bucket::new(AT_LEAST), firsts: 0, retries: 0 }
    }

    pub(super) fn may_start(&self, now: Monotonic) -> bool {
        self.earned >= 1.0 || self.at_least.until_token(now).is_zero()
    }

    /// When time alone lets one start.
    pub(super) fn next_opening(&self, now: Monotonic) -> Option<Monotonic> {
        (!self.may_start(now)).then(|| now + self.at_least.until_token(now))
    }

    /// One starts. A retry pays from both, so that the two do not add up.
    pub(super) fn note(&mut self, start: Start, now: Monotonic) {
        match start {
            Start::First => {
                self.earned = (self.earned + EARNED).min(EARNED_MAX);
                self.firsts += 1;
            }
            Start::Retry => {
                self.earned = (self.earned - 1.0).max(0.0);
                self.at_least.take(now);
                self.retries += 1;
            }
        }
        if self.firsts + self.retries > SHOWN {
            self.firsts /= 2;
            self.retries /= 2;
        }
    }

    /// The retries among the starts of late.
    pub(super) fn share(&self) -> f64 {
        f64::from(self.retries) / f64::from((self.firsts + self.retries).max(1))
    }
}
