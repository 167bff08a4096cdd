//! Credits: how many workers each lane may keep busy.
//!
//! `control` and `interactive` share the foreground workers; neither may take what the other's
//! floor needs. `bulk` and `background` have workers of their own, which are floor and ceiling
//! at once: a lowered scheduling priority cannot be raised again without privilege, so a thread
//! cannot serve both sides. A foreground worker for which a spare stands in is nobody's.

use overtime_protocol::{Lane, PerLane};

/// How many workers there are for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanePlan {
    /// Workers for `control` and `interactive`.
    pub foreground: usize,
    /// The most of them, those included that are hired while others are held for long. If it is no
    /// more than `foreground`, nobody is hired.
    pub foreground_max: usize,
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
            foreground_max: foreground,
            control_floor: (foreground / 10).min(4),
            interactive_floor: foreground / 2,
            bulk: processors.max(2),
            background: (foreground / 4).max(1),
            brief: processors,
        }
    }

    /// The same with as many foreground workers as that, those included that are hired while others
    /// are held for long.
    #[must_use]
    pub fn up_to(self, foreground_max: usize) -> Self {
        Self { foreground_max, ..self }
    }

    /// How many spares there may be.
    pub fn spares(&self) -> usize {
        self.foreground_max.saturating_sub(self.foreground)
    }

    /// How many foreground workers one tenant may hold for long while there are others.
    pub(crate) fn share_of_one(&self) -> u32 {
        let half = self.foreground.max(self.foreground_max) / 2;
        u32::try_from(half.max(1)).unwrap_or(u32::MAX)
    }

    /// How many workers are kept for a lane.
    pub fn floor(&self, lane: Lane) -> usize {
        match lane {
            Lane::Control => self.control_floor,
            Lane::Interactive => self.interactive_floor,
            Lane::Bulk => self.bulk,
            Lane::Background => self.background,
        }
    }

    /// How many workers a lane may keep busy at most.
    pub fn ceiling(&self, lane: Lane) -> usize {
        match lane {
            Lane::Control => self.foreground - self.interactive_floor,
            Lane::Interactive => self.foreground - self.control_floor,
            Lane::Bulk => self.bulk,
            Lane::Background => self.background,
        }
    }

    /// All workers, without spares.
    pub fn workers(&self) -> usize {
        self.foreground + self.bulk + self.background
    }
}

/// Who is busy for whom.
#[derive(Debug)]
pub(crate) struct Credits {
    plan: LanePlan,
    running: PerLane<usize>,
    /// Foreground workers beside those of the plan.
    spares: usize,
    /// Foreground workers that are busy and charged to no lane: a spare stands in for each.
    charged: usize,
}

impl Credits {
    pub(crate) fn new(plan: LanePlan) -> Self {
        Self { plan, running: PerLane::default(), spares: 0, charged: 0 }
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

    pub(crate) fn plan(&self) -> &LanePlan {
        &self.plan
    }

    /// A spare stands in for one that is busy for `lane`, which has that place again.
    pub(crate) fn charge(&mut self, lane: Lane) {
        debug_assert!(self.idle_spares() > 0, "nobody is there to stand in");
        self.give_back(lane);
        self.charged += 1;
    }

    /// One for which a spare stood in has come to its end.
    pub(crate) fn end_charge(&mut self) {
        debug_assert!(self.charged > 0, "no spare stands in for anybody");
        self.charged = self.charged.saturating_sub(1);
    }

    /// One more spare is there.
    pub(crate) fn hire(&mut self) {
        debug_assert!(self.spares < self.plan.spares(), "more spares than there may be");
        self.spares += 1;
    }

    /// So many spares go, which stand in for nobody.
    pub(crate) fn retire(&mut self, count: usize) {
        debug_assert!(count <= self.idle_spares(), "a spare goes that is needed");
        self.spares = self.spares.saturating_sub(count);
    }

    pub(crate) fn spares(&self) -> usize {
        self.spares
    }

    pub(crate) fn charged(&self) -> usize {
        self.charged
    }

    /// Spares that stand in for nobody.
    pub(crate) fn idle_spares(&self) -> usize {
        self.spares.saturating_sub(self.charged)
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
    use crate::seed::Seed;
    use overtime_protocol::LANES;

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

    /// Whatever is taken, given back, charged, hired and retired in whatever order: nobody has the
    /// floor of another, and there is a worker for each that is busy.
    #[test]
    fn no_order_of_events_takes_a_floor() {
        for seed in 0..300 {
            let mut chance = Seed::new(seed);
            let (workers, more) = (1 + chance.below(12) as usize, chance.below(12) as usize);
            let plan = LanePlan::new(workers, 2).up_to(workers + more);
            let mut credits = Credits::new(plan);
            for _ in 0..500 {
                step(&mut credits, &mut chance);
                check(&credits);
            }
        }
    }

    fn step(credits: &mut Credits, chance: &mut Seed) {
        let lane = LANES[chance.below(4) as usize];
        let shares = matches!(lane, Lane::Control | Lane::Interactive);
        match chance.below(8) {
            0..3 if credits.has_room(lane) => credits.take(lane),
            3 if credits.running(lane) > 0 => credits.give_back(lane),
            4 if shares && credits.running(lane) > 0 && credits.idle_spares() > 0 => {
                credits.charge(lane);
            }
            5 if credits.charged() > 0 => credits.end_charge(),
            6 if credits.spares() < credits.plan().spares() => credits.hire(),
            7 => credits.retire(chance.below(1 + credits.idle_spares() as u64) as usize),
            _ => {}
        }
    }

    fn check(credits: &Credits) {
        let plan = credits.plan();
        let running = |lane| credits.running(lane);
        let busy = running(Lane::Control) + running(Lane::Interactive) + credits.charged();
        assert!(busy <= plan.foreground + credits.spares(), "more are busy than there are");
        for lane in LANES {
            let has_its_floor = running(lane) >= plan.floor(lane) || credits.has_room(lane);
            // Of one worker nobody can have half.
            assert!(has_its_floor, "{lane:?} has not its floor: {credits:?}");
            assert!(running(lane) <= plan.ceiling(lane), "{lane:?} is over its ceiling");
        }
    }
}
