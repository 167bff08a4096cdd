//! The command line. Each command's options stand beside what it does.

use crate::data::Data;
use crate::floor::command::Floor;
use crate::scenario::{
    all, archive, brownout, bulk, cancel, capacity, delivery, duplicate, events, fallover, flaky,
    flood, hot_key, idle, incident, inversion, items, keys, mixed, noisy, refusal, replay, restart,
    retries, single, slow, snowball, stampede, step, steps, versus, waiting,
};
use crate::upstream;
use crate::verdict::Verdict;

/// Load and floors for a task server on this machine.
#[derive(Debug, clap::Parser)]
#[command(version)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Single(single::Options),
    Fallover(fallover::Options),
    HotKey(hot_key::Options),
    Restart(restart::Options),
    Idle(idle::Options),
    Versus(versus::Options),
    Incident(incident::Options),
    Bulk(bulk::Options),
    Mixed(mixed::Options),
    Flood(flood::Options),
    Keys(keys::Options),
    Duplicate(duplicate::Options),
    Retries(retries::Options),
    Steps(steps::Options),
    Cancel(cancel::Options),
    Events(events::Options),
    Archive(archive::Options),
    Capacity(capacity::Options),
    Slow(slow::Options),
    Stampede(stampede::Options),
    Refusal(refusal::Options),
    Replay(replay::Options),
    Step(step::Options),
    Waiting(waiting::Options),
    Noisy(noisy::Options),
    Inversion(inversion::Options),
    Brownout(brownout::Options),
    Snowball(snowball::Options),
    Flaky(flaky::Options),
    Delivery(delivery::Options),
    Items(items::Options),
    All(all::Options),
    Upstream(upstream::Options),
    /// Write what the scenarios send.
    #[command(subcommand)]
    Data(Data),
    /// Serve a floor: a server that does next to nothing.
    #[command(subcommand)]
    Floor(Floor),
}

impl CommandLine {
    /// Does it.
    pub fn run(self) -> anyhow::Result<Verdict> {
        match self.command {
            Command::Single(options) => single::run(&options),
            Command::Fallover(options) => fallover::run(&options),
            Command::HotKey(options) => hot_key::run(&options),
            Command::Restart(options) => restart::run(&options),
            Command::Idle(options) => idle::run(&options),
            Command::Versus(options) => versus::run(&options),
            Command::Incident(options) => incident::run(&options),
            Command::Bulk(options) => bulk::run(&options),
            Command::Mixed(options) => mixed::run(&options),
            Command::Flood(options) => flood::run(&options),
            Command::Keys(options) => keys::run(&options),
            Command::Duplicate(options) => duplicate::run(&options),
            Command::Retries(options) => retries::run(&options),
            Command::Steps(options) => steps::run(&options),
            Command::Cancel(options) => cancel::run(&options),
            Command::Events(options) => events::run(&options),
            Command::Archive(options) => archive::run(&options),
            Command::Capacity(options) => capacity::run(&options),
            Command::Slow(options) => slow::run(&options),
            Command::Stampede(options) => stampede::run(&options),
            Command::Refusal(options) => refusal::run(&options),
            Command::Replay(options) => replay::run(&options),
            Command::Step(options) => step::run(&options),
            Command::Waiting(options) => waiting::run(&options),
            Command::Noisy(options) => noisy::run(&options),
            Command::Inversion(options) => inversion::run(&options),
            Command::Brownout(options) => brownout::run(&options),
            Command::Snowball(options) => snowball::run(&options),
            Command::Flaky(options) => flaky::run(&options),
            Command::Delivery(options) => delivery::run(&options),
            Command::Items(options) => items::run(&options),
            Command::All(options) => all::run(&options),
            Command::Upstream(options) => upstream::serve(&options).map(|()| Verdict::Met),
            Command::Data(data) => data.write().map(|()| Verdict::Met),
            Command::Floor(floor) => floor.serve().map(|()| Verdict::Met),
        }
    }
}
