//! The engine's only source of chance: SplitMix64 (Steele, Lea, Flood 2014), so that a run can be
//! replayed from one number, whatever version of whatever library is linked.

use std::time::Duration;

/// A stream of numbers that a seed decides.
#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which must not be zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A span from zero up to `max`: full jitter.
    pub(crate) fn jitter(&mut self, max: Duration) -> Duration {
        let max_ns = u64::try_from(max.as_nanos()).unwrap_or(u64::MAX - 1);
        Duration::from_nanos(self.below(max_ns + 1))
    }

    /// The span times a factor from 1 to 1.5, so that those who are told to come back do not all
    /// come back at once.
    pub(crate) fn stretch(&mut self, span: Duration) -> Duration {
        span + self.jitter(span / 2)
    }
}
