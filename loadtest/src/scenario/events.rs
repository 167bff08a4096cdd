//! `events`: many follow one bulk task. Half of them hang up on the way and come back. All see the
//! same events, each once and in order, the last of them the end; and the core's turns stay short.

mod crowd;
mod listener;

use crate::ask::ask;
use crate::bar::Bar;
use crate::bulk::body::PATH;
use crate::contacts::{Contacts, Form};
use crate::document::{Task, read};
use crate::figures::Figures;
use crate::home::HomeOptions;
use crate::metrics::{Metrics, quantile_between};
use crate::open_files::make_room;
use crate::output::Output;
use crate::random::{Random, fresh_seed};
use crate::request::post;
use crate::server_process::ServerProcess;
use crate::verdict::Verdict;
use anyhow::bail;
use crowd::Crowd;
use listener::Listener;
use std::time::Instant;

/// Time for all listeners to be there before the first item.
const DELAY: &str = "3s";
/// The server's `core.turn_budget`, in milliseconds.
const TURN_BUDGET_MS: f64 = 1.0;

/// Listeners on the events of one bulk task, half of whom hang up and come back.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many listeners.
    #[arg(long, default_value_t = 1_000)]
    listeners: usize,
    /// How many items the task has.
    #[arg(long, default_value_t = 200_000)]
    items: u32,
    /// Decides who hangs up when, and the items.
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    output: Output,
}

/// Submits the task, listens to its end, compares what was heard, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    make_room(options.listeners as u64)?;
    let seed = options.seed.unwrap_or_else(fresh_seed);
    let home = options.home.furnish("")?;
    let server = home.start()?;
    let id = submit(&server, options, seed)?;
    let before = Metrics::read(server.admin())?;
    let begun = Instant::now();
    let path = format!("/v1/tasks/{id}/events");
    let listeners = listeners(options.listeners, options.items, seed);
    let mut crowd = Crowd::gather(server.target(), path, listeners)?;
    let gathered = begun.elapsed();
    crowd.listen()?;
    let heard = begun.elapsed();
    let after = Metrics::read(server.admin())?;
    let mut figures = Figures::default();
    figures.tell("seed", seed);
    figures.tell("listeners", options.listeners);
    figures.tell("items", options.items);
    figures.tell_seconds("all connected after", gathered);
    figures.tell_seconds("all ended after", heard);
    tell_heard(&mut figures, &crowd, options);
    tell_turns(&mut figures, &before, &after)?;
    figures.print(options.output)
}

fn submit(server: &ServerProcess, options: &Options, seed: u64) -> anyhow::Result<String> {
    let contacts = Contacts::fresh(options.items, seed);
    let all = 0..contacts.items();
    let Some((body, items)) = contacts.body(Form::Ndjson, all, usize::MAX) else {
        bail!("a task without items has no progress");
    };
    let path = format!("{PATH}?wait=0s&delay={DELAY}");
    let target = server.target();
    let reply = ask(target, &post(target, &path, Form::Ndjson.content_type(), &body))?;
    match reply.status {
        202 => Ok(read::<Task>(&reply.body)?.id),
        status => bail!("the task of {items} items was answered with {status}"),
    }
}

/// Every other one hangs up once, somewhere in the middle.
fn listeners(count: usize, items: u32, seed: u64) -> Vec<Listener> {
    let (mut random, items) = (Random::new(seed), u64::from(items));
    let hangs_up_at = |number| match number % 2 {
        0 => None,
        _ => Some(items / 10 + random.below(items * 8 / 10 + 1)),
    };
    (0..count).map(hangs_up_at).map(Listener::new).collect()
}

fn tell_heard(figures: &mut Figures, crowd: &Crowd, options: &Options) {
    let seen: Vec<&[u64]> = crowd.listeners().map(Listener::seen).collect();
    let first = seen.first().copied().unwrap_or_default();
    let came_back = crowd.listeners().filter(|listener| listener.has_hung_up()).count();
    figures.tell("events", first.len());
    figures.tell("events heard", seen.iter().map(|seen| seen.len()).sum::<usize>());
    figures.tell("listeners who came back", came_back);
    figures.tell("cut off by the server", crowd.cut_off());
    let rising = |seen: &&&[u64]| seen.is_sorted_by(|one, next| one < next);
    let count = |is_wrong: usize| is_wrong as u64;
    let unordered = seen.len() - seen.iter().filter(rising).count();
    figures.hold(Bar::none("listeners with an event twice or out of order", count(unordered)));
    let different = seen.iter().filter(|seen| **seen != first).count();
    figures.hold(Bar::none("listeners with other events than the first", count(different)));
    let unended = crowd.listeners().filter(|listener| !listener.has_final()).count();
    figures.hold(Bar::none("listeners whose last event is not the end", count(unended)));
    let half = options.listeners / 2;
    figures.hold(Bar::at_least("listeners who came back", came_back as f64, half as f64));
}

fn tell_turns(figures: &mut Figures, before: &Metrics, after: &Metrics) -> anyhow::Result<()> {
    const TURNS: &str = "overtime_turn_cpu_seconds";
    const OVER: &str = "overtime_turns_over_budget_total";
    let (then, now) = (before.buckets(TURNS)?, after.buckets(TURNS)?);
    let p99 = quantile_between(&then, &now, 0.99).map_or(f64::NAN, |seconds| seconds * 1e3);
    figures.tell("turns over budget", after.sum(OVER)? - before.sum(OVER)?);
    figures.hold(Bar::at_most("p99 of a turn, in ms of CPU", p99, TURN_BUDGET_MS));
    Ok(())
}
