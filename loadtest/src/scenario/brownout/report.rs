//! What brownouts have shown, and what had to be met.

use super::fault::{Due, Fault};
use super::play::Played;
use super::{Caller, Options, Series};
use crate::bar::{Bar, write_bars};
use serde::Serialize;
use std::fmt::{Display, Formatter};

const WELL_PERCENT_MIN: f64 = 99.9;
/// Of the control no more are answered, or there would be nothing to show.
const CONTROL_PERCENT_MAX: f64 = 90.0;
/// Of all workers, those that one upstream may hold; and the probes beside them.
const HELD_SHARE_MAX: f64 = 0.25;
const PROBES_MAX: f64 = 8.0;
const FULL_SECONDS_MAX: f64 = 15.0;
const EPISODES_MAX: f64 = 2.0;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    workers: usize,
    pub(super) faults: Vec<Row>,
    pub(super) bars: Vec<Bar>,
}

/// What is told of all plays of a fault.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) fault: Fault,
    pub(super) caller: Caller,
    pub(super) shed_after_median: Option<f64>,
    pub(super) plays: Vec<Played>,
}

impl Report {
    pub(super) fn new(options: &Options, all: &[Series]) -> Self {
        let row = |series: &Series| Row {
            fault: series.fault,
            caller: series.caller,
            shed_after_median: median(series),
            plays: series.plays.clone(),
        };
        Self {
            workers: options.workers,
            faults: all.iter().map(row).collect(),
            bars: all.iter().flat_map(|series| bars(options, series)).collect(),
        }
    }
}

fn bars(options: &Options, series: &Series) -> Vec<Bar> {
    let fault = series.fault;
    let worst = |of: fn(&Played) -> f64| series.plays.iter().map(of).fold(0.0, f64::max);
    let well = series.plays.iter().map(|played| played.well_percent).fold(100.0, f64::min);
    if series.caller == Caller::Control {
        let figure = format!("{fault}, without a gate: well calls within a second, in %");
        return vec![Bar::at_most(figure, well, CONTROL_PERCENT_MAX)];
    }
    let named = |figure: &str| format!("{fault}: {figure}");
    let held = worst(|played| played.held_max as f64);
    let held_max = options.workers as f64 * HELD_SHARE_MAX + PROBES_MAX;
    let count = |of: fn(&Played) -> u64| series.plays.iter().map(of).sum();
    let mut bars = vec![
        Bar::at_least(named("well calls within a second, in %"), well, WELL_PERCENT_MIN),
        Bar::at_most(named("workers held"), held, held_max),
    ];
    bars.extend(gate_bars(series));
    bars.push(Bar::none(named("tasks lost"), count(|played| played.lost)));
    bars.push(Bar::none(named("tasks that paid with an attempt"), count(|played| played.burnt)));
    bars.push(Bar::generator_late(worst(|played| played.late_p99_ms)));
    bars
}

/// What the gate has to do.
fn gate_bars(series: &Series) -> Vec<Bar> {
    let named = |figure: &str| format!("{}: {figure}", series.fault);
    let worst = |of: fn(&Played) -> f64| series.plays.iter().map(of).fold(0.0, f64::max);
    let episodes = worst(|played| played.episodes as f64);
    match series.fault.due() {
        Due::Bear => vec![Bar::at_most(named("times shed"), episodes, 0.0)],
        Due::Shed { median: median_max, worst: worst_max } => {
            let middle = median(series).unwrap_or(f64::INFINITY);
            let shed = worst(|played| played.shed_after.unwrap_or(f64::INFINITY));
            let full = worst(|played| played.full_after.unwrap_or(f64::INFINITY));
            vec![
                Bar::at_most(named("seconds until shed, median"), middle, median_max),
                Bar::at_most(named("seconds until shed, worst"), shed, worst_max),
                Bar::at_most(named("times shed"), episodes, EPISODES_MAX),
                Bar::at_most(named("seconds from well to the full rate"), full, FULL_SECONDS_MAX),
            ]
        }
    }
}

/// In the middle of all plays; one that never shed did so after all others.
fn median(series: &Series) -> Option<f64> {
    let after = series.plays.iter().map(|played| played.shed_after.unwrap_or(f64::INFINITY));
    let mut after: Vec<f64> = after.collect();
    after.sort_by(f64::total_cmp);
    after.get(after.len() / 2).copied().filter(|after| after.is_finite())
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        for row in &self.faults {
            let caller = match row.caller {
                Caller::Overtime => "",
                Caller::Control => ", without a gate",
            };
            writeln!(out, "{}{caller}", row.fault)?;
            row.plays.iter().try_for_each(|played| writeln!(out, "  {played}"))?;
        }
        write_bars(out, &self.bars)
    }
}

#[cfg(test)]
mod tests;
