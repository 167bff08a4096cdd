//! Time as the client sees it: one clock that it reads and sleeps by, so that a test can let hours
//! pass. It never decides how long.

use overtime_protocol::Monotonic;
use std::thread;
use std::time::{Duration, Instant};

/// A clock to read and to sleep by.
pub trait Clock: Send + Sync {
    /// The time since some moment that stays the same.
    fn now(&self) -> Monotonic;

    /// Returns when that much time has passed.
    fn sleep(&self, span: Duration);
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    zero: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { zero: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Monotonic {
        Monotonic(0) + self.zero.elapsed()
    }

    fn sleep(&self, span: Duration) {
        if !span.is_zero() {
            thread::sleep(span);
        }
    }
}
