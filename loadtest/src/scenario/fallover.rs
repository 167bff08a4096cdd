//! `fallover`: tasks that may outlast their caller's wait. Every caller is answered within the
//! wait and a little, every task goes on to its end, and none runs twice.

mod callers;

use crate::argument::{loopback, span};
use crate::generator::Generator;
use crate::random::{Random, fresh_seed};
use crate::verdict::Verdict;
use callers::{Callers, Score};
use std::net::SocketAddr;
use std::time::Duration;

/// Tasks that sleep, some of them longer than their caller waits.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The server's address; loopback only.
    #[arg(long, default_value = "127.0.0.1:7070", value_parser = loopback)]
    target: SocketAddr,
    /// How many tasks.
    #[arg(long, default_value_t = 2_000)]
    tasks: u64,
    /// How many of them are unfinished at a time, at most.
    #[arg(long, default_value_t = 500)]
    at_once: usize,
    /// A task sleeps between 0 and this long, evenly drawn.
    #[arg(long, default_value = "3s", value_parser = span)]
    sleep_max: Duration,
    /// How long a caller waits.
    #[arg(long, default_value = "1s", value_parser = span)]
    wait: Duration,
    /// How much later than the wait the last answer may come.
    #[arg(long, default_value = "50ms", value_parser = span)]
    slack: Duration,
    /// Decides how long each task sleeps.
    #[arg(long)]
    seed: Option<u64>,
}

/// Submits them, follows each to its end, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let seed = options.seed.unwrap_or_else(fresh_seed);
    let mut callers = Callers::new(options, Random::new(seed));
    Generator::connect(options.target, options.at_once)?.run(&mut callers)?;
    let score = callers.into_score();
    println!("tasks       {} of up to {:?}, seed {seed}", options.tasks, options.sleep_max);
    print(&score);
    let is_in_time = score.answer_time.max() <= options.wait + options.slack;
    println!("all in time {} (wait {:?} + {:?})", yes(is_in_time), options.wait, options.slack);
    let all_ended = score.succeeded == options.tasks;
    println!("all ended   {}", yes(all_ended));
    let is_met = is_in_time && all_ended && score.faults() == 0;
    Ok(Verdict::of(is_met))
}

fn print(score: &Score) {
    println!(
        "answered    200: {}, 202: {}, other or none: {}",
        score.finished, score.accepted, score.others
    );
    println!("answer time {}", score.answer_time.quantiles());
    println!("202 late by {}", score.over_wait.quantiles());
    println!("succeeded   {}", score.succeeded);
    println!("ran twice   {}, wrong results {}", score.ran_twice, score.wrong_results);
}

fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "NO" }
}
