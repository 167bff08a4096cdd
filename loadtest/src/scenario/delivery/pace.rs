//! How many calls a second an upstream has answered, without the first and the last tenth of them,
//! when not all are at work.

use crate::upstream::Ledger;
use anyhow::Context;
use std::fmt::{Display, Formatter};
use std::time::Instant;

/// Calls a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace(f64);

impl Pace {
    /// Of the calls that have ended.
    pub(super) fn of(ledger: &Ledger) -> anyhow::Result<Self> {
        let mut ends: Vec<Instant> =
            ledger.calls.iter().filter_map(|call| call.ended.map(|(at, _)| at)).collect();
        ends.sort_unstable();
        let tenth = ends.len() / 10;
        let middle = ends.get(tenth..ends.len() - tenth).filter(|middle| middle.len() > 1);
        let middle = middle.context("there were too few calls to tell how many a second")?;
        let span = (middle[middle.len() - 1] - middle[0]).as_secs_f64();
        Ok(Self((middle.len() - 1) as f64 / span))
    }

    /// How many times the other.
    pub(super) fn share_of(&self, other: &Self) -> f64 {
        self.0 / other.0
    }
}

impl Display for Pace {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:.0}/s", self.0)
    }
}

/// The one in the middle.
pub(super) fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::CallEnd;
    use std::time::Duration;

    #[test]
    fn the_first_and_the_last_tenth_do_not_count() {
        let (mut ledger, begun) = (Ledger::default(), Instant::now());
        // One every 10 ms, but for those at the ends, which are far away.
        for number in 0..40_u64 {
            let far = match number {
                0..4 => 0,
                36.. => 100_000,
                _ => 10_000,
            };
            let call = ledger.begin(None, b"", begun);
            let at = begun + Duration::from_millis(far + number * 10);
            ledger.end(call, CallEnd::Answered(200), at);
        }
        let pace = Pace::of(&ledger).unwrap();
        assert!((pace.0 - 100.0).abs() < 1e-6, "{pace}");
        assert!(Pace::of(&Ledger::default()).is_err());
        assert_eq!(Pace(50.0).share_of(&Pace(100.0)), 0.5);
    }

    #[test]
    fn a_median_is_one_of_the_figures() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert!(median([].into_iter()).is_nan());
    }
}
