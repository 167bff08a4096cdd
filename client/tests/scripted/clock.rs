//! A clock that jumps: whoever sleeps on it is awake at once, and later.

use overtime_client::Clock;
use overtime_protocol::Monotonic;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A clock that moves only when somebody sleeps.
#[derive(Clone, Debug, Default)]
pub(crate) struct JumpingClock(Arc<AtomicU64>);

impl JumpingClock {
    pub(crate) fn seconds(&self) -> f64 {
        self.now().since(Monotonic(0)).as_secs_f64()
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Monotonic {
        Monotonic(self.0.load(Ordering::SeqCst))
    }

    fn sleep(&self, span: Duration) {
        self.0.fetch_add(span.as_nanos() as u64, Ordering::SeqCst);
    }
}
