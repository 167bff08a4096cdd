//! What a noisy tenant has cost the others.

use super::Options;
use crate::bar::{Bar, write_bars};
use crate::contestant::Contestant;
use crate::latency::Quantiles;
use crate::tenants::calls::Outcome;
use serde::Serialize;
use std::fmt::{Display, Formatter};

const DONE_PERCENT_MIN: f64 = 98.0;
const P99_OVER_ALONE: f64 = 1.5;
/// Of the control the calm ones get no more than this done, or it is no control.
const CONTROL_PERCENT_MAX: f64 = 90.0;

/// One server: the calm tenants alone, then beside the noisy one.
pub(super) struct Contest {
    pub(super) name: Contestant,
    pub(super) alone: Outcome,
    pub(super) beside: Outcome,
    pub(super) noisy: Outcome,
}

impl Display for Contest {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let part = |name: &str, outcome: &Outcome| {
            let (sum, worst) = (outcome.sum(), outcome.worst_percent());
            let answers: Vec<String> =
                sum.answers.iter().map(|(status, count)| format!("{status}: {count}")).collect();
            format!(
                "{name:<14}{:.2} % of {} calls done within a second (worst tenant {worst:.2} %), {}\n{:<14}{}",
                sum.done_percent(),
                sum.due,
                answers.join(", "),
                "",
                outcome.latency.quantiles()
            )
        };
        writeln!(out, "{}", self.name)?;
        writeln!(out, "{}", part("  calm alone", &self.alone))?;
        writeln!(out, "{}", part("  calm beside", &self.beside))?;
        write!(out, "{}", part("  noisy", &self.noisy))
    }
}

#[derive(Debug, Serialize)]
struct Row {
    server: Contestant,
    alone_done_percent: f64,
    beside_done_percent: f64,
    beside_worst_percent: f64,
    alone: Quantiles,
    beside: Quantiles,
    noisy_offered: u64,
    noisy_done: u64,
    noisy_refused: u64,
    refusal: Quantiles,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    tenants: u32,
    allowed_per_second: f64,
    servers: Vec<Row>,
    #[serde(skip)]
    told: String,
    pub(super) bars: Vec<Bar>,
}

impl Report {
    pub(super) fn new(options: &Options, contests: &[Contest]) -> Self {
        let told: Vec<String> = contests.iter().map(Contest::to_string).collect();
        Self {
            tenants: options.tenants,
            allowed_per_second: options.allowed(),
            servers: contests.iter().map(row).collect(),
            told: told.join("\n\n"),
            bars: contests.iter().flat_map(bars).collect(),
        }
    }
}

fn row(contest: &Contest) -> Row {
    let noisy = contest.noisy.sum();
    Row {
        server: contest.name,
        alone_done_percent: contest.alone.sum().done_percent(),
        beside_done_percent: contest.beside.sum().done_percent(),
        beside_worst_percent: contest.beside.worst_percent(),
        alone: contest.alone.latency.quantiles(),
        beside: contest.beside.latency.quantiles(),
        noisy_offered: noisy.due,
        noisy_done: noisy.answered(200),
        noisy_refused: noisy.answered(429),
        refusal: contest.noisy.refusals.quantiles(),
    }
}

fn bars(contest: &Contest) -> Vec<Bar> {
    let (beside, noisy) = (contest.beside.sum(), contest.noisy.sum());
    if contest.name != Contestant::Overtime {
        let figure = "the control: work of the calm tenants done within a second, in %";
        return vec![Bar::at_most(figure, beside.done_percent(), CONTROL_PERCENT_MAX)];
    }
    let p99 = |outcome: &Outcome| outcome.latency.at_ms(0.99);
    let outcomes = [&contest.alone, &contest.beside, &contest.noisy];
    let late = outcomes.map(|outcome| outcome.lateness.at_ms(0.99)).into_iter().fold(0.0, f64::max);
    vec![
        Bar::at_least(
            "work of the worst off calm tenant done within a second, in %",
            contest.beside.worst_percent(),
            DONE_PERCENT_MIN,
        ),
        Bar::at_most(
            "p99 of the calm / alone",
            p99(&contest.beside) / p99(&contest.alone),
            P99_OVER_ALONE,
        ),
        Bar::none("429 that calm tenants saw", beside.answered(429)),
        Bar::at_least("429 that the noisy one saw", noisy.answered(429) as f64, 1.0),
        Bar::none("429 without Retry-After", noisy.without_retry_after),
        Bar::none("429 without RateLimit and RateLimit-Policy", noisy.without_fields),
        Bar::generator_late(late),
    ]
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let (tenants, allowed) = (self.tenants, self.allowed_per_second);
        writeln!(out, "{tenants} tenants, each allowed {allowed} calls a second\n")?;
        writeln!(out, "{}\n", self.told)?;
        write_bars(out, &self.bars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenants::calls::TenantTally;

    fn outcome(done: u64, refused: u64) -> Outcome {
        let answers = [(200, done), (429, refused)].into();
        let tally = TenantTally { due: 100, answers, served: done, ..TenantTally::default() };
        Outcome { tenants: vec![tally], ..Outcome::default() }
    }

    fn missed(name: Contestant, beside: Outcome, noisy: Outcome) -> Vec<usize> {
        let mut contest = Contest { name, alone: outcome(100, 0), beside, noisy };
        for outcome in [&mut contest.alone, &mut contest.beside] {
            outcome.latency.record(std::time::Duration::from_millis(1));
        }
        let bars = bars(&contest);
        (0..bars.len()).filter(|number| !bars[*number].is_met).collect()
    }

    #[test]
    fn each_bar_is_missed_by_what_it_is_about() {
        let ours = |beside, noisy| missed(Contestant::Overtime, beside, noisy);
        assert!(ours(outcome(98, 0), outcome(1, 99)).is_empty());
        assert_eq!(ours(outcome(97, 0), outcome(1, 99)), [0]);
        assert_eq!(ours(outcome(99, 1), outcome(1, 99)), [2]);
        assert_eq!(ours(outcome(100, 0), outcome(100, 0)), [3]);
        let mut rude = outcome(1, 99);
        rude.tenants[0].without_retry_after = 1;
        assert_eq!(ours(outcome(100, 0), rude), [4]);
    }

    #[test]
    fn a_control_in_which_all_goes_well_shows_nothing() {
        let control = |beside| missed(Contestant::Queue, beside, outcome(100, 0));
        assert_eq!(control(outcome(100, 0)), [0]);
        assert!(control(outcome(50, 0)).is_empty());
    }
}
