//! `sim`: runs seeds until one fails, replays one, and makes a failing one smaller.

use anyhow::{Context, bail};
use clap::Parser;
use overtime_sim::{Counts, Outcome, Plan, Stage, run, shrink};
use std::io::{self, Write};
use std::time::Instant;

/// Simulates engine and journal, with clients and a drive that fails, from seeds.
#[derive(Parser)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Replays this one.
    #[arg(long)]
    seed: Option<u64>,
    /// Prints all that happens in the replay.
    #[arg(long)]
    trace: bool,
    /// Goes on behind a seed that fails, and makes none smaller.
    #[arg(long)]
    all: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // What is wrong with a run is told with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let stage = Stage::new().context("no folder can be made for the lock")?;
    match arguments.seed {
        Some(seed) => replay(seed, arguments.trace, &stage),
        None => many(&arguments, &stage),
    }
}

fn replay(seed: u64, shows: bool, stage: &Stage) -> anyhow::Result<()> {
    let outcome = run(&Plan::new(seed), stage, shows);
    let mut out = io::stdout().lock();
    for line in &outcome.trace {
        writeln!(out, "{line}")?;
    }
    for (id, fault) in &outcome.faults {
        writeln!(out, "fault {id:?}: {fault}")?;
    }
    writeln!(out, "trace {:016x}", outcome.hash)?;
    match outcome.verdict {
        Ok(counts) => writeln!(out, "seed {seed} holds: {counts:?}")?,
        Err(words) => bail!("seed {seed} fails: {words}"),
    }
    Ok(())
}

fn many(arguments: &Arguments, stage: &Stage) -> anyhow::Result<()> {
    let (began, mut all, mut failed) = (Instant::now(), Counts::default(), 0);
    for seed in arguments.from..arguments.from + arguments.seeds {
        let Outcome { verdict, .. } = run(&Plan::new(seed), stage, false);
        match verdict {
            Ok(counts) => all.add(&counts),
            Err(words) => {
                failed += 1;
                eprintln!("seed {seed} fails: {words}");
                eprintln!("replay with: sim --seed {seed} --trace");
                if !arguments.all {
                    return tell_smaller(seed, stage);
                }
            }
        }
        let done = seed - arguments.from + 1;
        if done.is_multiple_of(100) {
            eprintln!("{done} seeds in {:.0?}, {failed} failed", began.elapsed());
        }
    }
    let span = began.elapsed();
    let rate = arguments.seeds as f64 / span.as_secs_f64();
    println!("{} seeds in {span:.1?}, {rate:.1} a second: {all:?}", arguments.seeds);
    if failed > 0 {
        bail!("{failed} seeds failed");
    }
    Ok(())
}

fn tell_smaller(seed: u64, stage: &Stage) -> anyhow::Result<()> {
    let (plan, outcome) = shrink(&Plan::new(seed), stage);
    let steps = plan.steps - plan.without_steps.len() as u64;
    let mut out = io::stdout().lock();
    for line in &outcome.trace {
        writeln!(out, "{line}")?;
    }
    for (id, fault) in &outcome.faults {
        writeln!(out, "fault {id:?}: {fault}")?;
    }
    let words = outcome.verdict.err().unwrap_or_default();
    bail!("seed {seed} fails in {steps} of its steps: {words}");
}
