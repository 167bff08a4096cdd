//! `keys`: every idempotency key is sent many times at once, over many connections, and in the
//! middle of it the server is killed. One key is one task with one effect, whoever asks how often.

mod audit;
mod ledger;
mod senders;

use crate::bar::Bar;
use crate::figures::Figures;
use crate::generator::Generator;
use crate::home::{Home, HomeOptions};
use crate::open_files::make_room_up_to;
use crate::output::Output;
use crate::random::fresh_seed;
use crate::server_process::ServerProcess;
use crate::verdict::Verdict;
use anyhow::{Context, bail};
use audit::Audit;
use ledger::Ledger;
use senders::{Killing, Senders};

/// Each idempotency key is submitted many times; the server is killed in the middle.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many keys, each with a contact of its own.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    keys: u32,
    /// How often each of them is sent.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    duplicates: u32,
    /// How many connections; fewer, if the system allows fewer open files.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    connections: u64,
    /// Decides the order in which the keys are sent.
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    output: Output,
}

/// Sends, kills, sends the rest, compares, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let connections = make_room_up_to(options.connections)?;
    let seed = options.seed.unwrap_or_else(fresh_seed);
    let home = options.home.furnish("")?;
    let mut ledger = Ledger::new(options.keys, options.duplicates, seed);
    let server = send(&home, &mut ledger, connections as usize)?;
    let audit = Audit::of(server.target(), &ledger)?;
    let mut figures = Figures::default();
    figures.tell("seed", seed);
    figures.tell("keys", options.keys);
    figures.tell("duplicates", options.duplicates);
    figures.tell("connections", connections);
    tell(&mut figures, &ledger, &audit);
    figures.print(options.output)
}

/// Sends all there is, to two servers one after the other on the same data.
fn send(home: &Home, ledger: &mut Ledger, connections: usize) -> anyhow::Result<ServerProcess> {
    let mut server = home.start()?;
    let half = ledger.left() / 2;
    let mut generator = Generator::connect(server.target(), connections)?;
    let senders = Senders::new(server.target(), ledger, connections);
    let mut killing = Killing::new(senders, half, || server.kill());
    generator.run(&mut killing).context("before the kill")?;
    killing.outcome()?;
    let server = home.start().context("after the kill")?;
    let mut senders = Senders::new(server.target(), ledger, connections);
    Generator::connect(server.target(), connections)?.run(&mut senders)?;
    match ledger.left() {
        0 => Ok(server),
        left => bail!("{left} requests had no answer at all"),
    }
}

fn tell(figures: &mut Figures, ledger: &Ledger, audit: &Audit) {
    let counts = ledger.counts();
    figures.tell("answered 200", counts.finished);
    figures.tell("answered 202", counts.accepted);
    figures.tell("refused for now, sent again", counts.refused);
    figures.tell("without an answer, sent again", counts.lost);
    figures.tell("replays", counts.replays);
    figures.hold(Bar::none("keys with another number of tasks than one", ledger.keys_astray()));
    figures.hold(Bar::none("contacts with another version than 1", audit.wrong_versions));
    figures.hold(Bar::none("answers with another version than 1", counts.wrong_versions));
    figures.hold(Bar::none("answers that are none", counts.nonsense));
    if let Some(first) = ledger.first_nonsense() {
        figures.tell("first answer that is none", first);
    }
    figures.hold(Bar::none("replays that do not say so", counts.unmarked));
    figures.hold(Bar::none("keys whose last repetition is no replay", audit.not_replayed));
    figures.hold(Bar::none("other payloads that were not refused", audit.not_refused));
    figures.hold(Bar::at_least("requests lost by the kill", counts.lost as f64, 1.0));
}
