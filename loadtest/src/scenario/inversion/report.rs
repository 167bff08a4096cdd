//! What bulk has cost those who wait, and how it got on itself.

use super::{Options, Progress};
use crate::bar::{Bar, write_bars};
use crate::contestant::Contestant;
use crate::latency::{Latency, Quantiles};
use crate::measurement::{Measured, Summary};
use crate::tenants::calls::{Outcome, SERVED_WITHIN};
use crate::timeline::Timeline;
use serde::Serialize;
use std::fmt::{Display, Formatter};

const SERVED_PERCENT_MIN: f64 = 99.9;
const REST_SECONDS_MAX: f64 = 5.0;
/// Of the control no more than this is served, or there would be nothing to show.
const CONTROL_PERCENT_MAX: f64 = 90.0;

/// The interactive calls of one part of the time.
pub(super) struct Part {
    pub(super) calls: u64,
    pub(super) served: u64,
    /// All that was measured, for the plots: one, or one for each work.
    pub(super) measured: Vec<Measured>,
    pub(super) late_p99_ms: f64,
}

impl Part {
    pub(super) fn of_plans(measured: Vec<Measured>) -> Self {
        let summaries = || measured.iter().map(|measured| &measured.summary);
        let late = summaries().filter_map(|summary| summary.generator_late_p99_ms);
        let calls = summaries().map(|summary| summary.ok + summary.error_count()).sum();
        // A 202 is no result, however soon it comes.
        let served = measured.iter().map(|measured| {
            measured.latency.within(SERVED_WITHIN).saturating_sub(measured.summary.accepted)
        });
        Self { calls, served: served.sum(), late_p99_ms: late.fold(0.0, f64::max), measured }
    }

    pub(super) fn of_calls(outcome: &Outcome) -> Self {
        Self {
            calls: outcome.sum().due,
            served: outcome.sum().served,
            late_p99_ms: outcome.lateness.at_ms(0.99),
            measured: vec![outcome.measured()],
        }
    }

    pub(super) fn served_percent(&self) -> f64 {
        100.0 * self.served as f64 / self.calls.max(1) as f64
    }

    pub(super) fn latency(&self) -> Latency {
        let mut latency = Latency::default();
        self.measured.iter().for_each(|measured| latency.add(&measured.latency));
        latency
    }

    /// For a plot: the calls of the first work.
    pub(super) fn shown(&self) -> Measured {
        let nothing = || Measured {
            summary: Summary::default(),
            latency: Latency::default(),
            timeline: Timeline::default(),
        };
        self.measured.last().cloned().unwrap_or_else(nothing)
    }
}

/// One server: calls alone, then beside bulk.
pub(super) struct Contest {
    pub(super) name: Contestant,
    pub(super) alone: Part,
    pub(super) beside: Part,
    /// The control's bulk has none: its items are calls.
    pub(super) progress: Option<Progress>,
}

impl Display for Contest {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(out, "{}", self.name)?;
        for (name, part) in [("alone", &self.alone), ("beside", &self.beside)] {
            let (percent, calls) = (part.served_percent(), part.calls);
            writeln!(out, "  {name:<8}{percent:.3} % of {calls} calls served within a second")?;
            writeln!(out, "          {}", part.latency().quantiles())?;
        }
        if let Some(Progress { items, bodies, refused, span, longest_rest, .. }) = self.progress {
            let (rate, rest) = (items as f64 / span.as_secs_f64(), longest_rest.as_secs_f64());
            writeln!(out, "  bulk    {items} items of {bodies} bodies and more, {rate:.0}/s")?;
            writeln!(out, "          longest without one {rest:.2} s; {refused} refused")?;
        }
        Ok(())
    }
}

#[derive(Debug, Serialize)]
struct Row {
    server: Contestant,
    alone_served_percent: f64,
    beside_served_percent: f64,
    alone: Quantiles,
    beside: Quantiles,
    bulk_items: Option<u64>,
    bulk_refused: Option<u64>,
    bulk_longest_rest_seconds: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    streams: usize,
    rate: u32,
    servers: Vec<Row>,
    #[serde(skip)]
    told: String,
    pub(super) bars: Vec<Bar>,
}

impl Report {
    pub(super) fn new(options: &Options, contests: &[Contest]) -> Self {
        let told: Vec<String> = contests.iter().map(Contest::to_string).collect();
        Self {
            streams: options.streams(),
            rate: options.rate.get(),
            servers: contests.iter().map(row).collect(),
            told: told.join("\n"),
            bars: contests.iter().flat_map(bars).collect(),
        }
    }
}

fn row(contest: &Contest) -> Row {
    let progress = contest.progress.as_ref();
    Row {
        server: contest.name,
        alone_served_percent: contest.alone.served_percent(),
        beside_served_percent: contest.beside.served_percent(),
        alone: contest.alone.latency().quantiles(),
        beside: contest.beside.latency().quantiles(),
        bulk_items: progress.map(|progress| progress.items),
        bulk_refused: progress.map(|progress| progress.refused),
        bulk_longest_rest_seconds: progress.map(|progress| progress.longest_rest.as_secs_f64()),
    }
}

fn bars(contest: &Contest) -> Vec<Bar> {
    let served = contest.beside.served_percent();
    let Some(progress) = &contest.progress else {
        let figure = "the control: interactive calls served within a second, in %";
        return vec![Bar::at_most(figure, served, CONTROL_PERCENT_MAX)];
    };
    let rest = progress.longest_rest.as_secs_f64();
    let late = contest.alone.late_p99_ms.max(contest.beside.late_p99_ms);
    vec![
        Bar::at_least("interactive calls served within a second, in %", served, SERVED_PERCENT_MIN),
        Bar::at_most("longest time without an item of bulk more, in s", rest, REST_SECONDS_MAX),
        Bar::none("bulk that failed", progress.failed),
        Bar::at_least("items of bulk done", progress.items as f64, 1.0),
        Bar::generator_late(late),
    ]
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let (streams, rate) = (self.streams, self.rate);
        writeln!(
            out,
            "{streams} bulk bodies at a time beside {rate} interactive calls a second\n"
        )?;
        writeln!(out, "{}", self.told)?;
        write_bars(out, &self.bars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn part(ok: u64, accepted: u64, slow: u64) -> Part {
        let summary = Summary { ok, accepted, ..Summary::default() };
        let mut latency = Latency::default();
        (0..ok - slow).for_each(|_| latency.record(Duration::from_millis(1)));
        (0..slow).for_each(|_| latency.record(Duration::from_secs(2)));
        Part::of_plans(vec![Measured { summary, latency, timeline: Timeline::default() }])
    }

    #[test]
    fn neither_a_202_nor_a_late_result_is_served() {
        assert_eq!(part(1_000, 0, 0).served, 1_000);
        assert_eq!(part(1_000, 3, 0).served, 997);
        assert_eq!(part(1_000, 0, 5).served, 995);
    }

    #[test]
    fn a_control_that_serves_shows_nothing() {
        let control = |beside| {
            let name = Contestant::Queue;
            bars(&Contest { name, alone: part(10, 0, 0), beside, progress: None })
        };
        assert!(!control(part(10, 0, 0))[0].is_met);
        assert!(control(part(10, 0, 5))[0].is_met);
    }
}
