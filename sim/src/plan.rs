//! The plan of a run: what the seed decides before anything happens, and what is left out of it
//! when a failure is made smaller.

use crate::drive::Loss;
use crate::weather::{Climate, FaultId, Lie, mix};
use overtime_engine::Seed;
use std::collections::BTreeSet;

/// A run that can be repeated.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What decides everything.
    pub seed: u64,
    /// How many steps there are before the faults stop.
    pub steps: u64,
    /// Steps in which nothing is done.
    pub without_steps: BTreeSet<u64>,
    /// Faults that do not happen.
    pub without_faults: BTreeSet<FaultId>,
    /// How the run is made to go wrong, to see whether that is found out.
    pub lie: Option<Lie>,
}

impl Plan {
    /// All that the seed decides.
    pub fn new(seed: u64) -> Self {
        let (without_steps, without_faults) = (BTreeSet::new(), BTreeSet::new());
        Self { seed, steps: 300, without_steps, without_faults, lie: None }
    }
}

/// What kind of days a seed has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Profile {
    pub(crate) climate: Climate,
    pub(crate) segment_bytes: u64,
    pub(crate) segments: u64,
    pub(crate) workers: usize,
    pub(crate) tasks_max: usize,
    /// In so many of a thousand steps the server crashes …
    pub(crate) crashes: u64,
    /// … or is closed in order.
    pub(crate) closes: u64,
    /// Whether bits on disk change between two lives.
    pub(crate) rots: bool,
    /// Whether the room on the drive comes and goes.
    pub(crate) fills: bool,
}

impl Profile {
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Seed::new(mix(seed, u64::MAX, 1));
        let mut pick = |choices: &[u64]| choices[chance.below(choices.len() as u64) as usize];
        let climate = Climate {
            off: pick(&[0, 0, 500, 2_000]),
            fails: pick(&[0, 0, 0, 300, 1_500]),
            full: pick(&[0, 0, 2_000, 40_000]),
        };
        Self {
            climate,
            segment_bytes: pick(&[16, 16, 32]) * 1024,
            segments: pick(&[3, 4, 8]),
            workers: pick(&[1, 3, 8]) as usize,
            tasks_max: pick(&[20, 60, 60]) as usize,
            crashes: pick(&[0, 5, 10, 30]),
            closes: pick(&[0, 3, 6]),
            rots: pick(&[0, 0, 0, 0, 0, 0, 0, 1]) == 1,
            fills: pick(&[0, 0, 0, 1]) == 1,
        }
    }
}

/// What a crash takes back.
pub(crate) fn loss(chance: &mut Seed) -> Loss {
    [Loss::Nothing, Loss::All, Loss::Some, Loss::Some][chance.below(4) as usize]
}
