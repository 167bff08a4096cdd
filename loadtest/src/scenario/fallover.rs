//! `fallover`: tasks that may outlast their caller's wait. Every caller is answered within the
//! wait and a little, every task goes on to its end, and none runs twice.

mod callers;

use crate::argument::{loopback, span};
use crate::generator::Generator;
use crate::latency::Quantiles;
use crate::output::Output;
use crate::random::{Random, fresh_seed};
use crate::verdict::Verdict;
use callers::{Callers, Score};
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::net::SocketAddr;
use std::time::Duration;

/// Tasks that sleep, some of them longer than their caller waits.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The server's address; loopback only.
    #[arg(long, default_value = "127.0.0.1:7070", value_parser = loopback)]
    target: SocketAddr,
    /// How many tasks.
    #[arg(long, default_value_t = 2_000)]
    tasks: u64,
    /// How many of them are unfinished at a time, at most.
    #[arg(long, default_value_t = 500)]
    at_once: usize,
    /// A task sleeps between 0 and this long, evenly drawn.
    #[arg(long, default_value = "3s", value_parser = span)]
    sleep_max: Duration,
    /// How long a caller waits.
    #[arg(long, default_value = "1s", value_parser = span)]
    wait: Duration,
    /// How much later than the wait the last answer may come.
    #[arg(long, default_value = "50ms", value_parser = span)]
    slack: Duration,
    /// Decides how long each task sleeps.
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    output: Output,
}

/// Submits them, follows each to its end, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let seed = options.seed.unwrap_or_else(fresh_seed);
    let mut callers = Callers::new(options, Random::new(seed));
    Generator::connect(options.target, options.at_once)?.run(&mut callers)?;
    let score = callers.into_score();
    let report = Report::new(options, seed, &score);
    options.output.print(&report)?;
    Ok(Verdict::of(report.is_met()))
}

/// What the run has shown.
#[derive(Debug, Serialize)]
struct Report {
    tasks: u64,
    sleep_max_ms: u128,
    seed: u64,
    ok: u64,
    accepted: u64,
    other: u64,
    answer_time: Quantiles,
    late_202: Quantiles,
    succeeded: u64,
    ran_twice: u64,
    wrong_results: u64,
    all_in_time: bool,
    all_ended: bool,
}

impl Report {
    fn new(options: &Options, seed: u64, score: &Score) -> Self {
        Self {
            tasks: options.tasks,
            sleep_max_ms: options.sleep_max.as_millis(),
            seed,
            ok: score.finished,
            accepted: score.accepted,
            other: score.others,
            answer_time: score.answer_time.quantiles(),
            late_202: score.over_wait.quantiles(),
            succeeded: score.succeeded,
            ran_twice: score.ran_twice,
            wrong_results: score.wrong_results,
            all_in_time: score.answer_time.max() <= options.wait + options.slack,
            all_ended: score.succeeded == options.tasks,
        }
    }

    fn is_met(&self) -> bool {
        let faults = self.other + self.ran_twice + self.wrong_results;
        self.all_in_time && self.all_ended && faults == 0
    }
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { tasks, sleep_max_ms, seed, .. } = self;
        writeln!(out, "tasks       {tasks} of up to {sleep_max_ms} ms, seed {seed}")?;
        let Self { ok, accepted, other, .. } = self;
        writeln!(out, "answered    200: {ok}, 202: {accepted}, other or none: {other}")?;
        writeln!(out, "answer time {}", self.answer_time)?;
        writeln!(out, "202 late by {}", self.late_202)?;
        writeln!(out, "succeeded   {}", self.succeeded)?;
        writeln!(out, "ran twice   {}, wrong results {}", self.ran_twice, self.wrong_results)?;
        writeln!(out, "all in time {}", yes(self.all_in_time))?;
        writeln!(out, "all ended   {}", yes(self.all_ended))
    }
}

fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "NO" }
}
