//! `hot-key`: all callers change one contact. Nothing may be lost, nothing may count twice, and
//! it should not crawl.

use crate::argument::loopback;
use crate::ask::ask;
use crate::connection::Broken;
use crate::document::{Contact, read};
use crate::generator::Generator;
use crate::latency::{Latency, Quantiles};
use crate::output::Output;
use crate::random::Random;
use crate::request::{get, post_json};
use crate::verdict::Verdict;
use crate::workload::{AfterBreak, Exchange, Loss, Next, Turn, Workload};
use anyhow::bail;
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const GLANCE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(60);
/// How long upserts that were answered 202 may take.
const SETTLE: Duration = Duration::from_secs(10);

/// Upserts of one contact by many callers at once; each must count exactly once.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The server's address; loopback only.
    #[arg(long, default_value = "127.0.0.1:7070", value_parser = loopback)]
    target: SocketAddr,
    /// How many callers at once.
    #[arg(long, default_value_t = 64)]
    callers: usize,
    /// How many upserts each of them sends.
    #[arg(long, default_value_t = 1_000)]
    each: u64,
    #[command(flatten)]
    output: Output,
}

/// What the run has shown.
#[derive(Debug, Serialize)]
struct Report {
    email: String,
    callers: usize,
    upserts_each: u64,
    ok: u64,
    accepted: u64,
    other: u64,
    rate: f64,
    latency: Quantiles,
    version: u64,
    version_expected: u64,
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { email, callers, upserts_each, .. } = self;
        writeln!(out, "callers     {callers} with {upserts_each} upserts each of {email}")?;
        let Self { ok, accepted, other, .. } = self;
        writeln!(out, "answered    200: {ok}, 202: {accepted}, other or none: {other}")?;
        writeln!(out, "rate        {:.0}/s", self.rate)?;
        writeln!(out, "latency     {}", self.latency)?;
        writeln!(out, "version     {}, expected {}", self.version, self.version_expected)
    }
}

/// Sends them and compares the contact's version with their number.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let email = format!("hot-{:016x}@load.test", Random::fresh().next_u64());
    let body = format!("{{\"email\":\"{email}\",\"company\":\"hot\"}}");
    let mut callers = Callers {
        request: post_json(options.target, "/v1/tasks/contacts.upsert", &body),
        left: vec![options.each; options.callers],
        ok: 0,
        accepted: 0,
        others: 0,
        latency: Latency::default(),
        last_answer: Instant::now(),
    };
    let begun = Instant::now();
    Generator::connect(options.target, options.callers)?.run(&mut callers)?;
    let seconds = begun.elapsed().as_secs_f64();
    let sent = options.callers as u64 * options.each;
    let version = await_version(options.target, &email, sent)?;
    let report = Report {
        email,
        callers: options.callers,
        upserts_each: options.each,
        ok: callers.ok,
        accepted: callers.accepted,
        other: callers.others,
        rate: (callers.ok + callers.accepted) as f64 / seconds,
        latency: callers.latency.quantiles(),
        version,
        version_expected: sent,
    };
    options.output.print(&report)?;
    Ok(Verdict::of(version == sent && report.other == 0))
}

/// The version once all that was accepted has taken effect, or after long enough.
fn await_version(target: SocketAddr, email: &str, expected: u64) -> anyhow::Result<u64> {
    let begun = Instant::now();
    loop {
        let version = version_of(target, email)?;
        if version >= expected || begun.elapsed() > SETTLE {
            return Ok(version);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn version_of(target: SocketAddr, email: &str) -> anyhow::Result<u64> {
    let reply = ask(target, &get(target, &format!("/v1/contacts/{email}")))?;
    if reply.status != 200 {
        bail!("the contact was answered with {}", reply.status);
    }
    Ok(read::<Contact>(&reply.body)?.version)
}

struct Callers {
    request: Vec<u8>,
    left: Vec<u64>,
    ok: u64,
    accepted: u64,
    others: u64,
    latency: Latency,
    last_answer: Instant,
}

impl Workload for Callers {
    fn next(&mut self, slot: usize, _free_since: Instant, _now: Instant) -> Next<'_> {
        if self.left[slot] == 0 {
            return Next::Retire;
        }
        self.left[slot] -= 1;
        Next::Send(&self.request)
    }

    fn answered(&mut self, exchange: Exchange<'_>) {
        self.last_answer = exchange.answered_at;
        self.latency.record(exchange.answered_at - exchange.sent_at);
        match exchange.response.status {
            200 => self.ok += 1,
            202 => self.accepted += 1,
            _ => self.others += 1,
        }
    }

    fn broken(&mut self, _slot: usize, loss: Loss, _why: &Broken) -> AfterBreak {
        self.others += u64::from(loss == Loss::Answer);
        AfterBreak::Reconnect
    }

    fn turn(&mut self, now: Instant) -> Turn {
        let is_stuck = now > self.last_answer + PATIENCE;
        if is_stuck { Turn::Stop } else { Turn::Until(now + GLANCE) }
    }
}
