//! `bulk`: as many contacts as asked for, sent in large bodies back to back, first all new and then
//! all again, with single calls beside. What counts is the end of the work, not its acceptance.

mod page;
mod report;

use crate::argument::size;
use crate::batch::ask_all;
use crate::bulk::body::requests_as;
use crate::bulk::streams::{Streams, shared};
use crate::bulk::tally::Tally;
use crate::contacts::{Contacts, Form};
use crate::document::{Contact, read};
use crate::load::{LoadShape, Work};
use crate::measurement::{Measured, Plan};
use crate::random::Random;
use crate::request::get;
use crate::server_process::ServerProcess;
use crate::telling::Telling;
use crate::usage::peak_resident_bytes;
use crate::verdict::Verdict;
use anyhow::Context;
use report::{Played, Report};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Longer than any round.
const LONGEST: Duration = Duration::from_secs(3_600);
const SINGLE_CONNECTIONS: usize = 16;

/// Contacts in large bodies back to back, against a private server.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The server's binary.
    #[arg(long)]
    binary: PathBuf,
    /// How many contacts.
    #[arg(long, default_value_t = 1_000_000)]
    items: u32,
    /// Bytes of a body.
    #[arg(long, default_value = "20MB", value_parser = size)]
    body_bytes: usize,
    /// In which form they are sent.
    #[arg(long, value_enum, default_value = "ndjson")]
    format: Form,
    /// What is sent one after the other; every round sends all contacts, each in another order.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "new,update")]
    rounds: Vec<Round>,
    /// Clients that send bodies.
    #[arg(long, default_value_t = 3)]
    streams: usize,
    /// Single upserts a second beside; 0 for none.
    #[arg(long, default_value_t = 500)]
    singles: u32,
    /// How many contacts are read back after each round.
    #[arg(long, default_value_t = 2_000)]
    sample: usize,
    /// Decides what is sent.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to put the server's data; a temporary folder inside it is removed afterwards.
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
    #[command(flatten)]
    telling: Telling,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum Round {
    /// Contacts that the server does not have.
    New,
    /// Contacts that it has.
    Update,
}

/// Sends every round, checks, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let folder = tempfile::tempdir_in(&options.folder).context("cannot create a folder")?;
    let server = ServerProcess::start(&options.binary, folder.path())?;
    let mut sent = Sent { contacts: Contacts::new(options.items, options.seed), version: 0 };
    let mut played = Vec::new();
    for (round, number) in options.rounds.iter().zip(1..) {
        sent = sent.next(*round, options.seed + number);
        let one = play(options, *round, &server, &sent).with_context(|| format!("{round:?}"))?;
        eprintln!("{round:?}: {}", one.bulk);
        played.push(one);
    }
    let report = Report::new(options, &played);
    options.telling.judge(&report, &report.bars, || page::draw(options, &played))
}

/// The contacts of a round, and which version each of them has after it.
struct Sent {
    contacts: Contacts,
    version: u64,
}

impl Sent {
    fn next(&self, round: Round, seed: u64) -> Self {
        match round {
            Round::Update => {
                Self { contacts: self.contacts.reordered(seed), version: self.version + 1 }
            }
            // The first contacts are new as they are.
            Round::New if self.version == 0 => Self { contacts: self.contacts.clone(), version: 1 },
            Round::New => {
                let items = u32::try_from(self.contacts.items()).unwrap_or(u32::MAX);
                Self { contacts: Contacts::fresh(items, seed), version: 1 }
            }
        }
    }
}

fn play(
    options: &Options,
    round: Round,
    server: &ServerProcess,
    sent: &Sent,
) -> anyhow::Result<Played> {
    let target = server.target();
    let requests = requests_as(options.format, target, &sent.contacts, options.body_bytes);
    let is_over = AtomicBool::new(false);
    let (bulk, singles) = std::thread::scope(|scope| {
        let singles = NonZeroU32::new(options.singles).map(|rate| {
            let (plan, is_over) = (singles(options, target, rate), &is_over);
            scope.spawn(move || plan.run_until(is_over))
        });
        let bulk =
            Streams::start(target, shared(requests, options.streams)).and_then(Streams::join);
        is_over.store(true, Ordering::Relaxed);
        let singles = singles.map(|thread| thread.join().expect("a measurement does not panic"));
        (bulk, singles.transpose())
    });
    let (tally, span): (Tally, Duration) = bulk?;
    let singles: Option<Measured> = singles?;
    Ok(Played {
        round,
        bulk: tally.summary(span),
        singles,
        wrong_versions: count_wrong(options, target, sent)?,
        peak_bytes: peak_resident_bytes(server.pid())?,
    })
}

fn singles(options: &Options, target: SocketAddr, rate: NonZeroU32) -> Plan {
    Plan {
        work: Work::Upsert,
        shape: LoadShape { target, bytes: 256, emails: 100_000, seed: options.seed },
        connections: SINGLE_CONNECTIONS,
        warmup: Duration::ZERO,
        measured: LONGEST,
        rate: Some(rate),
        pid: None,
    }
}

/// Reads a sample back; how many contacts do not have the version they should have.
fn count_wrong(options: &Options, target: SocketAddr, sent: &Sent) -> anyhow::Result<u64> {
    let mut random = Random::new(options.seed);
    let mut wrong = 0;
    ask_all(
        target,
        options.sample.min(sent.contacts.items()),
        |_, request| {
            let place = random.below(sent.contacts.items() as u64) as usize;
            let email = sent.contacts.at(place).email();
            *request = get(target, &format!("/v1/contacts/{email}"));
        },
        |_, response| {
            let is_right =
                read::<Contact>(response.body).is_ok_and(|contact| contact.version == sent.version);
            wrong += u64::from(!is_right);
        },
    )?;
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_of_updates_raises_the_version_and_new_contacts_start_again() {
        let first = Sent { contacts: Contacts::new(50, 1), version: 0 }.next(Round::New, 2);
        let again = first.next(Round::Update, 3);
        let fresh = again.next(Round::New, 4);
        assert_eq!((first.version, again.version, fresh.version), (1, 2, 1));
        let emails = |sent: &Sent| -> std::collections::BTreeSet<String> {
            (0..50).map(|place| sent.contacts.at(place).email()).collect()
        };
        assert_eq!(emails(&first), emails(&again));
        assert!(emails(&first).is_disjoint(&emails(&fresh)));
    }
}
