//! A bar: a figure, and what it has to be for a run to pass.

use crate::crowd::LATE_MAX;
use crate::verdict::Verdict;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt::{Display, Formatter};

const GENERATOR_LATE: &str = "generator late by itself at p99, ms (above it the run is void)";
/// How the name of a figure ends without which the others say nothing.
const VOID: &str = "(above it the run is void)";

/// Which side of its limit a figure has to be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Not above it.
    AtMost,
    /// Not below it.
    AtLeast,
}

/// One bar.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Bar {
    /// What is measured.
    pub figure: String,
    /// What was found.
    #[serde(deserialize_with = "or_infinite")]
    pub found: f64,
    /// Which side it has to be on.
    pub side: Side,
    /// Of what.
    pub limit: f64,
    /// Whether it is.
    pub is_met: bool,
}

impl Bar {
    /// `found` must not be above `limit`.
    pub fn at_most(figure: impl Into<String>, found: f64, limit: f64) -> Self {
        let is_met = found <= limit;
        Self { figure: figure.into(), found, side: Side::AtMost, limit, is_met }
    }

    /// `found` must not be below `limit`.
    pub fn at_least(figure: impl Into<String>, found: f64, limit: f64) -> Self {
        let is_met = found >= limit;
        Self { figure: figure.into(), found, side: Side::AtLeast, limit, is_met }
    }

    /// How late the generator was by its own fault at the 99th percentile, in milliseconds. If it was
    /// too late, the run says nothing about the server.
    pub fn generator_late(p99_ms: f64) -> Self {
        Self::at_most(GENERATOR_LATE, p99_ms, LATE_MAX.as_secs_f64() * 1e3)
    }

    /// Whether a run that missed this bar is void.
    pub fn tells_whether_void(&self) -> bool {
        self.figure.ends_with(VOID)
    }

    /// `count` of something must be 0.
    pub fn none(figure: impl Into<String>, count: u64) -> Self {
        Self::at_most(figure, count as f64, 0.0)
    }
}

impl Bar {
    /// What was found and what it had to be.
    pub fn told(&self) -> String {
        let side = match self.side {
            Side::AtMost => "at most",
            Side::AtLeast => "at least",
        };
        let (found, limit) = (plain(self.found), plain(self.limit));
        format!("{}: {found} ({side} {limit})", self.figure)
    }
}

impl Display for Bar {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let verdict = if self.is_met { "met   " } else { "MISSED" };
        write!(out, "{verdict} {}", self.told())
    }
}

/// Whole numbers without decimals, others with two.
fn plain(figure: f64) -> String {
    if figure.fract() == 0.0 { format!("{figure:.0}") } else { format!("{figure:.2}") }
}

/// JSON has no number for what never came: it is null there.
fn or_infinite<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let found: Option<f64> = Option::deserialize(deserializer)?;
    Ok(found.unwrap_or(f64::INFINITY))
}

/// Whether all bars are met.
pub fn verdict(bars: &[Bar]) -> Verdict {
    Verdict::of(bars.iter().all(|bar| bar.is_met))
}

/// Writes a line for each bar.
pub fn write_bars(out: &mut Formatter<'_>, bars: &[Bar]) -> std::fmt::Result {
    bars.iter().try_for_each(|bar| writeln!(out, "{bar}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_at_its_limit_is_met() {
        let bars = [Bar::at_most("a", 1.5, 1.5), Bar::at_least("b", 100.0, 100.0)];
        assert_eq!(verdict(&bars), Verdict::Met);
        assert_eq!(bars[0].to_string(), "met    a: 1.50 (at most 1.50)");
    }

    #[test]
    fn one_bar_missed_is_a_run_missed() {
        let bars = [Bar::none("errors", 0), Bar::none("lost", 2)];
        assert_eq!(verdict(&bars), Verdict::Missed);
        assert_eq!(bars[1].to_string(), "MISSED lost: 2 (at most 0)");
    }

    #[test]
    fn a_late_generator_makes_a_run_void_and_a_punctual_one_does_not() {
        let late = Bar::generator_late(5.1);
        assert!(late.tells_whether_void() && !late.is_met);
        assert!(Bar::generator_late(5.0).is_met && !Bar::none("lost", 1).tells_whether_void());
    }

    #[test]
    fn what_is_no_number_is_not_met() {
        assert!(!Bar::at_most("a", f64::NAN, 1.0).is_met);
    }
}
