//! `delivery`: how fast accepted tasks are delivered to an upstream that answers at once, beside bare
//! threads that make the same calls with the same client and remember nothing. In turns, in one run,
//! because a machine is not the same all day.

mod bare;
mod pace;

use crate::accepted;
use crate::bar::Bar;
use crate::figures::Figures;
use crate::home::HomeOptions;
use crate::output::Output;
use crate::server_process::lasting_addresses;
use crate::settle::settle;
use crate::upstream::{Behaviour, Ledger, Script, Settings, Upstream};
use crate::verdict::Verdict;
use pace::{Pace, median};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Of what bare threads do, the least that has to be done.
const SHARE_MIN: f64 = 0.5;
const SUBMITTERS: usize = 64;
const TIMEOUT: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(600);
/// While tasks are submitted none is due: so many a second are taken for granted.
const SUBMITTED_PER_SECOND: u64 = 10_000;

/// Deliveries to a fast upstream, on private servers.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many tasks wait to be delivered.
    #[arg(long, default_value_t = 100_000)]
    tasks: usize,
    /// How often both are measured, in turns.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// How many calls at a time, and how many bare threads.
    #[arg(long, default_value_t = 50)]
    concurrency: usize,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    output: Output,
}

impl Options {
    fn delay(&self) -> Duration {
        Duration::from_secs(2 + self.tasks as u64 / SUBMITTED_PER_SECOND)
    }
}

/// What one round has shown.
struct Round {
    bare: Pace,
    ours: Pace,
    wrong: u64,
}

/// Measures both in turns, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        let bare = bare(options)?;
        let (ours, wrong) = ours(options)?;
        eprintln!("round {number}: {bare} by bare threads, {ours} by overtime");
        rounds.push(Round { bare, ours, wrong });
    }
    figures(options, &rounds).print(options.output)
}

fn bare(options: &Options) -> anyhow::Result<Pace> {
    let upstream = fast()?;
    bare::call(upstream.address(), options.tasks, options.concurrency)?;
    Pace::of(&upstream.stop()?)
}

fn ours(options: &Options) -> anyhow::Result<(Pace, u64)> {
    let upstream = fast()?;
    let home = options.home.furnish(&settings(options, upstream.address()))?;
    let server = home.start()?;
    let (begun, delay) = (Instant::now(), options.delay());
    let path = format!("/v1/tasks/deliver?wait=0s&delay={}ms", delay.as_millis());
    accepted::submit(SUBMITTERS, (server.target(), &path), options.tasks, body)?;
    let took = begun.elapsed();
    anyhow::ensure!(took < delay, "submitting took {took:?}: some were delivered meanwhile");
    settle(server.admin(), PATIENCE)?;
    let ledger = upstream.stop()?;
    Ok((Pace::of(&ledger)?, wrong(options, &ledger)))
}

fn fast() -> anyhow::Result<Upstream> {
    let [address] = lasting_addresses()?;
    Upstream::start(address, Script::always(Behaviour::slow(Duration::ZERO)), 1)
}

/// What every call brings.
fn body(number: usize) -> String {
    format!("{{\"number\":{number:08},\"note\":\"{}\"}}", "n".repeat(100))
}

fn settings(options: &Options, address: SocketAddr) -> String {
    let (name, mode, concurrency, timeout) = ("deliver", "shed", options.concurrency, TIMEOUT);
    Settings { name, address, mode, concurrency, timeout, kind: "" }.tables()
}

/// Tasks that were not delivered once.
fn wrong(options: &Options, ledger: &Ledger) -> u64 {
    let told = ledger.told();
    let missing = options.tasks.abs_diff(told.applied) + options.tasks.abs_diff(told.deliveries);
    missing as u64 + told.bodies_under_several_keys as u64
}

fn figures(options: &Options, rounds: &[Round]) -> Figures {
    let mut figures = Figures::default();
    figures.tell("tasks", options.tasks);
    figures.tell("calls at a time", options.concurrency);
    let paces = |of: fn(&Round) -> &Pace| {
        let paces: Vec<_> = rounds.iter().map(|round| of(round).to_string()).collect();
        paces.join(", ")
    };
    figures.tell("bare threads", paces(|round| &round.bare));
    figures.tell("overtime", paces(|round| &round.ours));
    let share = median(rounds.iter().map(|round| round.ours.share_of(&round.bare)));
    figures.hold(Bar::at_least("calls a second / those of bare threads", share, SHARE_MIN));
    let wrong = rounds.iter().map(|round| round.wrong).sum();
    figures.hold(Bar::none("tasks not delivered once", wrong));
    figures
}
