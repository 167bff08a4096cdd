//! `flaky`: a day of an upstream that fails now and then, in minutes: a hundred thousand calls come to
//! nothing, with an error, with a connection that breaks, with no answer at all. All tasks end all the
//! same, each takes effect once, and the ledger of errors counts every failure and no other.

use crate::accepted;
use crate::ask::ask;
use crate::bar::Bar;
use crate::batch::ask_all;
use crate::document::{Task, read};
use crate::figures::Figures;
use crate::home::HomeOptions;
use crate::output::Output;
use crate::request::get;
use crate::server_process::lasting_addresses;
use crate::settle::settle;
use crate::upstream::{Behaviour, Ledger, Script, Settings, Upstream};
use crate::verdict::Verdict;
use anyhow::bail;
use serde::Deserialize;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What share of the calls comes to nothing. While much more do, an upstream ails, and retries are kept
/// to a few a second: then a day would be a day.
const FAILED_SHARE: f64 = 0.1;
/// How. The last is a call whose work is done and whose answer never comes.
const BEHAVIOUR: &str = "5% 503, 3.45% 500, 1% cut, 0.5% 408, 0.05% hang";
/// More tasks than come to as many failures on average.
const MORE: f64 = 1.02;
const SUBMITTERS: usize = 64;
const TIMEOUT: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(1_200);

/// A hundred thousand calls that come to nothing, on a private server.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many failures there have to be.
    #[arg(long, default_value_t = 100_000)]
    failures: u64,
    /// Decides which calls fail.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    output: Output,
}

impl Options {
    fn tasks(&self) -> usize {
        let for_each = FAILED_SHARE / (1.0 - FAILED_SHARE);
        (self.failures as f64 / for_each * MORE).ceil() as usize
    }
}

/// Submits the tasks, waits until all have ended, compares, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let [address] = lasting_addresses()?;
    let behaviour = Behaviour::read(BEHAVIOUR).map_err(anyhow::Error::msg)?;
    let upstream = Upstream::start(address, Script::always(behaviour), options.seed)?;
    let home = options.home.furnish(&settings(address))?;
    let server = home.start()?;
    let (begun, tasks) = (Instant::now(), options.tasks());
    let body = |number| format!("{{\"number\":{number}}}");
    let path = "/v1/tasks/flaky-day?wait=0s";
    let ids = accepted::submit(SUBMITTERS, (server.target(), path), tasks, body)?;
    let submitted = begun.elapsed();
    settle(server.admin(), PATIENCE)?;
    let ended = begun.elapsed();
    let ledger = upstream.stop()?;
    let audit = Audit::of(server.target(), &ids, &ledger)?;
    let counted = counted(server.target())?;
    let mut figures = Figures::default();
    figures.tell("tasks", tasks);
    figures.tell_seconds("submitted", submitted);
    figures.tell_seconds("all ended", ended);
    tell(&mut figures, &ledger, ended);
    hold(&mut figures, options, &ledger);
    figures.hold(Bar::none("tasks that did not succeed", audit.failed));
    figures.hold(Bar::none("tasks whose attempts are not their calls", audit.miscounted));
    figures.tell("errors in the ledger", counted);
    let astray = counted.abs_diff(ledger.failures());
    figures.hold(Bar::none("errors too many or too few in it", astray));
    figures.print(options.output)
}

fn settings(address: SocketAddr) -> String {
    let kind = "retry_first = \"100ms\"\nretry_max = \"2s\"\n";
    let (name, mode, timeout) = ("flaky-day", "shed", TIMEOUT);
    Settings { name, address, mode, concurrency: 0, timeout, kind }.tables()
}

fn tell(figures: &mut Figures, ledger: &Ledger, ended: Duration) {
    let told = ledger.told();
    let ways = told.answers.iter().map(|(status, count)| format!("{status}: {count}"));
    figures.tell("answers", ways.collect::<Vec<_>>().join(", "));
    figures.tell("cut", told.cut);
    figures.tell("never answered", told.left);
    figures.tell("calls a second", (told.deliveries as f64 / ended.as_secs_f64()).round());
    figures.tell("calls of one task at most", told.deliveries_of_a_key_max);
    figures.tell("done before, and not again", told.repeated);
}

fn hold(figures: &mut Figures, options: &Options, ledger: &Ledger) {
    let (told, tasks) = (ledger.told(), options.tasks());
    let failures = ledger.failures() as f64;
    figures.hold(Bar::at_least("calls that came to nothing", failures, options.failures as f64));
    let missing = tasks.abs_diff(told.applied) as u64;
    figures.hold(Bar::none("effects too many or too few", missing));
    let twice = told.bodies_under_several_keys as u64 + told.keys_with_several_bodies;
    figures.hold(Bar::none("tasks with another key, or keys with another task", twice));
    figures.hold(Bar::none("calls without a key", told.without_key));
}

/// What the server says of the tasks.
#[derive(Clone, Copy, Debug, Default)]
struct Audit {
    failed: u64,
    /// Those that do not count as many attempts as there were calls.
    miscounted: u64,
}

impl Audit {
    fn of(target: SocketAddr, ids: &[String], ledger: &Ledger) -> anyhow::Result<Self> {
        let mut audit = Self::default();
        ask_all(
            target,
            ids.len(),
            |number, request| *request = get(target, &format!("/v1/tasks/{}", ids[number])),
            |number, response| match read::<Task>(response.body) {
                Ok(task) => {
                    let calls = ledger.deliveries_of(&ids[number]);
                    audit.failed += u64::from(!task.is_succeeded());
                    audit.miscounted += u64::from(task.attempts != calls);
                }
                Err(_) => audit.failed += 1,
            },
        )?;
        Ok(audit)
    }
}

/// A line of the ledger of errors.
#[derive(Debug, Deserialize)]
struct LedgerLine {
    count: u64,
}

#[derive(Debug, Deserialize)]
struct ErrorLedger {
    errors: Vec<LedgerLine>,
    next: Option<String>,
}

/// What the ledger counts in all.
fn counted(target: SocketAddr) -> anyhow::Result<u64> {
    let reply = ask(target, &get(target, "/v1/errors?limit=100"))?;
    if reply.status != 200 {
        bail!("the ledger of errors was answered with {}", reply.status);
    }
    let ledger: ErrorLedger = read(&reply.body)?;
    if ledger.next.is_some() {
        bail!("the ledger has more lines than failures differ");
    }
    Ok(ledger.errors.iter().map(|line| line.count).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argument::options;

    #[test]
    fn so_many_tasks_come_to_more_failures_than_are_asked_for() {
        let options: Options = options(&["--failures", "3000"]);
        assert_eq!(options.tasks(), 27_540);
        let shares = BEHAVIOUR.split(',').map(|share| {
            share.trim().split('%').next().and_then(|share| share.parse::<f64>().ok()).unwrap()
        });
        assert!((shares.sum::<f64>() - 100.0 * FAILED_SHARE).abs() < 1e-9);
    }
}
