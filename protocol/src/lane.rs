//! Lanes: the four priority classes.

use std::ops::{Index, IndexMut};

/// A priority class. A task never climbs into a higher one; one that runs for long or that nobody
/// waits for is charged to [`Lane::Background`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Status and cancellation.
    Control,
    /// Single calls.
    Interactive,
    /// Bulk bodies.
    Bulk,
    /// Retries, schedules, polls.
    Background,
}

/// All lanes, highest priority first.
pub const LANES: [Lane; 4] = [Lane::Control, Lane::Interactive, Lane::Bulk, Lane::Background];

impl Lane {
    /// The lane's name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Interactive => "interactive",
            Self::Bulk => "bulk",
            Self::Background => "background",
        }
    }

    /// The lane of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        LANES.into_iter().find(|lane| lane.name() == name)
    }
}

/// One value for each lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerLane<T>(pub [T; 4]);

impl<T> Index<Lane> for PerLane<T> {
    type Output = T;

    fn index(&self, lane: Lane) -> &T {
        &self.0[lane as usize]
    }
}

impl<T> IndexMut<Lane> for PerLane<T> {
    fn index_mut(&mut self, lane: Lane) -> &mut T {
        &mut self.0[lane as usize]
    }
}
