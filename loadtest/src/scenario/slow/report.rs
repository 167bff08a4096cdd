//! What slow clients have done to good calls, and what was done to them, of each server.

use super::Options;
use super::contender::CpuShare;
use super::desk::{Desks, SeenSummary};
use super::toil::{Toil, ToilSummary};
use super::toll::TollSummary;
use crate::bar::{Bar, write_bars};
use crate::latency::Latency;
use crate::measurement::{Measured, Summary};
use crate::rival::Rival;
use serde::Serialize;
use std::fmt::{Display, Formatter};

const ANSWERED_PERCENT_MIN: f64 = 99.9;
const P99_OVER_QUIET: f64 = 2.0;
/// Of the control no more good calls than this are answered, or there would be nothing to show.
const CONTROL_PERCENT_MAX: f64 = 50.0;

/// What was measured in one part of the time.
pub(super) struct Phase {
    pub(super) echoes: Measured,
    pub(super) upserts: Measured,
    pub(super) desks: Option<Desks>,
}

impl Phase {
    fn all(&self) -> [&Measured; 2] {
        [&self.echoes, &self.upserts]
    }

    pub(super) fn latency(&self) -> Latency {
        let mut latency = self.echoes.latency.clone();
        latency.add(&self.upserts.latency);
        latency
    }

    /// How late the generators were by their own fault.
    fn late_p99_ms(&self) -> f64 {
        let late = self.all().map(|measured| measured.summary.generator_late_p99_ms.unwrap_or(0.0));
        late.into_iter().fold(0.0, f64::max)
    }

    /// How many of the good calls were answered, in percent.
    pub(super) fn answered_percent(&self) -> f64 {
        let (mut ok, mut errors) = (0, 0);
        for measured in self.all() {
            ok += measured.summary.ok - measured.summary.accepted;
            errors += measured.summary.error_count() + measured.summary.accepted;
        }
        100.0 * ok as f64 / (ok + errors).max(1) as f64
    }

    pub(super) fn told(&self) -> String {
        let quantiles = self.latency().quantiles();
        format!("{:.2} % answered, {quantiles}", self.answered_percent())
    }
}

/// One server and what was measured of it.
pub(super) struct Contest {
    pub(super) name: Rival,
    pub(super) quiet: Phase,
    pub(super) slow: Phase,
    /// What the server used among the slow ones.
    pub(super) cpu: CpuShare,
    pub(super) toil: Toil,
    /// How many slow clients there were at the beginning and at the end.
    pub(super) throng: (usize, usize),
    pub(super) peak_bytes: u64,
}

impl Contest {
    /// How late the generators were by their own fault, the throng among them: slow clients that do not
    /// come when they should are no load.
    fn late_p99_ms(&self) -> f64 {
        let phases = self.quiet.late_p99_ms().max(self.slow.late_p99_ms());
        phases.max(self.toil.summary().late_p99_ms)
    }
}

#[derive(Debug, Serialize)]
struct PhaseRow {
    answered_percent: f64,
    echoes: Summary,
    upserts: Summary,
    control_lane: Option<SeenSummary>,
    admin_port: Option<SeenSummary>,
}

#[derive(Debug, Serialize)]
struct Row {
    server: Rival,
    quiet: PhaseRow,
    slow: PhaseRow,
    slow_clients: Vec<TollSummary>,
    slow_clients_at_first: usize,
    slow_clients_at_last: usize,
    throng: ToilSummary,
    cpu: CpuShare,
    peak_resident_bytes: u64,
}

/// What the server's p99 among the slow ones is in times of the floor's, which has them too.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct OverFloor {
    echoes: f64,
    upserts: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    clients: usize,
    rate: u32,
    servers: Vec<Row>,
    p99_over_floor: Option<OverFloor>,
    pub(super) bars: Vec<Bar>,
}

impl Report {
    pub(super) fn new(options: &Options, contests: &[Contest]) -> Self {
        let row = |contest: &Contest| Row {
            server: contest.name,
            quiet: phase_row(&contest.quiet),
            slow: phase_row(&contest.slow),
            slow_clients: TollSummary::all(&contest.toil.tolls, &options.limits()),
            slow_clients_at_first: contest.throng.0,
            slow_clients_at_last: contest.throng.1,
            throng: contest.toil.summary(),
            cpu: contest.cpu,
            peak_resident_bytes: contest.peak_bytes,
        };
        Self {
            clients: options.clients,
            rate: options.rate.get(),
            servers: contests.iter().map(row).collect(),
            p99_over_floor: over_floor(contests),
            bars: contests.iter().flat_map(bars).collect(),
        }
    }
}

fn over_floor(contests: &[Contest]) -> Option<OverFloor> {
    let find = |name| contests.iter().find(|contest| contest.name == name);
    let (ours, floor) = (&find(Rival::Overtime)?.slow, &find(Rival::Floor)?.slow);
    let p99 = |measured: &Measured| measured.summary.latency.p99_ms;
    Some(OverFloor {
        echoes: p99(&ours.echoes) / p99(&floor.echoes),
        upserts: p99(&ours.upserts) / p99(&floor.upserts),
    })
}

