//! `flood`: hundreds of large uploads at once, with a length, in chunks, and in chunks of a single
//! byte, while small calls go on. All must end, nothing may stand still, and the server's memory
//! must not grow with what is sent to it.

mod report;
mod upload;
mod uploads;

use crate::argument::{seconds, size};
use crate::bar::verdict;
use crate::load::{LoadShape, Work};
use crate::measurement::Plan;
use crate::output::Output;
use crate::server_process::ServerProcess;
use crate::settle::settle;
use crate::usage::peak_resident_bytes;
use crate::verdict::Verdict;
use anyhow::Context;
use report::{Contest, Report};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use upload::{Framing, Upload};
use uploads::Uploads;

const SMALL_CONNECTIONS: usize = 32;
const LONGEST: Duration = Duration::from_secs(3_600);

/// Hundreds of large uploads at once, against a private server and against a process that reads
/// and discards.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The server's binary.
    #[arg(long)]
    binary: PathBuf,
    /// Long uploads with a length.
    #[arg(long, default_value_t = 100)]
    sized: usize,
    /// Long uploads in chunks.
    #[arg(long, default_value_t = 50)]
    chunked: usize,
    /// Bytes of a long upload.
    #[arg(long, default_value = "64MB", value_parser = size)]
    long_bytes: usize,
    /// Uploads in chunks of a single byte.
    #[arg(long, default_value_t = 50)]
    trickling: usize,
    /// Bytes of each of those.
    #[arg(long, default_value = "1MB", value_parser = size)]
    trickle_bytes: usize,
    /// Bytes of a line, most of them blanks: a line is a contact.
    #[arg(long, default_value = "16KB", value_parser = size)]
    line_bytes: usize,
    /// Small calls a second beside.
    #[arg(long, default_value = "200")]
    rate: NonZeroU32,
    /// How long no byte may move anywhere.
    #[arg(long, default_value = "60s", value_parser = seconds)]
    stuck_after: Duration,
    /// How long all of it may take.
    #[arg(long, default_value = "900s", value_parser = seconds)]
    patience: Duration,
    /// Where to put the server's data; a temporary folder inside it is removed afterwards.
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Floods the floor and then the server, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let folder = tempfile::tempdir_in(&options.folder).context("cannot create a folder")?;
    let floor = {
        let relay = ServerProcess::floor("relay", &[], folder.path())?;
        let reader = ServerProcess::floor("reader", &["--treatment", "discard"], folder.path())?;
        contest(options, "floor", (&relay, &reader)).context("floor")?
    };
    let server = ServerProcess::start(&options.binary, folder.path())?;
    let mut ours = contest(options, "overtime", (&server, &server)).context("overtime")?;
    let settled = settle(server.admin(), options.patience).context("the work of the uploads")?;
    ours.settled_seconds = Some(settled.as_secs_f64());
    ours.peak_bytes = peak_resident_bytes(server.pid())?;
    let report = Report::new(options, vec![floor, ours]);
    options.output.print(&report)?;
    Ok(verdict(&report.bars))
}

/// Sends all uploads to `bulk`, and small calls to `small` beside.
fn contest(
    options: &Options,
    name: &'static str,
    (small, bulk): (&ServerProcess, &ServerProcess),
) -> anyhow::Result<Contest> {
    let (plan, is_over) = (plan(options, small.target()), AtomicBool::new(false));
    let (outcome, measured) = std::thread::scope(|scope| {
        let measured = scope.spawn(|| plan.run_until(&is_over));
        let outcome = Uploads::start(bulk.target(), uploads(options))
            .and_then(|uploads| uploads.watch(options.stuck_after, options.patience));
        is_over.store(true, Ordering::Relaxed);
        (outcome, measured.join().expect("a measurement does not panic"))
    });
    let (outcome, measured) = (outcome?, measured?);
    eprintln!("{name:<10}{:.1} s, small calls {}", outcome.seconds, measured.summary.latency);
    Ok(Contest {
        server: name,
        outcome,
        small: measured.summary,
        peak_bytes: peak_resident_bytes(bulk.pid())?,
        settled_seconds: None,
    })
}

fn plan(options: &Options, target: SocketAddr) -> Plan {
    Plan {
        work: Work::Echo,
        shape: LoadShape { target, bytes: 256, emails: 1, seed: 1 },
        connections: SMALL_CONNECTIONS,
        warmup: Duration::ZERO,
        measured: LONGEST,
        rate: Some(options.rate),
        pid: None,
    }
}

fn uploads(options: &Options) -> Vec<Upload> {
    let kinds = [
        (options.sized, Framing::Sized, options.long_bytes),
        (options.chunked, Framing::Chunked, options.long_bytes),
        (options.trickling, Framing::Trickling, options.trickle_bytes),
    ];
    let all = kinds
        .into_iter()
        .flat_map(|(count, framing, bytes)| (0..count).map(move |_| (framing, bytes)));
    all.zip(0..)
        .map(|((framing, bytes), number)| Upload {
            framing,
            lines: (bytes / options.line_bytes).max(1),
            line_bytes: options.line_bytes,
            number,
        })
        .collect()
}
