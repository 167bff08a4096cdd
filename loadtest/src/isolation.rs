//! `overtime selftest isolation`: a private server is called at a modest rate, first quietly and then
//! while it is flooded with bulk, and what a single call pays for that is told, with what the server
//! itself measured by lane. It leaves no process and no data behind.

mod calls;
mod flood;
mod report;
mod starts;

use crate::metrics::Metrics;
use crate::output::Output;
use crate::random::fresh_seed;
use crate::server_process::ServerProcess;
use crate::verdict::Verdict;
use anyhow::{Context, bail};
use calls::{Caller, Calls};
use flood::Flood;
use report::{Phase, Report};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What is called or flooded for so long before it is measured, so that nothing is cold any more.
const WARM_UP: Duration = Duration::from_millis(500);

/// Call a private server while it is flooded with bulk, and say what a single call pays for that on
/// this machine and disk
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Options {
    /// For how long it is called quietly, and for how long beside the flood
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Single calls a second
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    rate: u32,
    /// Clients that send bulk, each one body after the other
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    streams: u32,
    /// Where its data goes, in a folder that is removed afterwards
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    data: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Calls, floods and prints what that comes to.
///
/// # Errors
/// If there is no server to be had, or it `is_interrupted`: then nothing was shown.
pub fn run(options: &Options, is_interrupted: &AtomicBool) -> anyhow::Result<Verdict> {
    let folder = tempfile::Builder::new()
        .prefix("overtime-selftest-")
        .tempdir_in(&options.data)
        .with_context(|| format!("cannot create a folder in {}", options.data.display()))?;
    let binary = std::env::current_exe().context("cannot find this program")?;
    let server = ServerProcess::start(&binary, folder.path())?;
    let report = Course { options, server: &server, is_interrupted }.play()?;
    options.output.print(&report)?;
    Ok(Verdict::of(report.is_isolated()))
}

struct Course<'a> {
    options: &'a Options,
    server: &'a ServerProcess,
    is_interrupted: &'a AtomicBool,
}

impl Course<'_> {
    fn play(&self) -> anyhow::Result<Report> {
        let (seed, span) = (fresh_seed(), Duration::from_secs(self.options.seconds));
        let caller = Caller::new(self.server.target(), self.options.rate, seed);
        let flood = Flood::new(self.server.target(), self.options.streams, seed);
        caller.call(WARM_UP, self.is_interrupted);
        self.say("calling quietly");
        let quiet = self.measure(&caller, span)?;
        self.say("calling beside a flood of bulk");
        let is_over = AtomicBool::new(false);
        let (flooded, bulk) = std::thread::scope(|scope| {
            let poured = scope.spawn(|| flood.pour(&is_over));
            caller.call(WARM_UP, self.is_interrupted);
            let flooded = self.measure(&caller, span);
            is_over.store(true, Ordering::Relaxed);
            (flooded, poured.join().expect("no stream panics"))
        });
        Ok(Report::new(self.options, quiet, flooded?, bulk))
    }

    fn measure(&self, caller: &Caller, span: Duration) -> anyhow::Result<Phase> {
        let before = Metrics::read(self.server.admin())?;
        let calls: Calls = caller.call(span, self.is_interrupted);
        let after = Metrics::read(self.server.admin())?;
        if self.is_interrupted.load(Ordering::Relaxed) {
            bail!("interrupted before there was anything to tell");
        }
        Ok(Phase::new(calls, starts::between(&before, &after)?))
    }

    fn say(&self, what: &str) {
        let mut out = std::io::stderr();
        if out.is_terminal() {
            // Nobody has to look on.
            let _ = writeln!(out, "{what} for {} s …", self.options.seconds);
        }
    }
}
