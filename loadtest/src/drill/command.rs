//! `overtime drill`: a private server is loaded, killed and started again, round after round, and
//! compared with what it has acknowledged. It leaves no process behind, and no data unless
//! something is wrong.

use super::report::{Report, Restarts};
use super::spool::await_empty;
use super::{Drill, Scope};
use crate::output::Output;
use crate::random::{Random, fresh_seed};
use crate::server_process::ServerProcess;
use crate::verdict::Verdict;
use anyhow::Context;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Rounds if neither they nor minutes are named.
const ROUNDS: u64 = 20;
/// A round's load lasts so long at least, and at most so much longer.
const LOAD_MIN_MS: u64 = 100;
const LOAD_MORE_MS: u64 = 1_000;
/// One restart in so many is killed before it is through.
const KILL_STARTING_IN: u64 = 5;
/// One round in so many goes on to the next kill without a comparison.
const SKIP_IN: u64 = 4;
/// How often it is looked whether the time has come.
const GLANCE: Duration = Duration::from_millis(5);
/// Retries that come soon, so that a round need not wait for them.
const SETTINGS: &str = "[kinds.flaky]\nretry_first = \"20ms\"\nretry_max = \"1s\"\n\
                        [kinds.steps]\nretry_first = \"20ms\"\nretry_max = \"1s\"\n";

/// Kill a private server under load again and again, and check that it keeps its word on this
/// machine and disk
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Options {
    /// How often it is killed under load [default: 20, if no minutes are named]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: Option<u64>,
    /// For how long
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    minutes: Option<u64>,
    /// Where its data goes, in a folder that is kept only if something is wrong
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    data: PathBuf,
    /// Decides what is sent and when the server is killed [default: another each time]
    #[arg(long)]
    seed: Option<u64>,
    /// How many clients, each with a connection for each protocol
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    clients: u64,
    #[command(flatten)]
    output: Output,
}

/// Kills, starts again and compares, until it is through or `is_interrupted`; prints the verdict.
///
/// # Errors
/// If there is no server to be had: then nothing was shown.
pub fn run(options: &Options, is_interrupted: &AtomicBool) -> anyhow::Result<Verdict> {
    let seed = options.seed.unwrap_or_else(fresh_seed);
    let mut folder =
        tempfile::Builder::new()
            .prefix("overtime-drill-")
            .tempdir_in(&options.data)
            .with_context(|| format!("cannot create a folder in {}", options.data.display()))?;
    std::fs::write(folder.path().join("overtime.toml"), SETTINGS)
        .with_context(|| format!("cannot write into {}", folder.path().display()))?;
    let mut report = Report::new(seed);
    let mut course = Course::new(options, seed, folder.path(), is_interrupted)?;
    let played = course.play(&mut report);
    report.counts = course.drill.counts();
    drop(course);
    if let Err(error) = played {
        report.broken_off = Some(format!("{error:#}"));
    }
    let is_right = report.conclude();
    if !is_right {
        folder.disable_cleanup(true);
        report.kept = Some(folder.path().to_owned());
    }
    options.output.print(&report)?;
    Ok(Verdict::of(is_right))
}

/// A drill on its way.
struct Course<'a> {
    drill: Drill,
    random: Random,
    binary: PathBuf,
    folder: &'a Path,
    server: Option<ServerProcess>,
    rounds: Option<u64>,
    until: Option<Instant>,
    is_interrupted: &'a AtomicBool,
}

impl<'a> Course<'a> {
    fn new(
        options: &Options,
        seed: u64,
        folder: &'a Path,
        is_interrupted: &'a AtomicBool,
    ) -> anyhow::Result<Self> {
        let binary = std::env::current_exe().context("cannot find this program")?;
        let minutes = options.minutes.map(|minutes| Duration::from_secs(60 * minutes));
        Ok(Self {
            drill: Drill::with_clients(seed, options.clients as usize),
            random: Random::new(seed),
            binary,
            folder,
            server: None,
            rounds: options.rounds.or(options.minutes.is_none().then_some(ROUNDS)),
            until: minutes.map(|span| Instant::now() + span),
            is_interrupted,
        })
    }

