//! `crash`: a private server is killed in the middle of its work, again and again. What it
//! acknowledged must be there, what it did not must be there once or not at all.

mod audit;
mod ledger;
mod load;

use crate::generator::Generator;
use crate::random::{Random, fresh_seed};
use crate::server_process::ServerProcess;
use crate::settle::settle;
use crate::verdict::Verdict;
use anyhow::Context;
use audit::Scope;
use ledger::{Findings, Ledger};
use load::{Load, Round};
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
    /// Where to put its data; a temporary folder inside it is kept only if something is wrong.
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
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
    let seed = options.seed.unwrap_or_else(fresh_seed);
    println!("seed         {seed}");
    let mut folder = tempfile::tempdir_in(&options.folder).context("cannot create a folder")?;
    let mut ledger = Ledger::new(options.emails);
    let outcome = play(options, Random::new(seed), folder.path(), &mut ledger);
    let is_right = outcome.as_ref().is_ok_and(|tally| tally.findings.violations() == 0);
    if !is_right {
        folder.disable_cleanup(true);
        println!("kept         {}", folder.path().display());
    }
    print(&outcome?, &ledger);
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
            println!("round {round:<6} {findings:?}");
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

fn print(tally: &Tally, ledger: &Ledger) {
    let counts = ledger.counts();
    println!("acknowledged {} upserts, {} tasks by 202", counts.acknowledged, counts.accepted);
    println!("unknown      {} sent and not answered", counts.unknown);
    println!("refused      {}", counts.refused);
    let Findings { missing, doubled, wrong, unfinished } = tally.findings;
    println!("missing      {missing}");
    println!("doubled      {doubled}");
    println!("wrong        {wrong}");
    println!("unfinished   {unfinished} tasks that were accepted and did not succeed");
    println!("restarts     {} more while starting", tally.killed_while_starting);
    println!("ready        within {:.3} s", tally.ready_max.as_secs_f64());
    println!("settled      within {:.3} s", tally.settle_max.as_secs_f64());
}
