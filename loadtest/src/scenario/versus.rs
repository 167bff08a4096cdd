//! `versus`: the task server beside the floors, in turns on the same machine, so that anyone can
//! repeat the figures with one command.

mod table;

use crate::argument::seconds;
use crate::load::{LoadShape, Work};
use crate::measurement::Plan;
use crate::output::Output;
use crate::server_process::ServerProcess;
use crate::usage::ProcessUsage;
use crate::verdict::Verdict;
use anyhow::Context;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use table::Table;

/// How long a server may go on working after its turn.
const QUIET_PATIENCE: Duration = Duration::from_secs(30);
const QUIET_LOOK: Duration = Duration::from_millis(500);
/// Processor time within a look that still counts as quiet.
const QUIET_CPU: Duration = Duration::from_millis(20);
const WARMUP: Duration = Duration::from_secs(1);

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Scenario {
    /// 256 bytes come back, 64 connections; floors: the relay, and axum.
    Echo,
    /// A contact is changed and on disk, 64 connections; floor: the relay that syncs.
    Upsert,
    /// The same over one connection.
    One,
}

impl Scenario {
    fn work(self) -> Work {
        match self {
            Self::Echo => Work::Echo,
            Self::Upsert | Self::One => Work::Upsert,
        }
    }

    fn connections(self) -> usize {
        match self {
            Self::Echo | Self::Upsert => 64,
            Self::One => 1,
        }
    }
}

/// The task server beside the floors, run by run in turns.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The server's binary.
    #[arg(long)]
    binary: PathBuf,
    /// What is compared.
    #[arg(long, value_enum, default_value = "echo")]
    scenario: Scenario,
    /// How many runs of each.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// How long a run is measured.
    #[arg(long, default_value = "10s", value_parser = seconds)]
    seconds: Duration,
    /// Requests a second (open loop); without it each connection sends its next at once.
    #[arg(long)]
    rate: Option<std::num::NonZeroU32>,
    /// How many different contacts.
    #[arg(long, default_value_t = 100_000)]
    emails: u64,
    /// Where to put the data of all of them; a temporary folder inside it is removed afterwards.
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Starts them, measures in turns, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let folder = tempfile::tempdir_in(&options.folder).context("cannot create a folder")?;
    let servers = start(options, folder.path())?;
    let names: Vec<&'static str> = servers.iter().map(|(name, _)| *name).collect();
    let mut table = Table::new(&names);
    for run in 0..options.runs {
        for place in 0..servers.len() {
            // Nobody always comes right after the same neighbour.
            let (name, server) = &servers[(place + run) % servers.len()];
            let summary = plan(options, server, run).run()?.summary;
            eprintln!("run {} {name:<9} {:>8.0}/s  {}", run + 1, summary.rate, summary.latency);
            table.add(name, summary);
            await_quiet(server.pid())?;
        }
    }
    options.output.print(&table)?;
    Ok(Verdict::of(table.error_count() == 0))
}

fn start(options: &Options, folder: &Path) -> anyhow::Result<Vec<(&'static str, ServerProcess)>> {
    let overtime = ServerProcess::start(&options.binary, folder)?;
    let mut servers = vec![("overtime", overtime)];
    if options.scenario == Scenario::Echo {
        servers.push(("relay", ServerProcess::floor("relay", &[], folder)?));
        servers.push(("axum", ServerProcess::floor("axum", &[], folder)?));
    } else {
        let ring = folder.join("ring");
        let ring = ring.to_str().context("the folder's name is not UTF-8")?;
        servers.push(("relay", ServerProcess::floor("relay", &["--sync", ring], folder)?));
    }
    Ok(servers)
}

fn plan(options: &Options, server: &ServerProcess, run: usize) -> Plan {
    Plan {
        work: options.scenario.work(),
        shape: LoadShape {
            target: server.target(),
            bytes: 256,
            emails: options.emails,
            seed: run as u64 + 1,
        },
        connections: options.scenario.connections(),
        warmup: WARMUP,
        measured: options.seconds,
        rate: options.rate,
        pid: Some(server.pid()),
    }
}

/// Waits until a server has stopped working, so that it does not disturb the next one.
fn await_quiet(pid: u32) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut before = ProcessUsage::of(pid)?.cpu;
    while begun.elapsed() < QUIET_PATIENCE {
        std::thread::sleep(QUIET_LOOK);
        let now = ProcessUsage::of(pid)?.cpu;
        if now - before <= QUIET_CPU {
            return Ok(());
        }
        before = now;
    }
    eprintln!("process {pid} is still busy after {QUIET_PATIENCE:?}; the next run suffers");
    Ok(())
}