fn phase_row(phase: &Phase) -> PhaseRow {
    PhaseRow {
        answered_percent: phase.answered_percent(),
        echoes: phase.echoes.summary.clone(),
        upserts: phase.upserts.summary.clone(),
        control_lane: phase.desks.as_ref().map(|desks| desks.control.summary()),
        admin_port: phase.desks.as_ref().map(|desks| desks.admin.summary()),
    }
}

fn bars(contest: &Contest) -> Vec<Bar> {
    let answered = contest.slow.answered_percent();
    match contest.name {
        Rival::Overtime => our_bars(contest, answered),
        Rival::Floor => Vec::new(),
        Rival::Control => {
            let figure = "the control's good calls answered, in %";
            vec![Bar::at_most(figure, answered, CONTROL_PERCENT_MAX)]
        }
    }
}

fn our_bars(contest: &Contest, answered: f64) -> Vec<Bar> {
    let ratio = |of: fn(&Phase) -> &Measured| {
        of(&contest.slow).summary.latency.p99_ms / of(&contest.quiet).summary.latency.p99_ms
    };
    let (echoes, upserts) = (ratio(|phase| &phase.echoes), ratio(|phase| &phase.upserts));
    let mut bars = vec![
        Bar::at_least("good calls answered, in %", answered, ANSWERED_PERCENT_MIN),
        Bar::at_most("p99 of echoes / quiet", echoes, P99_OVER_QUIET),
        Bar::at_most("p99 of upserts / quiet", upserts, P99_OVER_QUIET),
        Bar::none(
            "slow clients that were left open beyond their limit",
            contest.toil.tolls.values().map(|toll| toll.overdue).sum(),
        ),
        Bar::generator_late(contest.late_p99_ms()),
    ];
    if let Some(desks) = &contest.slow.desks {
        let (control, admin) = (desks.control.fault_count(), desks.admin.fault_count());
        bars.push(Bar::none("looks and cancellations that failed", control));
        bars.push(Bar::none("questions to the admin port that failed", admin));
    }
    bars
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(
            out,
            "{} slow clients beside {} echoes and {} upserts a second\n",
            self.clients, self.rate, self.rate
        )?;
        for row in &self.servers {
            write_row(out, row)?;
        }
        if let Some(OverFloor { echoes, upserts }) = self.p99_over_floor {
            writeln!(out, "p99 over the floor's: echoes {echoes:.2}, upserts {upserts:.2}\n")?;
        }
        write_bars(out, &self.bars)
    }
}

fn write_row(out: &mut Formatter<'_>, row: &Row) -> std::fmt::Result {
    writeln!(out, "{}", row.server)?;
    for (name, phase) in [("quiet", &row.quiet), ("slow", &row.slow)] {
        writeln!(out, "  {name:<6} {:.2} % of the good calls answered", phase.answered_percent)?;
        writeln!(out, "         echoes   {}", phase.echoes.latency)?;
        writeln!(out, "         upserts  {}", phase.upserts.latency)?;
        for (desk, seen) in [("control", &phase.control_lane), ("admin", &phase.admin_port)] {
            if let Some(seen) = seen {
                writeln!(out, "         {desk:<8} {}, {} answered", seen.latency, seen.answered)?;
            }
            for (fault, count) in seen.iter().flat_map(|seen| &seen.faults) {
                writeln!(out, "         {desk:<8} {count} times {fault}")?;
            }
        }
    }
    let (first, last) = (row.slow_clients_at_first, row.slow_clients_at_last);
    writeln!(out, "  {first} slow clients open at first, {last} at last")?;
    for toll in &row.slow_clients {
        let (habit, opened, closed) = (toll.habit, toll.opened, toll.closed());
        write!(out, "         {habit:<18} {opened:>7} opened, {closed:>7} closed")?;
        if closed > 0 {
            let (p50, max) = (toll.age.p50_ms / 1e3, toll.age.max_ms / 1e3);
            write!(out, " after {p50:.1} s (p50), {max:.1} s (max): {}", toll.told())?;
        }
        let (limit, overdue) = (toll.limit_seconds, toll.overdue);
        writeln!(out, "; limit {limit:.0} s, overdue {overdue}")?;
    }
    let ToilSummary { opened_per_second, cpu_percent, late_p99_ms } = row.throng;
    writeln!(
        out,
        "  throng {opened_per_second:.0} connections opened a second, {cpu_percent:.0} % of a \
         processor, late by {late_p99_ms:.1} ms (p99)"
    )?;
    let CpuShare { whole_percent, core_percent } = row.cpu;
    writeln!(
        out,
        "  server {whole_percent:.0} % of a processor, of that {core_percent:.0} % the core"
    )?;
    writeln!(out, "  peak   {:.0} MB resident\n", row.peak_resident_bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests;
