//! Credits: how many workers each lane may keep busy.
//!
//! `control` and `interactive` share the foreground workers; neither may take what the other's
//! floor needs. `bulk` and `background` have workers of their own, which are floor and ceiling
//! at once: a lowered scheduling priority cannot be raised again without privilege, so a thread
//! cannot serve both sides.

use overtime_protocol::{Lane, PerLane};

/// How many workers there are for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanePlan {
    /// Workers for `control` and `interactive`.
    pub foreground: usize,
    /// Of those, kept for `control`.
    pub control_floor: usize,
    /// Of those, kept for `interactive`.
    pub interactive_floor: usize,
    /// Workers for `bulk`.
    pub bulk: usize,
    /// Workers for `background`.
    pub background: usize,
    /// How many chains of attempts that are over at once may be out at a time.
    pub brief: usize,
}

impl LanePlan {
    /// The plan for this many foreground workers on this many processors: four workers kept for
    /// `control` (a tenth of a small pool), half for `interactive`; `bulk`, which computes, gets
    /// two or one a processor; `background` gets a quarter beside.
    pub fn new(workers: usize, processors: usize) -> Self {
        let foreground = workers.max(1);
        Self {
            foreground,
            control_floor: (foreground / 10).min(4),
            interactive_floor: foreground / 2,
            bulk: processors.max(2),
            background: (foreground / 4).max(1),
            brief: processors,
        }
    }

    /// All workers.
    pub fn workers(&self) -> usize {
        self.foreground + self.bulk + self.background
    }
}

/// Who is busy for whom.
#[derive(Debug)]
pub(crate) struct Credits {
    plan: LanePlan,
    running: PerLane<usize>,
}

impl Credits {
    pub(crate) fn new(plan: LanePlan) -> Self {
        Self { plan, running: PerLane::default() }
    }

    pub(crate) fn running(&self, lane: Lane) -> usize {
        self.running[lane]
    }

    /// Whether `lane` may keep one more worker busy.
    pub(crate) fn has_room(&self, lane: Lane) -> bool {
        match lane {
            Lane::Control => self.foreground_room(Lane::Interactive, self.plan.interactive_floor),
            Lane::Interactive => self.foreground_room(Lane::Control, self.plan.control_floor),
            Lane::Bulk => self.running[lane] < self.plan.bulk,
            Lane::Background => self.running[lane] < self.plan.background,
        }
    }

    /// How many workers `lane` may keep busy at most.
    pub(crate) fn limit(&self, lane: Lane) -> usize {
        match lane {
            Lane::Control => self.plan.foreground - self.plan.interactive_floor,
            Lane::Interactive => self.plan.foreground - self.plan.control_floor,
            Lane::Bulk => self.plan.bulk,
            Lane::Background => self.plan.background,
        }
    }

    fn foreground_room(&self, other: Lane, other_floor: usize) -> bool {
        let busy = self.running[Lane::Control] + self.running[Lane::Interactive];
        let kept = other_floor.saturating_sub(self.running[other]);
        busy + kept < self.plan.foreground
    }

    pub(crate) fn take(&mut self, lane: Lane) {
        debug_assert!(self.has_room(lane), "{lane:?} is over its ceiling");
        self.running[lane] += 1;
    }

    pub(crate) fn give_back(&mut self, lane: Lane) {
        debug_assert!(self.running[lane] > 0, "{lane:?} gave back more than it took");
        self.running[lane] = self.running[lane].saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(credits: &mut Credits, lane: Lane) -> usize {
        let mut taken = 0;
        while credits.has_room(lane) {
            credits.take(lane);
            taken += 1;
        }
        taken
    }

    #[test]
    fn nobody_takes_the_floor_of_another() {
        let mut credits = Credits::new(LanePlan::new(200, 2));
        assert_eq!(filled(&mut credits, Lane::Interactive), 196);
        assert_eq!(filled(&mut credits, Lane::Control), 4);
        assert_eq!(filled(&mut credits, Lane::Bulk), 2);
        assert_eq!(filled(&mut credits, Lane::Background), 50);

        let mut credits = Credits::new(LanePlan::new(200, 2));
        assert_eq!(filled(&mut credits, Lane::Control), 100);
        assert_eq!(filled(&mut credits, Lane::Interactive), 100);
    }

    #[test]
    fn a_single_worker_serves_every_foreground_lane() {
        let mut credits = Credits::new(LanePlan::new(1, 1));
        assert!(credits.has_room(Lane::Control));
        assert_eq!(filled(&mut credits, Lane::Interactive), 1);
        assert!(!credits.has_room(Lane::Control));
        credits.give_back(Lane::Interactive);
        assert_eq!(filled(&mut credits, Lane::Control), 1);
    }
}
