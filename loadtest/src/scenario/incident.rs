//! `incident`: small calls at a steady rate, and then several clients who stream bulk at the same
//! server. A server that parses on its event loop makes every caller wait; this is how long they
//! wait here, beside the least that this machine allows.

mod contender;
mod page;
mod report;

use crate::argument::{seconds, size};
use crate::bulk::body::{items_in, requests};
use crate::bulk::streams::{Source, Streams, cycle};
use crate::contacts::Contacts;
use crate::load::{LoadShape, Work};
use crate::measurement::{Measured, Plan};
use crate::rival::{Against, Rival};
use crate::telling::Telling;
use crate::usage::peak_resident_bytes;
use crate::verdict::Verdict;
use anyhow::Context;
use contender::{Contender, RIVALS};
use report::{Contest, Report};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

/// How long the flood rises before anything counts.
const RISE: Duration = Duration::from_secs(2);
const WARMUP: Duration = Duration::from_secs(1);
/// Different bodies of each stream; then it sends them again.
const BODIES_PER_STREAM: usize = 4;

/// Small calls while others stream bulk, against private servers.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The server's binary; not needed against floors alone.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Which servers.
    #[arg(long, value_enum, default_value = "all")]
    against: Against,
    /// Small calls are upserts that are on disk when they are answered, instead of echoes.
    #[arg(long)]
    durable: bool,
    /// Small calls a second, due whatever the server does.
    #[arg(long, default_value = "400")]
    rate: NonZeroU32,
    /// Connections for them.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Clients that stream bulk.
    #[arg(long, default_value_t = 4)]
    streams: usize,
    /// Bytes of a bulk body.
    #[arg(long, default_value = "5MB", value_parser = size)]
    body_bytes: usize,
    /// How much lower than others the operating system ranks the floor's process that takes bulk,
    /// from 0 to 19.
    #[arg(long, default_value_t = 0)]
    floor_nice: u32,
    /// How long each of the two parts is measured.
    #[arg(long, default_value = "10s", value_parser = seconds)]
    seconds: Duration,
    /// How often each server has its turn. It is judged by the round with the median p99: a disk that
    /// stands still for a moment decides a p99 alone.
    #[arg(long, default_value = "1")]
    rounds: NonZeroUsize,
    /// Decides what is sent.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to put the data of all servers; a temporary folder inside it is removed afterwards.
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
    #[command(flatten)]
    telling: Telling,
}

impl Options {
    fn work(&self) -> Work {
        if self.durable { Work::Upsert } else { Work::Echo }
    }
}

/// Floods one server after the other, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let names = options.against.names(RIVALS);
    let mut rounds: Vec<Vec<Contest>> = names.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds.get() {
        for (&name, contests) in names.iter().zip(&mut rounds) {
            contests.push(turn(name, options).with_context(|| name.to_string())?);
        }
    }
    let contests: Vec<_> = rounds.into_iter().filter_map(Contest::typical).collect();
    let report = Report::new(options, &contests);
    options.telling.judge(&report, &report.bars, || page::draw(options, &contests))
}

fn turn(name: Rival, options: &Options) -> anyhow::Result<Contest> {
    let folder = tempfile::tempdir_in(&options.folder).context("cannot create a folder")?;
    let contender = Contender::start(name, options, folder.path())?;
    let contest = contest(options, &contender)?;
    eprintln!("{name:<10}quiet   {}", contest.quiet.summary.latency);
    eprintln!("{:<10}flooded {}", "", contest.flooded.summary.latency);
    Ok(contest)
}

fn contest(options: &Options, contender: &Contender) -> anyhow::Result<Contest> {
    let quiet = plan(options, contender, WARMUP).run()?;
    let streams = Streams::start(contender.bulk_target(), sources(options, contender))?;
    let flooded: anyhow::Result<Measured> = plan(options, contender, RISE).run();
    let (tally, span) = streams.stop()?;
    let (flooded, bulk) = (flooded?, tally.summary(span));
    Ok(Contest {
        name: contender.name(),
        wrong_calls: quiet.summary.error_count() + flooded.summary.error_count(),
        wrong_bulk: bulk.faults,
        quiet,
        flooded,
        bulk,
        peak_bytes: peak_resident_bytes(contender.pid()).ok(),
    })
}

fn plan(options: &Options, contender: &Contender, warmup: Duration) -> Plan {
    Plan {
        work: options.work(),
        shape: LoadShape {
            target: contender.small_target(),
            bytes: 256,
            emails: 100_000,
            seed: options.seed,
        },
        connections: options.connections,
        warmup,
        measured: options.seconds,
        rate: Some(options.rate),
        pid: Some(contender.pid()),
    }
}

/// Each stream has contacts of its own, so that streams do not contend for them.
fn sources(options: &Options, contender: &Contender) -> Vec<Source> {
    let bodies = options.streams * BODIES_PER_STREAM;
    let items = u32::try_from(bodies * items_in(options.body_bytes)).unwrap_or(u32::MAX);
    let contacts = Contacts::new(items, options.seed);
    let mut requests = requests(contender.bulk_target(), &contacts, options.body_bytes);
    requests.truncate(bodies);
    requests.chunks(BODIES_PER_STREAM).map(|own| cycle(own.to_vec())).collect()
}
