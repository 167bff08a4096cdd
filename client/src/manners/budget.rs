//! The budget of repetitions: each first attempt earns a small part of one, so that an outage cannot
//! multiply what is sent. It never says when to repeat, only whether.

/// What a repetition costs, in the unit in which the budget counts.
const REPETITION: u64 = 100;

/// How much a budget allows. A budget belongs to a process: where many of them call little, what is
/// there from the start counts once for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Repetitions that are there from the start.
    pub initial: u32,
    /// The most that are ever kept.
    pub most: u32,
    /// How many repetitions a hundred first attempts earn.
    pub percent: u32,
}

impl Default for Allowance {
    /// 10 from the start, at most 100, and one for each 10 first attempts.
    fn default() -> Self {
        Self { initial: 10, most: 100, percent: 10 }
    }
}

/// A bucket of repetitions. Over any time, no more are granted than were in it plus what first
/// attempts earned meanwhile.
#[derive(Clone, Debug)]
pub struct Budget {
    allowance: Allowance,
    /// In hundredths of a repetition.
    level: u64,
}

impl Budget {
    /// A budget as it is at the start.
    pub fn new(allowance: Allowance) -> Self {
        let level = u64::from(allowance.initial.min(allowance.most)) * REPETITION;
        Self { allowance, level }
    }

    /// Counts a first attempt.
    pub fn earn(&mut self) {
        let most = u64::from(self.allowance.most) * REPETITION;
        self.level = (self.level + u64::from(self.allowance.percent)).min(most);
    }

    /// Takes one repetition, if there is one.
    #[must_use]
    pub fn spend(&mut self) -> bool {
        let left = self.level.checked_sub(REPETITION);
        self.level = left.unwrap_or(self.level);
        left.is_some()
    }

    /// How many whole repetitions are left.
    pub fn left(&self) -> u64 {
        self.level / REPETITION
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_first_attempts_earn_one_repetition() {
        let mut budget = Budget::new(Allowance { initial: 0, most: 5, percent: 10 });
        for _ in 0..9 {
            budget.earn();
            assert!(!budget.spend(), "nine tenths are no repetition");
        }
        budget.earn();
        assert!(budget.spend() && !budget.spend());
    }

    #[test]
    fn good_times_do_not_add_up_without_a_bound() {
        let mut budget = Budget::new(Allowance { initial: 2, most: 5, percent: 10 });
        assert_eq!(budget.left(), 2);
        (0..10_000).for_each(|_| budget.earn());
        assert_eq!(budget.left(), 5);
    }
}
