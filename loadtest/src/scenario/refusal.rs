//! `refusal`: what it costs a server to say no. A server that spends as much on a refusal as on the
//! work is brought down by callers whom it refuses; so each kind of refusal is put beside an HTTP
//! server that does nothing but answer, at the same rate over as many connections, in turns.

mod page;
mod report;
mod way;

use crate::argument::seconds;
use crate::home::HomeOptions;
use crate::load::{LoadShape, Work};
use crate::measurement::Plan;
use crate::server_process::ServerProcess;
use crate::telling::Telling;
use crate::verdict::Verdict;
use anyhow::Context;
use report::{Contest, Report, Run, Sample};
use std::num::NonZeroU32;
use std::time::Duration;
use way::{Refuser, Way};

/// How long one of the two is measured before it is the other's turn. Machines have moods that last
/// for seconds: in turns as short as this they weigh on both alike.
const TURN: Duration = Duration::from_millis(250);
/// Before each turn.
const WARMUP: Duration = Duration::from_millis(100);

/// Processor time of a refused request beside that of the barest HTTP server.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Why requests are refused.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "backlog,rate,no-key")]
    why: Vec<Way>,
    /// Requests a second, due whatever the server does.
    #[arg(long, default_value = "10000")]
    rate: NonZeroU32,
    /// Over how many connections.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Bytes of a body.
    #[arg(long, default_value_t = 256)]
    bytes: usize,
    /// How many runs of each.
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// How long each of the two is measured in a run, in turns of a quarter of a second.
    #[arg(long, default_value = "5s", value_parser = seconds)]
    seconds: Duration,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    telling: Telling,
}

/// Measures in turns, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let folder = tempfile::tempdir().context("cannot create a folder")?;
    let floor = ServerProcess::floor("echo", &[], folder.path())?;
    let mut contests = Vec::new();
    for why in &options.why {
        let refuser = Refuser::start(*why, options)?;
        let contest = contest(options, &floor, &refuser).with_context(|| why.to_string())?;
        eprintln!("{contest}");
        contests.push(contest);
    }
    let report = Report::new(options, contests);
    options.telling.judge(&report, &report.bars, || page::draw(options, &report))
}

/// The floor and the one who refuses, in turns; each goes first as often as the other.
fn contest(options: &Options, floor: &ServerProcess, refuser: &Refuser) -> anyhow::Result<Contest> {
    let mut contest = Contest::new(refuser.way());
    // The first of each finds everything cold.
    answered(options, floor, 0)?;
    refused(options, refuser, 0)?;
    for _ in 0..options.runs {
        let mut run = Run::default();
        for turn in 0..turns(options.seconds) {
            take_turn(options, (floor, refuser), turn, &mut run)?;
        }
        eprintln!("{:<12} {run}", contest.why);
        contest.runs.push(run);
    }
    Ok(contest)
}

fn turns(span: Duration) -> u64 {
    (span.as_millis() / TURN.as_millis()).max(1) as u64
}

fn take_turn(
    options: &Options,
    (floor, refuser): (&ServerProcess, &Refuser),
    turn: u64,
    run: &mut Run,
) -> anyhow::Result<()> {
    if turn.is_multiple_of(2) {
        run.floor.push(answered(options, floor, turn)?);
        run.refused.push(refused(options, refuser, turn)?);
    } else {
        run.refused.push(refused(options, refuser, turn)?);
        run.floor.push(answered(options, floor, turn)?);
    }
    Ok(())
}

fn answered(options: &Options, floor: &ServerProcess, turn: u64) -> anyhow::Result<Sample> {
    let summary = plan(options, floor, turn).run_briefly(None)?.summary;
    Ok(Sample::of(&summary, summary.ok))
}

fn refused(options: &Options, refuser: &Refuser, turn: u64) -> anyhow::Result<Sample> {
    let summary = plan(options, refuser.server(), turn).run_briefly(refuser.key())?.summary;
    let status = refuser.way().status().to_string();
    let refused = summary.errors.get(&status).copied().unwrap_or(0);
    Ok(Sample::of(&summary, refused))
}

fn plan(options: &Options, server: &ServerProcess, turn: u64) -> Plan {
    Plan {
        work: Work::Echo,
        shape: LoadShape {
            target: server.target(),
            bytes: options.bytes,
            emails: 1,
            seed: turn + 1,
        },
        connections: options.connections,
        warmup: WARMUP,
        measured: TURN,
        rate: Some(options.rate),
        pid: Some(server.pid()),
    }
}
