//! `duplicate`: what a request costs whose idempotency key is known, beside what it costs to do new
//! work. A duplicate starts nothing and writes nothing.

use crate::bar::Bar;
use crate::batch::ask_all;
use crate::figures::Figures;
use crate::home::HomeOptions;
use crate::metrics::Metrics;
use crate::output::Output;
use crate::request::{post_json, post_json_once};
use crate::response::Response;
use crate::server_process::ServerProcess;
use crate::settle::await_metric;
use crate::usage::ProcessUsage;
use crate::verdict::Verdict;
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::time::{Duration, Instant};

/// How long a server may take until what came before has left no more to do.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than any run: these tasks run until the server is killed.
const SLEEP_MS: u64 = 3_600_000;
/// Keys whose tasks are finished.
const FINISHED_KEYS: usize = 1_000;
/// Keys whose tasks are running; each of them holds a worker.
const RUNNING_KEYS: usize = 64;
/// What a duplicate may take of what new work takes.
const SHARE_MAX: f64 = 0.5;

const UPSERT: &str = "/v1/tasks/contacts.upsert";
const SLEEP: &str = "/v1/tasks/sleep?wait=0s";

/// Processor time of duplicates, of finished and of running tasks, beside that of new work, all of
/// it over 64 connections.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many requests of each sort.
    #[arg(long, default_value_t = 50_000)]
    requests: usize,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    output: Output,
}

/// Measures all sorts, one after the other, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let home = options.home.furnish("")?;
    let server = home.start()?;
    // The first requests pay for memory that the others find ready.
    cost_of_new(&server, options.requests / 10, "warm")?;
    let new = cost_of_new(&server, options.requests, "new")?;
    let keyed = cost_of_keyed(&server, options.requests)?;
    let finished = cost_of_finished(&server, options.requests)?;
    let running = cost_of_running(&server, options.requests)?;
    let mut figures = Figures::default();
    figures.tell("requests", options.requests);
    figures.tell("new", new);
    figures.tell("new with a key", keyed);
    figures.tell("duplicate of a finished task", finished);
    figures.tell("duplicate of a running task", running);
    // What the same request would have taken had it been the first, which costs more than one
    // without a key; the bar is against the cheaper.
    figures.tell("finished / new with a key", hundredths(share(finished, keyed)));
    figures.tell("running / new with a key", hundredths(share(running, keyed)));
    for (name, cost) in [("a finished task", finished), ("a running task", running)] {
        let bar = format!("{name}: share of new work");
        figures.hold(Bar::at_most(bar, share(cost, new), SHARE_MAX));
        figures.hold(Bar::none(format!("{name}: attempts started"), cost.started));
        figures.hold(Bar::none(format!("{name}: records appended"), cost.appended));
    }
    let wrong = [new, keyed, finished, running].iter().map(|cost| cost.wrong).sum();
    figures.hold(Bar::none("answers other than expected", wrong));
    figures.print(options.output)
}

fn share(of: Cost, against: Cost) -> f64 {
    of.cpu_us / against.cpu_us
}

fn hundredths(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

/// What requests of one sort have taken.
#[derive(Clone, Copy, Debug, Serialize)]
struct Cost {
    /// The server's processor time for one of them, what it does afterwards included.
    cpu_us: f64,
    rate: f64,
    started: u64,
    appended: u64,
    wrong: u64,
}

impl Display for Cost {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { cpu_us, rate, started, appended, .. } = self;
        write!(out, "{cpu_us:.2} us, {rate:.0}/s, {started} attempts, {appended} records")
    }
}

fn cost_of_new(server: &ServerProcess, requests: usize, name: &str) -> anyhow::Result<Cost> {
    let target = server.target();
    measure(
        server,
        requests,
        |number| post_json(target, UPSERT, &contact(name, number)),
        |response| response.status == 200,
    )
}

fn cost_of_keyed(server: &ServerProcess, requests: usize) -> anyhow::Result<Cost> {
    let target = server.target();
    measure(
        server,
        requests,
        |number| {
            let key = format!("new-{number:08}");
            post_json_once(target, UPSERT, &key, &contact("keyed", number))
        },
        |response| response.status == 200 && !is_replay(response),
    )
}

fn cost_of_finished(server: &ServerProcess, requests: usize) -> anyhow::Result<Cost> {
    let target = server.target();
    let request = |number: usize| {
        let number = number % FINISHED_KEYS;
        let key = format!("finished-{number:08}");
        post_json_once(target, UPSERT, &key, &contact("finished", number))
    };
    measure(server, FINISHED_KEYS, request, |response| response.status == 200)?;
    measure(server, requests, request, |response| response.status == 200 && is_replay(response))
}

fn cost_of_running(server: &ServerProcess, requests: usize) -> anyhow::Result<Cost> {
    let target = server.target();
    let body = format!("{{\"ms\":{SLEEP_MS}}}");
    let request = |number: usize| {
        let key = format!("running-{:08}", number % RUNNING_KEYS);
        post_json_once(target, SLEEP, &key, &body)
    };
    measure(server, RUNNING_KEYS, request, |response| response.status == 202)?;
    let is_running = |running| running >= RUNNING_KEYS as f64;
    await_metric(server.admin(), "overtime_lane_running", is_running, PATIENCE)?;
    measure(server, requests, request, |response| response.status == 202)
}

/// As large as what is usually measured.
fn contact(name: &str, number: usize) -> String {
    let note = "n".repeat(128);
    format!(
        "{{\"email\":\"{name}-{number:08}@load.test\",\"first_name\":\"Ada\",\
         \"last_name\":\"Lovelace\",\"fields\":{{\"note\":\"{note}\"}}}}"
    )
}

fn is_replay(response: &Response<'_>) -> bool {
    response.header("idempotency-replayed") == Some("true")
}

/// Sends the requests in a closed loop; the archive's share of the work counts too.
fn measure(
    server: &ServerProcess,
    requests: usize,
    request: impl Fn(usize) -> Vec<u8>,
    is_right: impl Fn(&Response<'_>) -> bool,
) -> anyhow::Result<Cost> {
    let before = Mark::take(server)?;
    let (begun, mut wrong) = (Instant::now(), 0);
    ask_all(
        server.target(),
        requests,
        |number, out| *out = request(number),
        |_, response| wrong += u64::from(!is_right(response)),
    )?;
    let seconds = begun.elapsed().as_secs_f64();
    let after = Mark::take(server)?;
    Ok(Cost {
        cpu_us: (after.cpu - before.cpu).as_secs_f64() * 1e6 / requests as f64,
        rate: requests as f64 / seconds,
        started: (after.started - before.started) as u64,
        appended: (after.appended - before.appended) as u64,
        wrong,
    })
}

/// What had been used and done when all that was asked for was in the archive.
struct Mark {
    cpu: Duration,
    started: f64,
    appended: f64,
}

impl Mark {
    fn take(server: &ServerProcess) -> anyhow::Result<Self> {
        let admin = server.admin();
        for name in ["overtime_appends", "overtime_journal_lag_records"] {
            await_metric(admin, name, |value| value == 0.0, PATIENCE)?;
        }
        let metrics = Metrics::read(admin)?;
        Ok(Self {
            cpu: ProcessUsage::of(server.pid())?.cpu,
            started: metrics.sum("overtime_attempts_started_total")?,
            appended: metrics.sum("overtime_journal_records_total")?,
        })
    }
}
