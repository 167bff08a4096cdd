//! `restart`: how soon a server that was killed with a long backlog answers again, what memory the
//! backlog takes, how it treats who comes meanwhile, and whether each task is then done once.

use crate::accepted;
use crate::argument::span;
use crate::ask::ask;
use crate::bar::Bar;
use crate::batch::ask_all;
use crate::document::{Contact, read};
use crate::figures::Figures;
use crate::home::HomeOptions;
use crate::load::{LoadShape, Work};
use crate::measurement::Plan;
use crate::output::Output;
use crate::request::{get, post_json};
use crate::server_process::ServerProcess;
use crate::settle::settle;
use crate::usage::{ProcessUsage, peak_resident_bytes};
use crate::verdict::Verdict;
use anyhow::bail;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(600);
/// Connections that submit the backlog: each answer waits for a sync, which many share.
const SUBMITTERS: usize = 512;
/// When the first answer has to have come.
const ANSWERED_SECONDS_MAX: f64 = 2.0;
/// What the server may have in memory, in millions of bytes.
const RESIDENT_MB_MAX: f64 = 500.0;
/// How many small calls a second are made beside the backlog, and on how many connections.
const CALLS: NonZeroU32 = NonZeroU32::new(100).unwrap();
const CALLERS: usize = 16;

/// A private server with a backlog is killed and started again.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many tasks are accepted and unfinished when it is killed.
    #[arg(long, default_value_t = 100_000)]
    tasks: usize,
    /// How long the tasks are held back, so that none is done before the kill; without it 20 s and
    /// a second more for every 10,000 tasks.
    #[arg(long, value_parser = span)]
    delay: Option<Duration>,
    /// How long small calls are made while the backlog is worked off.
    #[arg(long, default_value = "5s", value_parser = span)]
    calls_for: Duration,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    output: Output,
}

impl Options {
    fn delay(&self) -> Duration {
        self.delay.unwrap_or_else(|| Duration::from_secs(20 + self.tasks as u64 / 10_000))
    }
}

/// Fills, kills, starts again, waits and checks.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let home = options.home.furnish("")?;
    let mut server = home.start()?;
    let begun = Instant::now();
    let ids = submit(server.target(), options)?;
    let filled = begun.elapsed();
    server.kill()?;
    if filled >= options.delay() {
        bail!("submitting took {filled:?}; tasks may have ended already: use a longer --delay");
    }
    // All of it is due when the server starts again, so that it is as busy as can be.
    let due = begun + filled + options.delay();
    std::thread::sleep(due.saturating_duration_since(Instant::now()));

    let begun = Instant::now();
    let server = home.start()?;
    ask(server.target(), &post_json(server.target(), "/v1/tasks/echo", "{}"))?;
    let answered = begun.elapsed();
    let resident = ProcessUsage::of(server.pid())?.resident_bytes;
    let calls = calls(server.target(), options.calls_for).run()?;
    settle(server.admin(), PATIENCE)?;
    let ended = begun.elapsed();

    let mut figures = Figures::default();
    figures.tell("backlog", ids.len());
    figures.tell_seconds("filled in", filled);
    figures.tell_seconds("ready after", server.ready_after());
    figures.tell_seconds("answered after", answered);
    figures.tell("resident then, in MB", (resident as f64 / 1e6).round());
    figures.tell_seconds("all ended after", ended);
    figures.tell("small calls beside", calls.summary.latency);
    let errors = calls.summary.errors.iter().map(|(error, count)| format!("{error}: {count}"));
    figures.tell("errors of small calls", errors.collect::<Vec<_>>().join(", "));
    let answered = answered.as_secs_f64();
    figures.hold(Bar::at_most("first answer after, in s", answered, ANSWERED_SECONDS_MAX));
    hold_memory(&mut figures, &server)?;
    figures.hold(Bar::none("small calls that failed", calls.summary.error_count()));
    let not_once = accepted::count_not_in(server.target(), &ids, 1)?;
    figures.hold(Bar::none("tasks without success in their first attempt", not_once));
    let wrong = count_wrong_contacts(server.target(), ids.len())?;
    figures.hold(Bar::none("contacts not written exactly once", wrong));
    figures.print(options.output)
}

fn hold_memory(figures: &mut Figures, server: &ServerProcess) -> anyhow::Result<()> {
    let peak = peak_resident_bytes(server.pid())? as f64 / 1e6;
    figures.hold(Bar::at_most("resident, at most, in MB", peak, RESIDENT_MB_MAX));
    Ok(())
}

/// Small calls from the first second on.
fn calls(target: SocketAddr, measured: Duration) -> Plan {
    Plan {
        work: Work::Echo,
        shape: LoadShape { target, bytes: 256, emails: 1, seed: 1 },
        connections: CALLERS,
        warmup: Duration::ZERO,
        measured,
        rate: Some(CALLS),
        pid: None,
    }
}

fn email(number: usize) -> String {
    format!("backlog-{number:08}@load.test")
}

/// Submits the backlog and returns the ids.
fn submit(target: SocketAddr, options: &Options) -> anyhow::Result<Vec<String>> {
    let delay_ms = options.delay().as_millis();
    let path = format!("/v1/tasks/contacts.upsert?wait=0s&delay={delay_ms}ms");
    let body = |number| format!("{{\"email\":\"{}\"}}", email(number));
    accepted::submit(SUBMITTERS, (target, &path), options.tasks, body)
}

fn count_wrong_contacts(target: SocketAddr, tasks: usize) -> anyhow::Result<u64> {
    let mut count = 0;
    ask_all(
        target,
        tasks,
        |number, request| *request = get(target, &format!("/v1/contacts/{}", email(number))),
        |_, response| {
            let is_once = read::<Contact>(response.body).is_ok_and(|contact| contact.version == 1);
            count += u64::from(!is_once);
        },
    )?;
    Ok(count)
}
