//! Kinds: what a task's handler is called and what the engine must know of it.

use crate::job::Form;
use crate::lane::Lane;
use crate::upstream::UpstreamId;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The name of a kind: `[a-z0-9][a-z0-9._-]{0,63}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindName(Arc<str>);

impl KindName {
    /// The name, if it has the form of one.
    pub fn new(name: &str) -> Option<Self> {
        let starts = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let goes_on = |b: u8| starts(b) || matches!(b, b'.' | b'_' | b'-');
        let bytes = name.as_bytes();
        let well_formed = (1..=64).contains(&bytes.len())
            && starts(bytes[0])
            && bytes.iter().copied().all(goes_on);
        well_formed.then(|| Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The place of a kind in this process's table of kinds. It means nothing in another process: the
/// journal stores names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindId(pub u16);

/// How safe an answer is when it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// A crash may take it back. Only while the caller waits: every 202 is on disk.
    Memory,
    /// Written and synced.
    Disk,
}

impl Durability {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
        }
    }

    /// The number that stands for it on the wire.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The one with that number.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Memory, Self::Disk].get(usize::from(number)).copied()
    }
}

/// How far a handler's effects reach, which decides when its work may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All effects are journal effects: work may start before the acceptance is on disk.
    Journal,
    /// The handler acts outside: work starts once the acceptance is on disk.
    Outside,
}

/// What the engine must know of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name.
    pub name: KindName,
    /// The lane of its single calls.
    pub lane: Lane,
    /// The least durability of its answers.
    pub durability: Durability,
    /// How far its effects reach.
    pub reach: Reach,
    /// When an attempt that ended ephemerally is followed by another.
    pub retry: RetryPolicy,
    /// The upstream that each of its attempts calls once, and each item of its bulk bodies.
    pub upstream: Option<UpstreamId>,
}

/// When an attempt that ended ephemerally is followed by another, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many attempts a task may use before it is parked.
    pub attempts: u32,
    /// The bound of the delay behind the first attempt. Behind the n-th it is n⁴ times that.
    pub first: Duration,
    /// The highest bound of a delay.
    pub max: Duration,
}

impl Default for RetryPolicy {
    /// As patient as Sidekiq: 25 attempts in about three weeks.
    fn default() -> Self {
        Self { attempts: 25, first: Duration::from_secs(2), max: Duration::from_hours(8 * 24) }
    }
}

impl RetryPolicy {
    /// The longest delay behind the n-th attempt. The delay itself is chosen by chance between
    /// nothing and this, so that those who failed together do not come back together.
    pub fn bound(&self, attempt: u32) -> Duration {
        let factor = u128::from(attempt).saturating_pow(4);
        let nanos = self.first.as_nanos().saturating_mul(factor).min(self.max.as_nanos());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Kind {
    /// A kind of single calls whose effects are journal effects and whose answers are on disk.
    ///
    /// # Panics
    /// If `name` has not the form of a kind's name: that is an error of the program.
    pub fn durable(name: &str) -> Self {
        let name = KindName::new(name).expect("a kind is named [a-z0-9][a-z0-9._-]{0,63}");
        Self {
            name,
            lane: Lane::Interactive,
            durability: Durability::Disk,
            reach: Reach::Journal,
            retry: RetryPolicy::default(),
            upstream: None,
        }
    }

    /// The lane of its first attempts.
    pub fn lane_of(&self, form: Form) -> Lane {
        match form {
            Form::Single => self.lane,
            Form::Bulk => Lane::Bulk,
        }
    }

    /// The same kind with answers that need not be on disk while the caller waits.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.durability = Durability::Memory;
        self
    }

    /// The same kind, acting outside: it starts only once its acceptance is on disk.
    #[must_use]
    pub fn acting_outside(mut self) -> Self {
        self.reach = Reach::Outside;
        self
    }

    /// The same kind, each attempt of which calls that upstream: it acts outside, and it starts only
    /// when the upstream may be called.
    #[must_use]
    pub fn calling(mut self, upstream: UpstreamId) -> Self {
        self.upstream = Some(upstream);
        self.acting_outside()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attempts_of_the_usual_policy_take_about_three_weeks() {
        let policy = RetryPolicy::default();
        let bounds: Duration = (1..policy.attempts).map(|attempt| policy.bound(attempt)).sum();
        let mean_days = (bounds / 2).as_secs_f64() / 86_400.0;
        assert!((20.3..20.5).contains(&mean_days), "{mean_days}");
        assert!(policy.bound(policy.attempts - 1) < policy.max, "the cut is for others");
    }

    #[test]
    fn a_bound_grows_with_the_fourth_power_up_to_its_highest() {
        let (first, max) = (Duration::from_millis(100), Duration::from_secs(60));
        let policy = RetryPolicy { first, max, ..RetryPolicy::default() };
        let expected = [(1, 100), (2, 1_600), (3, 8_100), (4, 25_600), (5, 60_000)];
        for (attempt, millis) in expected {
            assert_eq!(policy.bound(attempt), Duration::from_millis(millis));
        }
        let longest = RetryPolicy { first: Duration::MAX, max: Duration::MAX, attempts: u32::MAX };
        assert_eq!(longest.bound(u32::MAX), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn names_follow_the_grammar() {
        let longest = "a".repeat(64);
        for name in ["a", "0", "contacts.upsert", "a_b-c.d", &longest] {
            assert_eq!(KindName::new(name).as_ref().map(KindName::as_str), Some(name));
        }
        let too_long = "a".repeat(65);
        for name in ["", ".a", "-a", "_a", "A", "a b", "a/b", "ä", &too_long] {
            assert_eq!(KindName::new(name), None, "{name}");
        }
    }
}
