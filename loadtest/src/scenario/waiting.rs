//! `waiting`: whether a long queue makes its own work dearer. A million tasks of ten thousand tenants
//! wait; what the core needs to hand out one of them and to end it is put beside the same with next
//! to nobody waiting.

mod depth;
mod page;

use crate::argument::{seconds, span};
use crate::bar::Bar;
use crate::figures::Figures;
use crate::home::{HomeOptions, fixed_workers};
use crate::load::{LoadShape, Work};
use crate::measurement::{Measured, Plan};
use crate::server_process::ServerProcess;
use crate::telling::Telling;
use crate::tenants::Tenants;
use crate::usage::peak_resident_bytes;
use crate::verdict::Verdict;
use depth::{Burst, Window, await_queued, ended};
use std::num::NonZeroU32;
use std::time::Duration;

const RATIO_MAX: f64 = 1.2;
/// While the queue fills, workers take from it.
const MORE: f64 = 1.3;
/// What is in the queue when next to nobody waits.
const FEW: usize = 2_000;
/// How long a few are held back.
const FEW_DELAY: Duration = Duration::from_secs(1);
/// Somebody who waits, beside all of that.
const CALLS: NonZeroU32 = NonZeroU32::new(20).unwrap();
const CALLERS: usize = 8;

/// What the core needs for a task while a million wait, on a private server.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many tasks wait.
    #[arg(long, default_value_t = 1_000_000)]
    tasks: usize,
    /// Of how many tenants.
    #[arg(long, default_value_t = 10_000)]
    tenants: usize,
    /// Workers.
    #[arg(long, default_value_t = 10)]
    workers: u32,
    /// How long each task occupies one.
    #[arg(long, default_value = "2ms", value_parser = span)]
    service: Duration,
    /// How many of the waiting tasks are looked at.
    #[arg(long, default_value_t = 30_000)]
    looked_at: u64,
    /// How many times a few tasks are looked at before.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// How long a caller calls beside the waiting tasks.
    #[arg(long, default_value = "5s", value_parser = seconds)]
    calls_for: Duration,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    telling: Telling,
}

impl Options {
    /// Longer than it takes to submit them all.
    fn delay(&self) -> Duration {
        Duration::from_secs(5 + self.tasks as u64 / 20_000)
    }
}

/// Looks at a few, lets all wait, looks at those, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let home = options.home.furnish(&fixed_workers(options.workers))?;
    let tenants = Tenants::settle(&home, options.tenants, &[])?;
    let server = home.start()?;
    let few = few(options, &server, &tenants)?;
    let tasks = (options.tasks as f64 * MORE) as usize;
    Burst { tasks, delay: options.delay(), service: options.service, tenants: &tenants }
        .submit(&server)?;
    await_queued(server.admin(), tasks)?;
    let many = Window::of(&server, options.looked_at)?;
    let calls = calls(options, &server, &tenants)?;
    let resident = peak_resident_bytes(server.pid())?;
    let figures = figures(options, (&few, &many), &calls, resident);
    options.telling.judge(&figures, figures.bars(), || page::draw(options, (&few, &many)))
}

/// A few tasks of one tenant, several times over.
fn few(options: &Options, server: &ServerProcess, tenants: &Tenants) -> anyhow::Result<Window> {
    let mut all = Window::default();
    for _ in 0..options.rounds {
        let until = ended(server)? + FEW as f64;
        Burst { tasks: FEW, delay: FEW_DELAY, service: options.service, tenants }.submit(server)?;
        all.add(&Window::until(server, until)?);
    }
    Ok(Window { waiting: FEW as u64, ..all })
}

fn calls(options: &Options, server: &ServerProcess, tenants: &Tenants) -> anyhow::Result<Measured> {
    let plan = Plan {
        work: Work::Echo,
        shape: LoadShape { target: server.target(), bytes: 256, emails: 1, seed: 1 },
        connections: CALLERS,
        warmup: Duration::ZERO,
        measured: options.calls_for,
        rate: Some(CALLS),
        pid: None,
    };
    match tenants.key(0) {
        Some(key) => plan.run_as(key),
        None => plan.run(),
    }
}

fn figures(
    options: &Options,
    (few, many): (&Window, &Window),
    calls: &Measured,
    resident: u64,
) -> Figures {
    let mut figures = Figures::default();
    figures.tell("tenants", options.tenants);
    figures.tell("waiting, at most, when few wait", few.waiting);
    figures.tell("waiting when many wait", many.waiting);
    figures.tell("core per task with few, in us", round(few.cpu_micros()));
    figures.tell("core per task with many, in us", round(many.cpu_micros()));
    figures.tell("tasks a second with few", few.rate().round());
    figures.tell("tasks a second with many", many.rate().round());
    figures.tell("resident at most, in MB", (resident as f64 / 1e6).round());
    figures.tell("echoes beside", calls.summary.latency);
    figures.tell("of them answered 202", calls.summary.accepted);
    let failed: Vec<_> =
        calls.summary.errors.iter().map(|(error, count)| format!("{error}: {count}")).collect();
    figures.tell("of them failed", failed.join(", "));
    let ratio = many.cpu_micros() / few.cpu_micros();
    figures.hold(Bar::at_most("core per task, many waiting / few", ratio, RATIO_MAX));
    let waiting = many.waiting as f64;
    figures.hold(Bar::at_least("tasks waiting while it was looked", waiting, options.tasks as f64));
    figures
}

fn round(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}
