//! `retries`: tasks that fail three times each and then succeed. Every one has exactly four
//! attempts, a task that waits for its next attempt holds no worker, and the ledger of errors has
//! one line for all of it.

mod watch;

use crate::accepted;
use crate::argument::span;
use crate::ask::ask;
use crate::bar::Bar;
use crate::document::read;
use crate::figures::Figures;
use crate::home::HomeOptions;
use crate::output::Output;
use crate::request::get;
use crate::settle::settle;
use crate::verdict::Verdict;
use anyhow::bail;
use serde::Deserialize;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use watch::{Seen, Watch};

const FAIL_TIMES: u32 = 3;
const SUBMITTERS: usize = 64;
/// How long all attempts may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Tasks that fail three times and then succeed, against a private server that retries soon.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many tasks.
    #[arg(long, default_value_t = 10_000)]
    tasks: usize,
    /// The longest wait for a first retry; the waits after it are twice as long each.
    #[arg(long, default_value = "1s", value_parser = span)]
    retry_first: Duration,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    output: Output,
}

/// Submits them, watches the workers until all have ended, compares, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let home = options.home.furnish(&settings(options.retry_first))?;
    let server = home.start()?;
    let watch = Watch::start(server.admin(), options.tasks)?;
    let begun = Instant::now();
    let ids = submit(server.target(), options.tasks)?;
    let submitted = begun.elapsed();
    settle(server.admin(), PATIENCE)?;
    let ended = begun.elapsed();
    let seen = watch.stop()?;
    let wrong = accepted::count_not_in(server.target(), &ids, FAIL_TIMES + 1)?;
    let errors = errors(server.target())?;
    let mut figures = Figures::default();
    figures.tell("tasks", options.tasks);
    figures.tell_seconds("submitted", submitted);
    figures.tell_seconds("all ended", ended);
    tell_watch(&mut figures, &seen, options.tasks);
    figures.hold(Bar::none("tasks without success in their fourth attempt", wrong));
    hold_errors(&mut figures, &errors, options.tasks);
    figures.print(options.output)
}

fn settings(retry_first: Duration) -> String {
    let first = retry_first.as_millis();
    let most = first * 4;
    format!("[kinds.flaky]\nattempts = 10\nretry_first = \"{first}ms\"\nretry_max = \"{most}ms\"\n")
}

fn tell_watch(figures: &mut Figures, seen: &Seen, tasks: usize) {
    figures.tell("looks at the workers", seen.looks);
    figures.tell("most tasks waiting at once", seen.waiting_max);
    let half = tasks as f64 / 2.0;
    let waiting = Bar::at_least("tasks that wait for a retry, at most", seen.waiting_max, half);
    figures.hold(waiting);
    let busy = seen.busy_min.unwrap_or(f64::NAN);
    figures.hold(Bar::at_most("busy workers while half of all wait, at least", busy, 0.0));
}

fn hold_errors(figures: &mut Figures, errors: &[LedgerLine], tasks: usize) {
    let ours: Vec<_> = errors.iter().filter(|line| line.kind == "flaky").collect();
    figures.tell("lines in the ledger", ours.len());
    figures.hold(Bar::none("lines too many or too few in it", ours.len().abs_diff(1) as u64));
    let count: u64 = ours.iter().map(|line| line.count).sum();
    let expected = tasks as u64 * u64::from(FAIL_TIMES);
    figures.tell("errors in the ledger", count);
    figures.hold(Bar::none("errors too many or too few in it", count.abs_diff(expected)));
}

fn submit(target: SocketAddr, tasks: usize) -> anyhow::Result<Vec<String>> {
    let body = |_| format!("{{\"fail_times\":{FAIL_TIMES}}}");
    accepted::submit(SUBMITTERS, (target, "/v1/tasks/flaky?wait=0s"), tasks, body)
}

/// A line of the ledger of errors.
#[derive(Debug, Deserialize)]
struct LedgerLine {
    kind: String,
    class: String,
    count: u64,
}

#[derive(Debug, Deserialize)]
struct Ledger {
    errors: Vec<LedgerLine>,
}

fn errors(target: SocketAddr) -> anyhow::Result<Vec<LedgerLine>> {
    let reply = ask(target, &get(target, "/v1/errors"))?;
    if reply.status != 200 {
        bail!("the ledger of errors was answered with {}", reply.status);
    }
    let mut lines = read::<Ledger>(&reply.body)?.errors;
    lines.retain(|line| line.class == "ephemeral");
    Ok(lines)
}
