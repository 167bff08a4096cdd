//! `crash`: a private server is killed in the middle of its work, again and again. What it
//! acknowledged must be there, what it did not must be there once or not at all.

mod audit;
mod bulk;
mod ledger;
mod load;

use crate::argument::size;
use crate::generator::Generator;
use crate::output::Output;
use crate::random::{Random, fresh_seed};
use crate::server_process::ServerProcess;
use crate::settle::settle;
use crate::verdict::Verdict;
use anyhow::Context;
use audit::Scope;
use ledger::{Counts, Findings, Ledger};
use load::{Load, Round};
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the work that a crash left may take.
const SETTLE: Duration = Duration::from_secs(120);

/// A private server under load is killed and started again, and what it holds is compared with
/// what it had acknowledged.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The server's binary.
    #[arg(long)]
    binary: PathBuf,
    /// How often it is killed under load.
    #[arg(long, default_value_t = 50)]
    rounds: u64,
    /// Decides what is sent and when the server is killed.
    #[arg(long)]
    seed: Option<u64>,
    /// How many connections.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// How many contacts are changed over and over.
    #[arg(long, default_value_t = 4_000)]
    emails: usize,
    /// Send bulk bodies instead of single calls.
    #[arg(long)]
    bulk: bool,
    /// With `--bulk`: clients that send bodies.
    #[arg(long, default_value_t = 4)]
    streams: usize,
    /// With `--bulk`: contacts for each round.
    #[arg(long, default_value_t = 100_000)]
    items: u32,
    /// With `--bulk`: bytes of a body.
    #[arg(long, default_value = "500KB", value_parser = size)]
    body_bytes: usize,
    /// Where to put its data; a temporary folder inside it is kept only if something is wrong.
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// What a run of rounds has shown.
#[derive(Debug, Default)]
struct Tally {
    findings: Findings,
    ready_max: Duration,
    settle_max: Duration,
    killed_while_starting: u64,
}

/// Kills, starts again, compares, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    if options.bulk { bulk::run(options) } else { run_singles(options) }
}

fn run_singles(options: &Options) -> anyhow::Result<Verdict> {
    let seed = options.seed.unwrap_or_else(fresh_seed);
    eprintln!("seed         {seed}");
    let mut folder = tempfile::tempdir_in(&options.folder).context("cannot create a folder")?;
    let mut ledger = Ledger::new(options.emails);
    let outcome = play(options, Random::new(seed), folder.path(), &mut ledger);
    let is_right = outcome.as_ref().is_ok_and(|tally| tally.findings.violations() == 0);
    if !is_right {
        folder.disable_cleanup(true);
        eprintln!("kept         {}", folder.path().display());
    }
    options.output.print(&Report::new(seed, &outcome?, &ledger))?;
    Ok(Verdict::of(is_right))
}

fn play(
    options: &Options,
    mut random: Random,
    folder: &Path,
    ledger: &mut Ledger,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let mut server = ServerProcess::start(&options.binary, folder)?;
    for round in 1..=options.rounds {
        let told = |what| format!("round {round}: {what}");
        crash(options, &mut random, &mut server, ledger).with_context(|| told("load"))?;
        if random.below(5) == 0 {
            // A crash in the middle of recovery must be as harmless as any other.
            let after = Duration::from_millis(random.below(60));
            ServerProcess::start_and_kill(&options.binary, folder, after)?;
            tally.killed_while_starting += 1;
        }
        server = ServerProcess::start(&options.binary, folder).with_context(|| told("restart"))?;
        tally.ready_max = tally.ready_max.max(server.ready_after());
        let settled = settle(server.admin(), SETTLE).with_context(|| told("settle"))?;
        tally.settle_max = tally.settle_max.max(settled);
        let scope = if round == options.rounds { Scope::Everything } else { Scope::Recent };
        let findings = audit::audit(server.target(), ledger, scope)?;
        eprintln!("round {round:<6} ready in {:?}, settled in {settled:?}", server.ready_after());
        if findings.violations() > 0 {
            eprintln!("round {round:<6} {findings:?}");
        }
        tally.findings.add(&findings);
    }
    Ok(tally)
}

/// Loads the server until it is killed at a random moment, then reads what its kernel still sends.
fn crash(
    options: &Options,
    random: &mut Random,
    server: &mut ServerProcess,
    ledger: &mut Ledger,
) -> anyhow::Result<()> {
    let mut generator = Generator::connect(server.target(), options.connections)?;
    let round = Round {
        target: server.target(),
        connections: options.connections,
        kill_at: Instant::now() + Duration::from_millis(100 + random.below(1_401)),
        seed: random.next_u64(),
    };
    let mut load = Load::new(round, ledger, || server.kill());
    generator.run(&mut load)?;
    load.outcome()
}

/// What is told of all rounds.
#[derive(Debug, Serialize)]
struct Report {
    seed: u64,
    counts: Counts,
    findings: Findings,
    killed_while_starting: u64,
    ready_seconds_max: f64,
    settled_seconds_max: f64,
}

impl Report {
    fn new(seed: u64, tally: &Tally, ledger: &Ledger) -> Self {
        Self {
            seed,
            counts: ledger.counts(),
            findings: tally.findings,
            killed_while_starting: tally.killed_while_starting,
            ready_seconds_max: tally.ready_max.as_secs_f64(),
            settled_seconds_max: tally.settle_max.as_secs_f64(),
        }
    }
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let Counts { acknowledged, accepted, unknown, refused } = self.counts;
        writeln!(out, "seed         {}", self.seed)?;
        writeln!(out, "acknowledged {acknowledged} upserts, {accepted} tasks by 202")?;
        writeln!(out, "unknown      {unknown} sent and not answered")?;
        writeln!(out, "refused      {refused}")?;
        let Findings { missing, doubled, wrong, unfinished } = self.findings;
        writeln!(out, "missing      {missing}")?;
        writeln!(out, "doubled      {doubled}")?;
        writeln!(out, "wrong        {wrong}")?;
        writeln!(out, "unfinished   {unfinished} tasks that were accepted and did not succeed")?;
        writeln!(out, "restarts     {} more while starting", self.killed_while_starting)?;
        writeln!(out, "ready        within {:.3} s", self.ready_seconds_max)?;
        writeln!(out, "settled      within {:.3} s", self.settled_seconds_max)
    }
}
