//! What refusals cost: a median of many turns for each way, and the floor's beside it.

use super::Options;
use super::way::Way;
use crate::bar::{Bar, write_bars};
use crate::measurement::Summary;
use serde::Serialize;
use std::fmt::{Display, Formatter};

const OVER_FLOOR: f64 = 1.5;

/// One turn of one server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Sample {
    /// Processor time of the server for each answer, in microseconds.
    pub(super) cpu_micros: f64,
    /// Answers that were as they should be.
    pub(super) right: u64,
    /// Whatever else became of requests.
    pub(super) wrong: u64,
    /// How late the generator was at the 99th percentile, in milliseconds.
    pub(super) late_p99_ms: f64,
}

impl Sample {
    /// Of a run with so many answers that were as they should be.
    pub(super) fn of(summary: &Summary, right: u64) -> Self {
        let all = summary.ok + summary.error_count();
        let cpu = summary.costs.server_cpu_seconds.unwrap_or(f64::NAN);
        Self {
            cpu_micros: cpu * 1e6 / right as f64,
            right,
            wrong: all - right,
            late_p99_ms: summary.generator_late_p99_ms.unwrap_or(0.0),
        }
    }
}

/// Turns of the floor and of the one who refuses, one after the other.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Run {
    pub(super) floor: Vec<Sample>,
    pub(super) refused: Vec<Sample>,
}

impl Run {
    /// The ratio of each turn; what disturbs the machine disturbs both of a turn.
    fn ratios(&self) -> impl Iterator<Item = f64> {
        let turns = self.refused.iter().zip(&self.floor);
        turns.map(|(refused, floor)| refused.cpu_micros / floor.cpu_micros)
    }
}

/// The medians, and what each turn was.
impl Display for Run {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let (floor, refused) = (cpu_micros(&self.floor), cpu_micros(&self.refused));
        let ratio = median(self.ratios().collect());
        write!(out, "{refused:>6.2} µs, a bare answer {floor:>6.2} µs: {ratio:.2} times;")?;
        self.ratios().try_for_each(|ratio| write!(out, " {ratio:.2}"))
    }
}

/// A way to be refused, and the floor in turns with it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Contest {
    pub(super) why: Way,
    pub(super) runs: Vec<Run>,
}

impl Contest {
    pub(super) fn new(why: Way) -> Self {
        Self { why, runs: Vec::new() }
    }

    fn ratios(&self) -> Vec<f64> {
        self.runs.iter().flat_map(Run::ratios).collect()
    }

    /// The median of the ratios of all turns.
    pub(super) fn ratio(&self) -> f64 {
        median(self.ratios())
    }

    /// All turns of the one who refuses.
    pub(super) fn refused(&self) -> Vec<Sample> {
        self.runs.iter().flat_map(|run| run.refused.iter().copied()).collect()
    }

    /// All turns of the floor.
    pub(super) fn floor(&self) -> Vec<Sample> {
        self.runs.iter().flat_map(|run| run.floor.iter().copied()).collect()
    }

    fn wrong(&self) -> u64 {
        self.floor().iter().chain(&self.refused()).map(|sample| sample.wrong).sum()
    }

    fn bars(&self) -> [Bar; 2] {
        let why = self.why;
        [
            Bar::at_most(
                format!("{why}: processor time / a bare answer's"),
                self.ratio(),
                OVER_FLOOR,
            ),
            Bar::none(format!("{why}: requests that were not refused like that"), self.wrong()),
        ]
    }
}

impl Display for Contest {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let mut ratios = self.ratios();
        ratios.sort_by(f64::total_cmp);
        let at = |part: usize| ratios.get(ratios.len() * part / 4).copied().unwrap_or(f64::NAN);
        write!(
            out,
            "{:<12} {:>6.2} µs, a bare answer {:>6.2} µs: {:.2} times (half of {} turns {:.2} to {:.2})",
            self.why,
            cpu_micros(&self.refused()),
            cpu_micros(&self.floor()),
            self.ratio(),
            ratios.len(),
            at(1),
            at(3)
        )
    }
}

/// The median of several turns.
pub(super) fn cpu_micros(samples: &[Sample]) -> f64 {
    median(samples.iter().map(|sample| sample.cpu_micros).collect())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let upper = figures.len() / 2;
    match figures.len() {
        0 => f64::NAN,
        count if count.is_multiple_of(2) => f64::midpoint(figures[upper - 1], figures[upper]),
        _ => figures[upper],
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    rate: u32,
    connections: usize,
    pub(super) refusals: Vec<Contest>,
    pub(super) bars: Vec<Bar>,
}

impl Report {
    pub(super) fn new(options: &Options, refusals: Vec<Contest>) -> Self {
        Self {
            rate: options.rate.get(),
            connections: options.connections,
            bars: refusals.iter().flat_map(Contest::bars).collect(),
            refusals,
        }
    }
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(
            out,
            "processor time of the server for a refused request, {} a second over {} connections\n",
            self.rate, self.connections
        )?;
        for contest in &self.refusals {
            writeln!(out, "{contest}")?;
        }
        writeln!(out)?;
        write_bars(out, &self.bars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(cpu_micros: &[f64]) -> Vec<Sample> {
        cpu_micros
            .iter()
            .map(|cpu_micros| Sample { cpu_micros: *cpu_micros, ..Sample::default() })
            .collect()
    }

    fn run(refused: &[f64], floor: &[f64]) -> Run {
        Run { floor: samples(floor), refused: samples(refused) }
    }

    #[test]
    fn the_ratio_is_the_median_of_the_turns() {
        let runs = vec![run(&[12.0, 40.0], &[10.0, 20.0]), run(&[15.0], &[10.0])];
        let contest = Contest { why: Way::Backlog, runs };
        assert_eq!(contest.ratio(), 1.5);
        assert!(contest.bars().iter().all(|bar| bar.is_met));
        assert!(contest.runs[0].to_string().ends_with("; 1.20 2.00"), "{}", contest.runs[0]);
    }

    #[test]
    fn a_request_that_was_let_in_misses_a_bar_and_so_does_no_figure() {
        let mut contest = Contest::new(Way::Rate);
        let mut turns = run(&[1.0], &[1.0]);
        turns.refused[0].wrong = 1;
        contest.runs.push(turns);
        assert_eq!(contest.bars().map(|bar| bar.is_met), [true, false]);
        assert_eq!(Contest::new(Way::Rate).bars().map(|bar| bar.is_met), [false, true]);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
