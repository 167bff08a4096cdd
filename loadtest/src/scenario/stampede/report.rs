//! What a stampede has shown, and what had to be met.

use super::{CALM, Contest, Options};
use crate::bar::{Bar, write_bars};
use crate::contestant::{Contestant, Upbringing};
use crate::crowd::LATE_MAX;
use crate::crowd::tally::{Slice, quantile_ms};
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::time::Duration;

/// Of its capacity, what a server does in the crowd.
const GOODPUT_MIN: f64 = 0.95;
/// What the control does is less than this, or it is no control.
const COLLAPSED_MAX: f64 = 0.5;
/// How much slower the answers to those who are served may be than at the knee.
const SLOWER_MAX: f64 = 2.0;
/// Whoever is not served is told within this.
const TOLD_MAX_MS: f64 = 20.0;
/// How soon the server is itself again.
const RECOVERY_MAX_SECONDS: f64 = 5.0;
/// Of what arrives in the calm afterwards, how much has to be done at once.
const CALM_DONE_MIN: f64 = 0.9;
/// How many calls our client makes for an operation.
const AMPLIFIED_MAX: f64 = 1.2;

/// What is told of all stampedes.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) rows: Vec<Row>,
    pub(super) bars: Vec<Bar>,
}

/// What is told of one.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) capacity: f64,
    pub(super) offered_per_second: f64,
    pub(super) first_per_second: f64,
    pub(super) polls_per_second: f64,
    pub(super) done_per_second: f64,
    pub(super) admitted_p99_ms: f64,
    pub(super) accepted: usize,
    pub(super) accepted_p99_ms: f64,
    pub(super) refused: usize,
    pub(super) refused_p99_ms: f64,
    pub(super) gave_up: u64,
    pub(super) broken: u64,
    /// Seconds after the crowd has left; none if it was not seen.
    pub(super) recovered_after: Option<f64>,
    pub(super) peak_mb: f64,
    pub(super) late_p99_ms: f64,
}

impl Row {
    fn new(options: &Options, contest: &Contest) -> Self {
        let told = contest.course.tally.within(options.calm..options.flood_until());
        let rate = |count: u64| count as f64 / options.seconds.as_secs_f64();
        Self {
            name: contest.name(),
            capacity: contest.knee.done_per_second,
            offered_per_second: rate(told.offered),
            first_per_second: rate(told.first),
            polls_per_second: rate(told.polls),
            done_per_second: rate(told.done),
            admitted_p99_ms: quantile_ms(&told.admitted, 0.99),
            accepted: told.accepted.len(),
            accepted_p99_ms: quantile_ms(&told.accepted, 0.99),
            refused: told.refused.len(),
            refused_p99_ms: quantile_ms(&told.refused, 0.99),
            gave_up: told.gave_up,
            broken: told.broken,
            recovered_after: recovered_after(options, contest),
            peak_mb: contest.course.footprint.peak_bytes() as f64 / 1e6,
            late_p99_ms: contest.course.lateness.p99_ms,
        }
    }
}

/// From when on every second is as it should be in the calm.
fn recovered_after(options: &Options, contest: &Contest) -> Option<f64> {
    let (left, second) = (options.flood_until(), Duration::from_secs(1));
    let arrives = contest.knee.done_per_second * CALM;
    let slow = contest.knee.p99_ms * SLOWER_MAX;
    let is_right = |slice: &Slice| {
        slice.done as f64 >= arrives * CALM_DONE_MIN && quantile_ms(&slice.admitted, 0.99) <= slow
    };
    let settled = contest.course.tally.settled(left..options.until() - second, second, is_right);
    settled.map(|settled| (settled - left).as_secs_f64())
}

impl Report {
    pub(super) fn new(options: &Options, contests: &[Contest]) -> Self {
        let rows: Vec<Row> = contests.iter().map(|contest| Row::new(options, contest)).collect();
        let bars =
            contests.iter().zip(&rows).flat_map(|(contest, row)| bars(options, contest, row));
        Self { bars: bars.collect(), rows }
    }
}

fn bars(options: &Options, contest: &Contest, row: &Row) -> Vec<Bar> {
    let name = row.name;
    let goodput = row.done_per_second / row.capacity;
    let late = LATE_MAX.as_secs_f64() * 1e3;
    let mut bars = match (contest.contestant, contest.callers) {
        (Contestant::Overtime, Upbringing::Naive) => served(options, contest, row),
        (Contestant::Overtime, Upbringing::Mannered) => {
            let amplified = row.offered_per_second / row.first_per_second;
            vec![Bar::at_most(format!("{name}: calls for an operation"), amplified, AMPLIFIED_MAX)]
        }
        // It is shown beside.
        (Contestant::Bare, _) => Vec::new(),
        (Contestant::Queue, _) => {
            let figure = format!("{name}: share of its capacity done (it has to collapse)");
            vec![Bar::at_most(figure, goodput, COLLAPSED_MAX)]
        }
    };
    let figure = format!("{name}: generator late at p99, ms (above it the run is void)");
    bars.push(Bar::at_most(figure, row.late_p99_ms, late));
    bars
}

fn served(options: &Options, contest: &Contest, row: &Row) -> Vec<Bar> {
    let name = row.name;
    let goodput = row.done_per_second / row.capacity;
    let slow = contest.knee.p99_ms * SLOWER_MAX;
    let recovery = row.recovered_after.unwrap_or(f64::INFINITY);
    let memory = (options.service.memory << 20) as f64 / 1e6;
    let named = |figure: &str| format!("{name}: {figure}");
    vec![
        Bar::at_least(named("share of its capacity done"), goodput, GOODPUT_MIN),
        Bar::at_most(named("p99 of those served, ms"), row.admitted_p99_ms, slow),
        Bar::at_most(named("p99 of refusals, ms"), row.refused_p99_ms, TOLD_MAX_MS),
        Bar::at_most(named("p99 of 202, ms"), row.accepted_p99_ms, TOLD_MAX_MS),
        Bar::at_most(named("seconds until it is itself again"), recovery, RECOVERY_MAX_SECONDS),
        Bar::at_most(named("memory, MB"), row.peak_mb, memory),
    ]
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        for row in &self.rows {
            writeln!(out, "{row}")?;
        }
        write_bars(out, &self.bars)
    }
}

impl Display for Row {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(out, "{}", self.name)?;
        let Self { offered_per_second, first_per_second, polls_per_second, .. } = self;
        writeln!(
            out,
            "  offered   {offered_per_second:.0}/s, {first_per_second:.0}/s of them first calls; \
             {polls_per_second:.0}/s polls"
        )?;
        writeln!(out, "  done      {:.1}/s of {:.1}/s", self.done_per_second, self.capacity)?;
        writeln!(out, "  served    p99 {:.1} ms", self.admitted_p99_ms)?;
        writeln!(out, "  202       {}, p99 {:.1} ms", self.accepted, self.accepted_p99_ms)?;
        writeln!(out, "  refused   {}, p99 {:.1} ms", self.refused, self.refused_p99_ms)?;
        writeln!(out, "  gave up   {}, {} connections broken", self.gave_up, self.broken)?;
        match self.recovered_after {
            Some(seconds) => writeln!(out, "  recovered {seconds:.1} s after")?,
            None => writeln!(out, "  recovered not within the time watched")?,
        }
        writeln!(out, "  memory    {:.0} MB at most", self.peak_mb)?;
        write!(out, "  generator p99 {:.2} ms late", self.late_p99_ms)
    }
}
