//! `brownout`: one upstream of two goes bad while both are called. Calls to the well one must not
//! notice, the bad one has to be shed soon and be called again soon after it is well, and none of the
//! tasks that were held meanwhile may be lost or pay for it with an attempt. The control calls on.

mod fault;
mod page;
mod play;
mod report;

use crate::argument::span;
use crate::home::HomeOptions;
use crate::telling::Telling;
use crate::verdict::Verdict;
use anyhow::Context;
use fault::{Fault, Faults};
use play::Played;
use report::Report;
use std::time::Duration;

/// One upstream of two goes bad, on private servers.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// What is wrong with it.
    #[arg(long, value_enum, default_value = "hang")]
    fault: Faults,
    /// How often it is played.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Do not play it without a gate.
    #[arg(long)]
    without_control: bool,
    /// Workers, and no spares.
    #[arg(long, default_value_t = 200)]
    workers: usize,
    /// From one call to the bad upstream to the next.
    #[arg(long, default_value = "50ms", value_parser = span)]
    bad_every: Duration,
    /// From one call to the well one to the next.
    #[arg(long, default_value = "5ms", value_parser = span)]
    well_every: Duration,
    /// How long a call may take.
    #[arg(long, default_value = "20s", value_parser = span)]
    timeout: Duration,
    /// How long all is well at first.
    #[arg(long, default_value = "10s", value_parser = span)]
    calm: Duration,
    /// How long the one is bad.
    #[arg(long, default_value = "40s", value_parser = span)]
    bad_for: Duration,
    /// How long it is called after that.
    #[arg(long, default_value = "20s", value_parser = span)]
    after: Duration,
    /// Decides which calls are bad if not all are.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    telling: Telling,
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum Caller {
    Overtime,
    /// The same without a gate.
    Control,
}

/// All plays of one fault.
#[derive(Debug)]
struct Series {
    fault: Fault,
    caller: Caller,
    plays: Vec<Played>,
}

/// Plays every fault as often as is asked for, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let mut all = Vec::new();
    for fault in options.fault.all() {
        all.push(series(options, *fault, Caller::Overtime, options.runs)?);
    }
    if !options.without_control {
        all.push(series(options, options.fault.all()[0], Caller::Control, 1)?);
    }
    let report = Report::new(options, &all);
    options.telling.judge(&report, &report.bars, || page::draw(options, &all))
}

fn series(options: &Options, fault: Fault, caller: Caller, runs: usize) -> anyhow::Result<Series> {
    let mut plays = Vec::new();
    for run in 0..runs {
        let seed = options.seed + run as u64;
        let played = play::play(options, fault, caller, seed)
            .with_context(|| format!("{fault}, run {}", run + 1))?;
        eprintln!("{fault:<8} {played}");
        plays.push(played);
    }
    Ok(Series { fault, caller, plays })
}
