//! The pace: how large chunks are. A chunk is sized by how long the journal takes for it, so that
//! bulk never stands long in front of a single call, however fast the disk is.

use std::time::Duration;

/// What a chunk weighs at least and at most, in bytes.
const WEIGHT_MIN: usize = 16 * 1024;
const WEIGHT_MAX: usize = 128 * 1024;

/// How long the journal is to take from the sending of a chunk to its ruling.
const RULING_AIM: Duration = Duration::from_millis(2);

/// When a chunk is large enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// The weight at which a chunk is closed, in bytes.
    pub(crate) weight: usize,
    /// The items at which it is closed.
    pub(crate) items: usize,
    /// How long items are run for one chunk: what a crash, a yield or a stop may cost.
    pub(crate) span: Duration,
    /// How long a run that may not call keeps its worker for that: others can use it meanwhile.
    pub(crate) patience: Duration,
    /// How long rulings took of late.
    took: Duration,
}

impl Default for Pace {
    /// About 128 small items to begin with.
    fn default() -> Self {
        Self {
            weight: 64 * 1024,
            items: 4096,
            span: Duration::from_millis(50),
            patience: Duration::from_secs(2),
            took: RULING_AIM,
        }
    }
}

impl Pace {
    /// A ruling took this long.
    pub(super) fn ruled(&mut self, took: Duration) {
        self.took = (3 * self.took + took) / 4;
        let aim = RULING_AIM.as_secs_f64() / self.took.as_secs_f64().max(1e-6);
        // In small steps: a chunk's size shows in its own ruling only.
        let weight = self.weight as f64 * aim.clamp(0.5, 1.25);
        self.weight = (weight as usize).clamp(WEIGHT_MIN, WEIGHT_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_grow_while_rulings_are_quick_and_shrink_when_they_are_slow() {
        let mut pace = Pace::default();
        (0..50).for_each(|_| pace.ruled(Duration::from_millis(1)));
        assert_eq!(pace.weight, WEIGHT_MAX);
        (0..50).for_each(|_| pace.ruled(Duration::from_millis(40)));
        assert_eq!(pace.weight, WEIGHT_MIN);
        (0..50).for_each(|_| pace.ruled(Duration::ZERO));
        assert_eq!(pace.weight, WEIGHT_MAX);
    }
}