    fn play(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let begun = Instant::now();
        self.server = Some(ServerProcess::start(&self.binary, self.folder)?);
        loop {
            report.rounds += 1;
            let round = report.rounds;
            let told = |what: &str| format!("round {round}: {what}");
            self.crash(&mut report.restarts).with_context(|| told("kill"))?;
            self.restart(&mut report.restarts).with_context(|| told("restart"))?;
            let mut is_last = self.is_last(round);
            if is_last || self.random.below(SKIP_IN) > 0 {
                let scope = if is_last { Scope::Everything } else { Scope::Recent };
                self.compare(scope, report).with_context(|| told("comparison"))?;
                // The data is kept as it is then: what comes later would only cover the traces.
                is_last |= !report.findings.is_empty();
            }
            report.seconds = begun.elapsed().as_secs_f64();
            self.progress(report, is_last);
            if is_last {
                return Ok(());
            }
        }
    }

    fn is_last(&self, round: u64) -> bool {
        self.is_interrupted.load(Ordering::Relaxed)
            || self.rounds.is_some_and(|rounds| round >= rounds)
            || self.until.is_some_and(|until| Instant::now() >= until)
    }

    fn address(&self) -> anyhow::Result<std::net::SocketAddr> {
        Ok(self.server.as_ref().context("no server runs")?.target())
    }

    /// Loads the server, and kills it at its moment while the load goes on.
    fn crash(&mut self, restarts: &mut Restarts) -> anyhow::Result<()> {
        let span = LOAD_MIN_MS + self.random.below(LOAD_MORE_MS);
        let kill_at = Instant::now() + Duration::from_millis(span);
        let (address, is_over) = (self.address()?, AtomicBool::new(false));
        let mut server = self.server.take().context("no server runs")?;
        let (drill, is_interrupted) = (&mut self.drill, self.is_interrupted);
        restarts.killed += 1;
        std::thread::scope(|scope| {
            scope.spawn(|| drill.load(address, &|| is_over.load(Ordering::Relaxed)));
            while Instant::now() < kill_at && !is_interrupted.load(Ordering::Relaxed) {
                std::thread::sleep(GLANCE);
            }
            let killed = server.kill_running();
            is_over.store(true, Ordering::Relaxed);
            killed
        })
    }

    fn restart(&mut self, restarts: &mut Restarts) -> anyhow::Result<()> {
        if self.random.below(KILL_STARTING_IN) == 0 {
            // A kill in the middle of a restart must be as harmless as any other.
            let after = Duration::from_millis(self.random.below(100));
            ServerProcess::start_and_kill(&self.binary, self.folder, after)?;
            restarts.killed_while_starting += 1;
        }
        let server = ServerProcess::start(&self.binary, self.folder)?;
        restarts.note(server.ready_after());
        self.server = Some(server);
        Ok(())
    }

    fn compare(&mut self, scope: Scope, report: &mut Report) -> anyhow::Result<()> {
        let findings = self.drill.audit(self.address()?, scope)?;
        report.comparisons += 1;
        report.findings.extend(findings);
        report.findings.extend(await_empty(&self.folder.join("data")));
        Ok(())
    }

    /// One line that is written over if a person looks on, and otherwise one every tenth round.
    fn progress(&self, report: &Report, is_last: bool) {
        let (mut out, line) = (std::io::stderr(), report.progress(&self.drill.counts()));
        // Nobody has to look on.
        let _ = if out.is_terminal() {
            write!(out, "\r\x1b[K{line}{}", if is_last { "\n" } else { "" })
        } else if is_last || report.rounds.is_multiple_of(10) {
            writeln!(out, "{line}")
        } else {
            Ok(())
        };
    }
}
