//! Chance that can be had again: a seed decides where faults strike.

/// A stream of numbers (SplitMix64).
pub(crate) struct Chance(u64);

impl Chance {
    /// The stream of `OVERTIME_FAULTS_SEED`, or of 1; said so that a failure can be repeated.
    pub(crate) fn from_environment() -> Self {
        let seed = number("OVERTIME_FAULTS_SEED", 1);
        println!("OVERTIME_FAULTS_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of `1..=most`.
    pub(crate) fn up_to(&mut self, most: u64) -> u64 {
        1 + self.next() % most
    }
}

/// A number from the environment, or its default.
pub(crate) fn number(name: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(name) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}"))
}
