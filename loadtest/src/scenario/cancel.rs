//! `cancel`: a cancellation races with the start and the end of each of many short tasks. Whoever
//! wins, everybody is told the same: who cancels, who waits, who asks afterwards, and who asks
//! after a crash.

mod race;

use crate::bar::Bar;
use crate::batch::ask_all;
use crate::document::{Task, read};
use crate::figures::Figures;
use crate::home::HomeOptions;
use crate::output::Output;
use crate::random::{Random, fresh_seed};
use crate::request::get;
use crate::verdict::Verdict;
use anyhow::anyhow;
use race::{Ending, Racer};
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Cancellations that race with the start or the end of short tasks.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many tasks.
    #[arg(long, default_value_t = 1_000)]
    races: u64,
    /// How many of them at a time.
    #[arg(long, default_value_t = 8)]
    at_once: u64,
    /// How far delays, sleeps and cancellations are spread, in milliseconds.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..))]
    longest_ms: u64,
    /// Decides all spans.
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    output: Output,
}

/// Races, compares, kills, compares again, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let seed = options.seed.unwrap_or_else(fresh_seed);
    let home = options.home.furnish("")?;
    let mut server = home.start()?;
    let endings = race_all(options, seed, server.target())?;
    let changed = count_changed(server.target(), &endings)?;
    server.kill()?;
    let server = home.start()?;
    let changed_by_crash = count_changed(server.target(), &endings)?;
    let tally = Tally::of(&endings);
    let mut figures = Figures::default();
    figures.tell("seed", seed);
    figures.tell("races", endings.len());
    for (name, ways) in [
        ("cancelled before the start", tally.at_once),
        ("cancelled while running", tally.running),
        ("asked, and it succeeded", tally.too_late),
        ("refused as it had ended", tally.refused),
    ] {
        figures.tell(name, ways);
    }
    figures.hold(Bar::none("answers that disagree", tally.disagreements.count));
    if let Some(first) = &tally.disagreements.first {
        figures.tell("first disagreement", first.clone());
    }
    figures.hold(Bar::none("ends that changed later", changed));
    figures.hold(Bar::none("ends that changed by a crash", changed_by_crash));
    let cancelled = (tally.at_once + tally.running) as f64;
    let succeeded = (tally.too_late + tally.refused) as f64;
    let often = options.races as f64 / 20.0;
    figures.hold(Bar::at_least("races that the cancellation won", cancelled, often));
    figures.hold(Bar::at_least("races that the task won", succeeded, often));
    figures.print(options.output)
}

fn race_all(options: &Options, seed: u64, target: SocketAddr) -> anyhow::Result<Vec<Ending>> {
    let next = AtomicU64::new(0);
    let race = |racer: u64| -> anyhow::Result<Vec<Ending>> {
        let random = Random::new(seed.wrapping_add(racer));
        let mut racer = Racer::connect(target, random, options.longest_ms)?;
        let mut endings = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= options.races {
                return Ok(endings);
            }
            endings.push(racer.race(number)?);
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..options.at_once).map(|racer| scope.spawn(move || race(racer))).collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(endings) => endings,
            Err(_) => Err(anyhow!("a racer panicked")),
        });
        Ok(joined.collect::<anyhow::Result<Vec<_>>>()?.concat())
    })
}

/// How many tasks are not shown as they were.
fn count_changed(target: SocketAddr, endings: &[Ending]) -> anyhow::Result<u64> {
    let mut changed = 0;
    ask_all(
        target,
        endings.len(),
        |number, out| *out = get(target, &format!("/v1/tasks/{}", endings[number].id)),
        |number, response| {
            let is_same =
                read::<Task>(response.body).is_ok_and(|task| task.state == endings[number].state);
            changed += u64::from(!is_same);
        },
    )?;
    Ok(changed)
}

/// How often each of the ways was gone.
#[derive(Clone, Debug, Default)]
struct Tally {
    at_once: u64,
    running: u64,
    too_late: u64,
    refused: u64,
    disagreements: Disagreements,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Disagreements {
    count: u64,
    first: Option<String>,
}

impl Tally {
    fn of(endings: &[Ending]) -> Self {
        let mut tally = Self::default();
        for ending in endings {
            match (ending.cancel_status, ending.state.as_str(), ending.waiter_status) {
                (200, "cancelled", 409) => tally.at_once += 1,
                (202, "cancelled", 409) => tally.running += 1,
                (202, "succeeded", 200) => tally.too_late += 1,
                (409, "succeeded", 200) => tally.refused += 1,
                _ => tally.disagreements.note(ending),
            }
        }
        tally
    }
}

impl Disagreements {
    fn note(&mut self, ending: &Ending) {
        self.count += 1;
        self.first.get_or_insert_with(|| ending.to_string());
    }
}

impl Display for Ending {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { id, cancel_status, waiter_status, state } = self;
        write!(
            out,
            "{id}: DELETE was answered {cancel_status}, the waiter {waiter_status}; it is {state}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(cancel_status: u16, state: &str, waiter_status: u16) -> Ending {
        Ending { id: "1".into(), cancel_status, waiter_status, state: state.into() }
    }

    #[test]
    fn each_way_is_counted_and_what_contradicts_itself_is_a_disagreement() {
        let tally = Tally::of(&[
            ending(200, "cancelled", 409),
            ending(202, "cancelled", 409),
            ending(202, "succeeded", 200),
            ending(409, "succeeded", 200),
            ending(200, "succeeded", 200),
            ending(409, "cancelled", 409),
            ending(202, "cancelled", 200),
        ]);
        assert_eq!((tally.at_once, tally.running, tally.too_late, tally.refused), (1, 1, 1, 1));
        assert_eq!(tally.disagreements.count, 3);
        assert!(tally.disagreements.first.unwrap().contains("DELETE was answered 200"));
    }
}
