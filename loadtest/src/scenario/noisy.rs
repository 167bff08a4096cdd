//! `noisy`: fifty tenants share a server, each with its rate; one of them offers a hundred times its
//! own. The others are to notice nothing, and it alone is to be told to slow down, and when to come
//! back. Beside it the control: a queue in which everybody stands in one row.

mod page;
mod report;

use crate::argument::seconds;
use crate::contestant::{Contestant, ServiceOptions};
use crate::home::{Home, HomeOptions, fixed_workers};
use crate::server_process::ServerProcess;
use crate::telling::Telling;
use crate::tenants::Tenants;
use crate::tenants::calls::{Calls, Outcome};
use crate::verdict::Verdict;
use anyhow::Context;
use report::{Contest, Report};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

const WARMUP: Duration = Duration::from_secs(2);
/// How many connections the calm ones share, and how many the noisy one has.
const CALM_CONNECTIONS: usize = 200;
const NOISY_CONNECTIONS: usize = 200;
/// What a call occupies a worker for.
const SERVICE: Duration = Duration::from_millis(5);
/// Of what the workers could do, tenants may have so much together.
const ALLOWED_SHARE: f64 = 0.8;
/// Of what it may have, a calm tenant uses so much.
const CALM_SHARE: f64 = 0.8;

/// One noisy tenant among many, against private servers.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many tenants, the noisy one among them.
    #[arg(long, default_value_t = 50)]
    tenants: u32,
    /// Workers; a call occupies one for 5 ms.
    #[arg(long, default_value_t = 10)]
    workers: u32,
    /// How many times its rate the noisy one offers.
    #[arg(long, default_value_t = 100)]
    times: u32,
    /// How long each part is measured.
    #[arg(long, default_value = "20s", value_parser = seconds)]
    seconds: Duration,
    /// Do not show the control.
    #[arg(long)]
    without_control: bool,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    telling: Telling,
}

impl Options {
    /// Calls a second that each tenant may make.
    fn allowed(&self) -> f64 {
        let ideal = f64::from(self.workers) / SERVICE.as_secs_f64();
        (ideal * ALLOWED_SHARE / f64::from(self.tenants)).floor().max(1.0)
    }

    /// Calls a second that all the calm ones make.
    fn calm_rate(&self) -> NonZeroU32 {
        rate(self.allowed() * CALM_SHARE * f64::from(self.tenants - 1))
    }

    /// Calls a second of the noisy one.
    fn noisy_rate(&self) -> NonZeroU32 {
        rate(self.allowed() * f64::from(self.times))
    }
}

fn rate(per_second: f64) -> NonZeroU32 {
    NonZeroU32::new(per_second as u32).unwrap_or(NonZeroU32::MIN)
}

/// Calm, then noisy, then the control, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let mut contests = vec![ours(options)?];
    if !options.without_control {
        contests.push(control(options)?);
    }
    let report = Report::new(options, &contests);
    options.telling.judge(&report, &report.bars, || page::draw(options, &contests))
}

fn ours(options: &Options) -> anyhow::Result<Contest> {
    let home = options.home.furnish(&fixed_workers(options.workers))?;
    let tenants = settle(options, &home)?;
    let server = home.start()?;
    contest(options, Contestant::Overtime, &server, &tenants)
}

/// Keys for all; each may have its share, and what it saves up in a second.
fn settle(options: &Options, home: &Home) -> anyhow::Result<Tenants> {
    let (per_second, burst) = (format!("{}/s", options.allowed()), options.allowed().to_string());
    let limits = ["--rate", &per_second, "--burst", &burst];
    Tenants::settle(home, options.tenants as usize, &limits)
}

fn control(options: &Options) -> anyhow::Result<Contest> {
    let service = ServiceOptions::queue(options.workers, SERVICE, &options.home);
    let queue = Contestant::Queue.start(&service)?;
    contest_at(options, Contestant::Queue, queue.target(), &Tenants::without_keys())
}

fn contest(
    options: &Options,
    name: Contestant,
    server: &ServerProcess,
    tenants: &Tenants,
) -> anyhow::Result<Contest> {
    contest_at(options, name, server.target(), tenants)
}

fn contest_at(
    options: &Options,
    name: Contestant,
    target: SocketAddr,
    tenants: &Tenants,
) -> anyhow::Result<Contest> {
    let count = options.tenants as usize;
    let calm = Calls {
        target,
        path: "/v1/tasks/sleep",
        body: "{\"ms\":5}",
        tenants,
        who: 1..count,
        rate: options.calm_rate(),
        connections: CALM_CONNECTIONS,
        warmup: WARMUP,
        measured: options.seconds,
    };
    let noisy = Calls {
        who: 0..1,
        rate: options.noisy_rate(),
        connections: NOISY_CONNECTIONS,
        ..calm.clone()
    };
    let alone = calm.run().context("the calm tenants alone")?;
    let (beside, noisy) = both(&calm, &noisy).context("the noisy tenant beside them")?;
    let contest = Contest { name, alone, beside, noisy };
    eprintln!("{contest}");
    Ok(contest)
}

fn both(calm: &Calls<'_>, noisy: &Calls<'_>) -> anyhow::Result<(Outcome, Outcome)> {
    std::thread::scope(|scope| {
        let noisy = scope.spawn(|| noisy.run());
        let calm = calm.run();
        let noisy = noisy.join().expect("calls do not panic");
        Ok((calm?, noisy?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argument::options;

    #[test]
    fn the_calm_ones_leave_the_workers_room() {
        let options: Options = options(&[]);
        assert_eq!(options.allowed(), 32.0);
        assert_eq!(options.noisy_rate().get(), 3_200);
        // What is let in of the noisy one comes on top.
        let in_all = f64::from(options.calm_rate().get()) + options.allowed();
        assert!(in_all / 2_000.0 < 0.7, "{in_all}");
    }
}
