//! What became of slow clients, counted for each habit.

use super::habit::{Habit, Limits};
use crate::latency::{Latency, Quantiles};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// How an end may lie behind its limit: a server looks at its clocks now and then, and its answer
/// has to get here.
const TOLERANCE: Duration = Duration::from_secs(3);

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With an answer of that status.
    Answered(u16),
    /// Without a word.
    HungUp,
    /// Not at all: it was still open when nobody looked any longer.
    Open,
    /// The answer that nobody read was there to its end: the server had not given it up.
    Whole,
}

/// The counters of one habit.
#[derive(Clone, Debug, Default)]
pub(super) struct Toll {
    pub(super) opened: u64,
    pub(super) answered: BTreeMap<u16, u64>,
    pub(super) hung_up: u64,
    /// Closed later than its limit, or not at all though the limit had passed.
    pub(super) overdue: u64,
    pub(super) ages: Latency,
}

/// All habits.
pub(super) type Tolls = BTreeMap<Habit, Toll>;

/// The numbers to tell of one habit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct TollSummary {
    pub(super) habit: Habit,
    pub(super) limit_seconds: f64,
    pub(super) opened: u64,
    pub(super) answered: BTreeMap<u16, u64>,
    pub(super) hung_up: u64,
    pub(super) overdue: u64,
    pub(super) age: Quantiles,
}

impl Toll {
    /// A connection of `habit` has ended at that age.
    pub(super) fn end(&mut self, how: End, age: Duration, limit: Duration) {
        match how {
            End::Answered(status) => *self.answered.entry(status).or_default() += 1,
            End::HungUp => self.hung_up += 1,
            End::Open | End::Whole => {}
        }
        if matches!(how, End::Answered(_) | End::HungUp) {
            self.ages.record(age);
        }
        self.overdue += u64::from(how == End::Whole || age > limit + TOLERANCE);
    }

    /// How many were closed.
    #[cfg(test)]
    pub(super) fn closed(&self) -> u64 {
        self.ages.count()
    }
}

impl TollSummary {
    pub(super) fn all(tolls: &Tolls, limits: &Limits) -> Vec<Self> {
        let one = |(habit, toll): (&Habit, &Toll)| Self {
            habit: *habit,
            limit_seconds: limits.of(*habit).as_secs_f64(),
            opened: toll.opened,
            answered: toll.answered.clone(),
            hung_up: toll.hung_up,
            overdue: toll.overdue,
            age: toll.ages.quantiles(),
        };
        tolls.iter().map(one).collect()
    }

    pub(super) fn closed(&self) -> u64 {
        self.hung_up + self.answered.values().sum::<u64>()
    }

    /// With which words they were closed.
    pub(super) fn told(&self) -> String {
        let mut told: Vec<String> =
            self.answered.iter().map(|(status, count)| format!("{status}: {count}")).collect();
        if self.hung_up > 0 {
            told.push(format!("without a word: {}", self.hung_up));
        }
        told.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_outlives_its_limit_is_overdue_closed_or_not() {
        let (limit, mut toll) = (Duration::from_secs(10), Toll::default());
        toll.end(End::Answered(408), Duration::from_secs(10), limit);
        toll.end(End::HungUp, Duration::from_secs(12), limit);
        toll.end(End::Open, Duration::from_secs(9), limit);
        assert_eq!((toll.closed(), toll.overdue, toll.ages.count()), (2, 0, 2));
        toll.end(End::HungUp, Duration::from_secs(14), limit);
        toll.end(End::Open, Duration::from_secs(14), limit);
        assert_eq!((toll.closed(), toll.overdue), (3, 2));
        toll.end(End::Whole, Duration::ZERO, limit);
        assert_eq!((toll.closed(), toll.overdue), (3, 3));
    }
}
