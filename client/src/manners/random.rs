//! Chance that a seed decides (SplitMix64), so that a run can be repeated. Never for secrets.

use std::time::Duration;

/// A stream of numbers.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream of that seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Any span from nothing to `most`.
    pub fn up_to(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let scaled = u128::from(self.next_u64()) * (u128::from(most) + 1);
        Duration::from_nanos((scaled >> 64) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_stream_and_a_bound_is_kept() {
        let (mut first, mut second) = (Random::new(7), Random::new(7));
        let most = Duration::from_millis(3);
        for _ in 0..1000 {
            let span = first.up_to(most);
            assert!(span <= most && span == second.up_to(most));
        }
        assert_eq!(first.up_to(Duration::ZERO), Duration::ZERO);
    }
}
