//! `mixed`: what a day looks like. Small calls of several kinds, each at its own rate, first alone
//! and then with bulk beside them.

mod page;
mod report;

use crate::argument::{seconds, size};
use crate::batch::ask_all;
use crate::bulk::body::requests;
use crate::bulk::streams::{Streams, cycle};
use crate::contacts::Contacts;
use crate::load::{Load, LoadShape, Work};
use crate::measurement::{Measured, Plan};
use crate::server_process::ServerProcess;
use crate::telling::Telling;
use crate::verdict::Verdict;
use anyhow::{Context, bail};
use report::Report;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// The kinds, and which share of the calls each has, in percent.
const SHARES: [(Work, u32); 4] =
    [(Work::Echo, 30), (Work::Upsert, 40), (Work::Get, 25), (Work::Sleep, 5)];
const WARMUP: Duration = Duration::from_secs(1);
const CONNECTIONS_PER_KIND: usize = 16;
/// Contacts that are written and read one by one.
const EMAILS: u64 = 2_000;

/// Small calls of several kinds, without and with bulk beside, against a private server.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The server's binary.
    #[arg(long)]
    binary: PathBuf,
    /// Small calls a second, of all kinds together.
    #[arg(long, default_value_t = 1_000)]
    rate: u32,
    /// Clients that stream bulk in the second part.
    #[arg(long, default_value_t = 2)]
    streams: usize,
    /// Contacts that each of them sends over and over.
    #[arg(long, default_value_t = 50_000)]
    items: u32,
    /// Bytes of a bulk body.
    #[arg(long, default_value = "1MB", value_parser = size)]
    body_bytes: usize,
    /// How long each of the two parts is measured.
    #[arg(long, default_value = "10s", value_parser = seconds)]
    seconds: Duration,
    /// Decides what is sent.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to put the server's data; a temporary folder inside it is removed afterwards.
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
    #[command(flatten)]
    telling: Telling,
}

/// A kind and what was measured of it.
type OfKind = (Work, Measured);

/// Measures both parts, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let folder = tempfile::tempdir_in(&options.folder).context("cannot create a folder")?;
    let server = ServerProcess::start(&options.binary, folder.path())?;
    let target = server.target();
    write_contacts(options, target)?;
    let quiet = small_calls(options, target)?;
    let sources = (0..options.streams as u64).map(|stream| {
        let contacts = Contacts::fresh(options.items, options.seed + stream);
        cycle(requests(target, &contacts, options.body_bytes))
    });
    let streams = Streams::start(target, sources.collect())?;
    let beside = small_calls(options, target);
    let (tally, span) = streams.stop()?;
    let beside = beside?;
    let report = Report::new(options, (&quiet, &beside), tally.summary(span));
    options.telling.judge(&report, &report.bars, || page::draw(options, (&quiet, &beside), &report))
}

/// Makes the contacts that are looked at.
fn write_contacts(options: &Options, target: SocketAddr) -> anyhow::Result<()> {
    let mut refused = None;
    ask_all(
        target,
        EMAILS as usize,
        |number, request| *request = Load::upsert_of(target, number as u64),
        |_, response| {
            if response.status != 200 {
                refused = Some(response.status);
            }
        },
    )?;
    match refused {
        None => Ok(()),
        Some(status) => bail!("an upsert was answered with {status}; seed {}", options.seed),
    }
}

/// All kinds at once, each with a generator of its own.
fn small_calls(options: &Options, target: SocketAddr) -> anyhow::Result<Vec<OfKind>> {
    std::thread::scope(|scope| {
        let plans = SHARES.iter().filter_map(|(work, share)| {
            Some((*work, plan(options, target, *work, rate_of(options.rate, *share)?)))
        });
        let threads: Vec<_> =
            plans.map(|(work, plan)| (work, scope.spawn(move || plan.run()))).collect();
        let finish = |(work, thread): (Work, std::thread::ScopedJoinHandle<'_, _>)| {
            let measured: anyhow::Result<Measured> =
                thread.join().expect("a measurement does not panic");
            Ok((work, measured?))
        };
        threads.into_iter().map(finish).collect()
    })
}

fn rate_of(rate: u32, percent: u32) -> Option<NonZeroU32> {
    NonZeroU32::new((u64::from(rate) * u64::from(percent) / 100) as u32)
}

fn plan(options: &Options, target: SocketAddr, work: Work, rate: NonZeroU32) -> Plan {
    Plan {
        work,
        shape: LoadShape { target, bytes: 256, emails: EMAILS, seed: options.seed },
        connections: CONNECTIONS_PER_KIND,
        warmup: WARMUP,
        measured: options.seconds,
        rate: Some(rate),
        pid: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_all_of_the_rate() {
        assert_eq!(SHARES.iter().map(|(_, share)| share).sum::<u32>(), 100);
        let rates: u32 =
            SHARES.iter().filter_map(|(_, share)| rate_of(1_000, *share)).map(u32::from).sum();
        assert_eq!(rates, 1_000);
        assert_eq!(rate_of(1, 5), None);
    }
}
