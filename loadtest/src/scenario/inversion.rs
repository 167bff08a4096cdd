//! `inversion`: bulk that is offered at twelve times its share, beside calls that somebody waits for.
//! In one row the many stand in front of the few, and what matters most waits longest; here the
//! calls are to notice next to nothing, and bulk is to move on all the same.

mod page;
mod report;
mod stream;

use crate::argument::{seconds, size};
use crate::contacts::{Contacts, Form};
use crate::contestant::{Contestant, ServiceOptions};
use crate::home::HomeOptions;
use crate::load::{LoadShape, Work};
use crate::measurement::{Measured, Plan};
use crate::request::post;
use crate::telling::Telling;
use crate::tenants::Tenants;
use crate::tenants::calls::Calls;
use crate::verdict::Verdict;
use anyhow::Context;
use report::{Contest, Part, Report};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;
use stream::{Bulk, Progress};

/// How long bulk is offered before anything counts.
const RISE: Duration = Duration::from_secs(2);
const WARMUP: Duration = Duration::from_secs(1);
const CONNECTIONS: usize = 64;
const EMAILS: u64 = 10_000;
/// Contacts of a body of a million bytes, roughly.
const ITEMS_PER_MEGABYTE: usize = 8_000;
/// The queue of the control: its workers, how long each item takes, and which part of what they can
/// do is bulk's share.
const QUEUE_WORKERS: u32 = 10;
const QUEUE_SERVICE: Duration = Duration::from_millis(5);
const QUEUE_SHARE: f64 = 0.1;

/// Bulk at many times its share beside interactive calls, against private servers.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many times its share bulk is offered: so many bodies at a time for each worker that bulk
    /// has.
    #[arg(long, default_value = "12")]
    times: NonZeroU32,
    /// Interactive calls a second: half of them echoes, half of them upserts.
    #[arg(long, default_value = "400")]
    rate: NonZeroU32,
    /// Bytes of a bulk body.
    #[arg(long, default_value = "1MB", value_parser = size)]
    body_bytes: usize,
    /// How long each part is measured.
    #[arg(long, default_value = "30s", value_parser = seconds)]
    seconds: Duration,
    /// Do not show the control.
    #[arg(long)]
    without_control: bool,
    /// Decides what is sent.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    telling: Telling,
}

impl Options {
    /// Bodies under way at a time.
    fn streams(&self) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        self.times.get() as usize * processors.max(2)
    }
}

/// Ours, then the control, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let mut contests = vec![ours(options)?];
    if !options.without_control {
        contests.push(control(options)?);
    }
    let report = Report::new(options, &contests);
    options.telling.judge(&report, &report.bars, || page::draw(options, &contests))
}

fn ours(options: &Options) -> anyhow::Result<Contest> {
    let home = options.home.furnish("")?;
    let server = home.start()?;
    let target = server.target();
    let alone = interactive(options, target, WARMUP)?;
    let bulk = Bulk::start(target, bodies(options, target))?;
    let beside = interactive(options, target, RISE);
    let progress = bulk.stop()?;
    Ok(told(Contest {
        name: Contestant::Overtime,
        alone,
        beside: beside?,
        progress: Some(progress),
    }))
}

/// A body for each stream, with contacts of its own.
fn bodies(options: &Options, target: SocketAddr) -> Vec<Vec<u8>> {
    let items = options.body_bytes * ITEMS_PER_MEGABYTE / 1_000_000;
    let body = |stream: usize| {
        let items = u32::try_from(items.max(1)).unwrap_or(u32::MAX);
        let contacts = Contacts::fresh(items, options.seed + stream as u64);
        let (body, _) = contacts.body(Form::Ndjson, 0..contacts.items(), options.body_bytes)?;
        Some(post(target, stream::PATH, Form::Ndjson.content_type(), &body))
    };
    (0..options.streams()).filter_map(body).collect()
}

/// Echoes and upserts at once.
fn interactive(options: &Options, target: SocketAddr, warmup: Duration) -> anyhow::Result<Part> {
    let plan = |work| Plan {
        work,
        shape: LoadShape { target, bytes: 256, emails: EMAILS, seed: options.seed },
        connections: CONNECTIONS / 2,
        warmup,
        measured: options.seconds,
        rate: Some(half(options.rate)),
        pid: None,
    };
    std::thread::scope(|scope| {
        let upserts = scope.spawn(|| plan(Work::Upsert).run());
        let echoes = plan(Work::Echo).run();
        let upserts: anyhow::Result<Measured> =
            upserts.join().expect("a measurement does not panic");
        Ok(Part::of_plans(vec![echoes?, upserts?]))
    })
}

fn half(rate: NonZeroU32) -> NonZeroU32 {
    NonZeroU32::new(rate.get() / 2).unwrap_or(NonZeroU32::MIN)
}

/// One row for all: the items of bulk are requests like any others.
fn control(options: &Options) -> anyhow::Result<Contest> {
    let service = ServiceOptions::queue(QUEUE_WORKERS, QUEUE_SERVICE, &options.home);
    let queue = Contestant::Queue.start(&service)?;
    let tenants = Tenants::without_keys();
    let calls = Calls {
        target: queue.target(),
        path: "/v1/tasks/sleep",
        body: "{}",
        tenants: &tenants,
        who: 0..1,
        rate: options.rate,
        connections: CONNECTIONS,
        warmup: WARMUP,
        measured: options.seconds,
    };
    let share = service.ideal() * QUEUE_SHARE * f64::from(options.times.get());
    let bulk = Calls {
        rate: NonZeroU32::new(share as u32).context("bulk has no share")?,
        connections: 20 * CONNECTIONS,
        measured: options.seconds + RISE,
        ..calls.clone()
    };
    let alone = Part::of_calls(&calls.run()?);
    let beside = std::thread::scope(|scope| {
        let bulk = scope.spawn(|| bulk.run());
        let beside = Calls { warmup: RISE, ..calls.clone() }.run();
        bulk.join().expect("calls do not panic")?;
        beside
    })?;
    let beside = Part::of_calls(&beside);
    Ok(told(Contest { name: Contestant::Queue, alone, beside, progress: None }))
}

fn told(contest: Contest) -> Contest {
    eprintln!("{contest}");
    contest
}
