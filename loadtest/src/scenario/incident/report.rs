//! What the incident has shown: each server quiet and flooded, and the bars.

use super::Options;
use crate::bar::{Bar, write_bars};
use crate::bulk::tally::BulkSummary;
use crate::measurement::{Measured, Summary};
use crate::rival::Rival;
use serde::Serialize;
use std::fmt::{Display, Formatter};

/// Nobody notices less than this much more.
const P50_OVER_QUIET: f64 = 1.5;
/// How much more than the floor a task server may take: it does more for its callers.
const P99_OVER_FLOOR: f64 = 1.5;
const P99_OVER_FLOOR_DURABLE: f64 = 2.0;
/// How much longer callers of the control wait, or this would be no incident.
const CONTROL_OVER_P99: f64 = 100.0;

/// One server and what was measured of it.
pub(super) struct Contest {
    pub(super) name: Rival,
    pub(super) quiet: Measured,
    pub(super) flooded: Measured,
    pub(super) bulk: BulkSummary,
    /// In all rounds.
    pub(super) wrong_calls: u64,
    /// In all rounds.
    pub(super) wrong_bulk: u64,
    /// In all rounds.
    pub(super) peak_bytes: Option<u64>,
}

impl Contest {
    /// The one of them with the median p99 of the small calls in the flood: the lower of two.
    pub(super) fn typical(mut rounds: Vec<Self>) -> Option<Self> {
        rounds.sort_by(|a, b| a.flooded_p99_ms().total_cmp(&b.flooded_p99_ms()));
        let wrong_calls = rounds.iter().map(|contest| contest.wrong_calls).sum();
        let wrong_bulk = rounds.iter().map(|contest| contest.wrong_bulk).sum();
        let peak_bytes = rounds.iter().filter_map(|contest| contest.peak_bytes).max();
        let middle = rounds.len().checked_sub(1)? / 2;
        Some(Self { wrong_calls, wrong_bulk, peak_bytes, ..rounds.swap_remove(middle) })
    }

    fn flooded_p99_ms(&self) -> f64 {
        self.flooded.summary.latency.p99_ms
    }
}

#[derive(Debug, Serialize)]
struct Row {
    server: Rival,
    quiet: Summary,
    flooded: Summary,
    p50_over_quiet: f64,
    p99_over_quiet: f64,
    bulk: BulkSummary,
    wrong_calls: u64,
    wrong_bulk: u64,
    peak_resident_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    durable: bool,
    rate: u32,
    rounds: usize,
    streams: usize,
    body_bytes: usize,
    servers: Vec<Row>,
    pub(super) bars: Vec<Bar>,
}

impl Report {
    pub(super) fn new(options: &Options, contests: &[Contest]) -> Self {
        let rows: Vec<Row> = contests.iter().map(row).collect();
        Self {
            durable: options.durable,
            rate: options.rate.get(),
            rounds: options.rounds.get(),
            streams: options.streams,
            body_bytes: options.body_bytes,
            bars: bars(&rows, options.durable),
            servers: rows,
        }
    }
}

fn row(contest: &Contest) -> Row {
    let (quiet, flooded) = (contest.quiet.summary.clone(), contest.flooded.summary.clone());
    Row {
        server: contest.name,
        p50_over_quiet: flooded.latency.p50_ms / quiet.latency.p50_ms,
        p99_over_quiet: flooded.latency.p99_ms / quiet.latency.p99_ms,
        quiet,
        flooded,
        bulk: contest.bulk.clone(),
        wrong_calls: contest.wrong_calls,
        wrong_bulk: contest.wrong_bulk,
        peak_resident_bytes: contest.peak_bytes,
    }
}

/// The bars that the servers that took part allow to be judged.
fn bars(rows: &[Row], durable: bool) -> Vec<Bar> {
    let find = |name| rows.iter().find(|row| row.server == name);
    let Some(ours) = find(Rival::Overtime) else { return Vec::new() };
    let p99_ms = ours.flooded.latency.p99_ms;
    let over_floor = if durable { P99_OVER_FLOOR_DURABLE } else { P99_OVER_FLOOR };
    let mut bars = vec![
        Bar::at_most("p50 flooded / p50 quiet", ours.p50_over_quiet, P50_OVER_QUIET),
        Bar::none("small calls that went wrong", ours.wrong_calls),
        Bar::none("bulk that went wrong", ours.wrong_bulk),
        Bar::at_least("bodies done", ours.bulk.bodies as f64, 1.0),
    ];
    if let Some(floor) = find(Rival::Floor) {
        let ratio = p99_ms / floor.flooded.latency.p99_ms;
        bars.push(Bar::at_most("p99 flooded / the floor's", ratio, over_floor));
    }
    if let Some(control) = find(Rival::Control) {
        let ratio = control.flooded.latency.p99_ms / p99_ms;
        bars.push(Bar::at_least("the control's p99 flooded / ours", ratio, CONTROL_OVER_P99));
    }
    bars
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let small = if self.durable { "upserts on disk" } else { "echoes" };
        writeln!(
            out,
            "{} {small} a second; flooded: {} clients that stream bodies of {:.1} MB; of {} round(s) \
             the one with the median p99 flooded\n",
            self.rate,
            self.streams,
            self.body_bytes as f64 / 1e6,
            self.rounds
        )?;
        writeln!(
            out,
            "{:<18}{:>10}{:>10}{:>10}{:>10}{:>8}",
            "", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "errors"
        )?;
        for row in &self.servers {
            write_line(out, &format!("{:<9} quiet", row.server), &row.quiet)?;
            write_line(out, &format!("{:<9} flooded", ""), &row.flooded)?;
            writeln!(
                out,
                "{:<18}{:>9.2}x{:>9.2}x",
                "          ratio", row.p50_over_quiet, row.p99_over_quiet
            )?;
        }
        writeln!(out)?;
        for row in &self.servers {
            write!(out, "{:<9} bulk: {}", row.server, row.bulk)?;
            match row.peak_resident_bytes {
                Some(bytes) => writeln!(out, "; peak {:.0} MB", bytes as f64 / 1e6)?,
                None => writeln!(out)?,
            }
        }
        writeln!(out)?;
        write_bars(out, &self.bars)
    }
}

fn write_line(out: &mut Formatter<'_>, name: &str, summary: &Summary) -> std::fmt::Result {
    let told = summary.latency;
    writeln!(
        out,
        "{name:<18}{:>10.3}{:>10.3}{:>10.3}{:>10.3}{:>8}",
        told.p50_ms,
        told.p99_ms,
        told.p999_ms,
        told.max_ms,
        summary.error_count()
    )
}

#[cfg(test)]
mod tests;
