//! A token bucket, kept as the moment at which it would be full again (the generic cell rate
//! algorithm): one number, no rounding that adds up, and nothing to do while time passes. It knows
//! no tenant.

use overtime_protocol::{Monotonic, Rate, RateLimit};
use std::time::Duration;

/// The tokens of one tenant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    /// Nanoseconds in which a token comes back.
    interval_ns: u64,
    full_at: Monotonic,
}

/// However slow a rate is, a token comes back within thirty years.
const INTERVAL_MAX_NS: f64 = 1e18;

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(rate: Rate) -> Self {
        let interval_ns = (1e9 / rate.per_second).clamp(1.0, INTERVAL_MAX_NS).round() as u64;
        let rate = Rate { burst: rate.burst.max(1), ..rate };
        Self { rate, interval_ns, full_at: Monotonic::default() }
    }

    /// The same tokens at another rate, as far as there is room for them.
    pub(crate) fn at_rate(&self, rate: Rate, now: Monotonic) -> Self {
        if rate == self.rate {
            return *self;
        }
        let mut changed = Self::new(rate);
        let missing = self.missing_ns(now).div_ceil(u128::from(self.interval_ns));
        let missing = missing.min(u128::from(changed.rate.burst));
        changed.full_at = now + span(missing * u128::from(changed.interval_ns));
        changed
    }

    /// How long it is until there is a token; nothing if there is one.
    pub(crate) fn until_token(&self, now: Monotonic) -> Duration {
        let room_ns = self.size_ns() - u128::from(self.interval_ns);
        span(self.missing_ns(now).saturating_sub(room_ns))
    }

    /// Takes a token, if there is one.
    pub(crate) fn take(&mut self, now: Monotonic) -> bool {
        let is_there = self.until_token(now).is_zero();
        if is_there {
            self.full_at = self.full_at.max(now) + Duration::from_nanos(self.interval_ns);
        }
        is_there
    }

    /// How much is left, as a caller is told.
    pub(crate) fn limit(&self, now: Monotonic) -> RateLimit {
        let missing_ns = self.missing_ns(now);
        let tokens =
            (self.size_ns() - missing_ns.min(self.size_ns())) / u128::from(self.interval_ns);
        let until_next_ns = missing_ns % u128::from(self.interval_ns);
        let reset = match self.until_token(now) {
            Duration::ZERO => span(until_next_ns),
            wait => wait,
        };
        RateLimit {
            quota: self.rate.burst,
            window_s: seconds(span(self.size_ns())),
            remaining: u32::try_from(tokens).unwrap_or(u32::MAX),
            reset_s: seconds(reset),
        }
    }

    /// How long it is until it is full.
    fn missing_ns(&self, now: Monotonic) -> u128 {
        self.full_at.since(now).as_nanos()
    }

    /// How long it takes to fill it.
    fn size_ns(&self) -> u128 {
        u128::from(self.rate.burst) * u128::from(self.interval_ns)
    }
}

fn span(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Whole seconds, rounded up.
fn seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests;
