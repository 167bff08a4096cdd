//! `slow`: ten thousand connections that are never wrong, only slow: a byte of a head or of a body
//! every few seconds, nothing at all, an answer that nobody reads. Beside them calls at a fixed
//! rate, first without the slow ones; somebody who looks at tasks and cancels them; and somebody
//! who asks the admin port. None of those may notice, and the slow ones have to go.

mod client;
mod contender;
mod desk;
mod habit;
mod page;
mod report;
mod throng;
mod toil;
mod toll;

use crate::argument::{seconds, span};
use crate::home::HomeOptions;
use crate::load::{LoadShape, Work};
use crate::measurement::{Measured, Plan};
use crate::open_files::make_room;
use crate::rival::Against;
use crate::telling::Telling;
use crate::usage::peak_resident_bytes;
use crate::verdict::Verdict;
use anyhow::Context;
use contender::{Contender, RIVALS};
use desk::Desk;
use habit::Limits;
use report::{Contest, Phase, Report};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;
use throng::Throng;

/// How long it may take until all slow clients are there.
const ARRIVAL: Duration = Duration::from_secs(30);
const WARMUP: Duration = Duration::from_secs(1);
const CONNECTIONS_PER_WORK: usize = 32;
/// Descriptors beside those of the throng.
const OTHER_CONNECTIONS: u64 = 200;
/// Contacts that are written.
const EMAILS: u64 = 10_000;

/// Thousands of slow clients beside good ones, against private servers.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Which servers.
    #[arg(long, value_enum, default_value = "all")]
    against: Against,
    /// How many slow clients.
    #[arg(long, default_value_t = 10_000)]
    clients: usize,
    /// From one byte of a slow client to its next, on average.
    #[arg(long, default_value = "3s", value_parser = span)]
    period: Duration,
    /// Echoes a second, and upserts a second, due whatever the server does.
    #[arg(long, default_value = "200")]
    rate: NonZeroU32,
    /// How long the good calls are measured alone.
    #[arg(long, default_value = "15s", value_parser = seconds)]
    quiet: Duration,
    /// How long they are measured among the slow ones.
    #[arg(long, default_value = "90s", value_parser = seconds)]
    seconds: Duration,
    /// By what the server's time limits are divided, for a shorter run.
    #[arg(long, default_value = "1")]
    hurry: NonZeroU32,
    /// Decides who is slow when.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    telling: Telling,
}

impl Options {
    /// What a server of ours is told to put up with: its own defaults, unless there is a hurry.
    fn limits(&self) -> Limits {
        let within = |seconds: u64| Duration::from_secs(seconds) / self.hurry.get();
        Limits { head: within(10), body: within(20), silent: within(75), unread: within(20) }
    }

    fn settings(&self) -> String {
        let Limits { head, body, silent, .. } = self.limits();
        let [head, body, silent] = [head, body, silent].map(|span| span.as_millis());
        format!(
            "[timeouts]\nhead = \"{head}ms\"\nbody_progress = \"{body}ms\"\nidle = \"{silent}ms\"\n"
        )
    }
}

/// Lets them come to one server after the other, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    make_room(options.clients as u64 + OTHER_CONNECTIONS)?;
    let mut contests = Vec::new();
    for name in options.against.names(RIVALS) {
        let contender = Contender::start(name, options)?;
        let contest = contest(options, &contender).with_context(|| name.to_string())?;
        eprintln!("{name:<10}quiet {}", contest.quiet.told());
        eprintln!("{:<10}slow  {}", "", contest.slow.told());
        contests.push(contest);
    }
    let report = Report::new(options, &contests);
    options.telling.judge(&report, &report.bars, || page::draw(options, &contests))
}

fn contest(options: &Options, contender: &Contender) -> anyhow::Result<Contest> {
    let quiet = phase(options, contender, options.quiet)?;
    let throng = Throng::start(throng::Plan {
        target: contender.target(),
        clients: options.clients,
        period: options.period,
        limits: options.limits(),
        long: contender.long_answer()?,
        seed: options.seed,
    })?;
    let came = throng.await_open(options.clients, ARRIVAL);
    let cpu = contender.cpu()?;
    let slow = phase(options, contender, options.seconds);
    let cpu = contender.cpu()?.since(cpu, options.seconds + WARMUP);
    let stayed = throng.open();
    let toil = throng.stop()?;
    Ok(Contest {
        name: contender.name(),
        quiet,
        slow: slow?,
        cpu,
        toil,
        throng: (came, stayed),
        peak_bytes: peak_resident_bytes(contender.pid())?,
    })
}

/// The good calls, and the desks if the server has something for them.
fn phase(options: &Options, contender: &Contender, span: Duration) -> anyhow::Result<Phase> {
    let desks = contender.admin().map(|admin| Desk::open(contender.target(), admin)).transpose()?;
    let calls = calls(options, contender.target(), span);
    let desks = desks.map(Desk::close).transpose()?;
    let [echoes, upserts] = calls?;
    Ok(Phase { echoes, upserts, desks })
}

/// Echoes and upserts at once, each with a generator of its own.
fn calls(options: &Options, target: SocketAddr, span: Duration) -> anyhow::Result<[Measured; 2]> {
    let plan = |work| Plan {
        work,
        shape: LoadShape { target, bytes: 256, emails: EMAILS, seed: options.seed },
        connections: CONNECTIONS_PER_WORK,
        warmup: WARMUP,
        measured: span,
        rate: Some(options.rate),
        pid: None,
    };
    std::thread::scope(|scope| {
        let upserts = scope.spawn(move || plan(Work::Upsert).run());
        let echoes = plan(Work::Echo).run();
        let upserts = upserts.join().expect("a measurement does not panic");
        Ok([echoes?, upserts?])
    })
}
