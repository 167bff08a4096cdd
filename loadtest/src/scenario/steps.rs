//! `steps`: a task of many steps, the last but one of which fails once. It goes on where it was, so
//! one step more is made and not all of them again, also if the server is killed on the way.

use crate::argument::span;
use crate::ask::ask;
use crate::bar::Bar;
use crate::document::{Task, read};
use crate::figures::Figures;
use crate::home::{Home, HomeOptions};
use crate::output::Output;
use crate::request::{get, long_poll, post_json};
use crate::server_process::ServerProcess;
use crate::verdict::Verdict;
use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long a task may take to go on or to end.
const PATIENCE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(2);
const POLL_SECONDS: u32 = 10;

/// A task of many steps whose last step but one fails once, left alone and then killed.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many steps.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(2..))]
    steps: u64,
    /// How often the server is killed in the middle of the second task.
    #[arg(long, default_value_t = 3)]
    kills: u64,
    /// How long a step of the second task takes.
    #[arg(long, default_value = "5ms", value_parser = span)]
    step: Duration,
    #[command(flatten)]
    home: HomeOptions,
    #[command(flatten)]
    output: Output,
}

/// Runs the task with and without kills, and prints.
pub fn run(options: &Options) -> anyhow::Result<Verdict> {
    let home = options.home.furnish("")?;
    let plain = play(options, &home, &[]).context("left alone")?;
    let kills: Vec<u64> =
        (1..=options.kills).map(|kill| options.steps * kill / (options.kills + 1)).collect();
    let killed = play(options, &home, &kills).context("with kills")?;
    let mut figures = Figures::default();
    figures.tell("steps", options.steps);
    figures.tell("left alone", &plain);
    figures.tell("killed", &killed);
    for (name, played) in [("left alone", &plain), ("killed", &killed)] {
        let astray = played.made.map_or(options.steps + 1, |made| made.abs_diff(options.steps + 1));
        figures.hold(Bar::none(format!("{name}: steps made too many or too few"), astray));
    }
    let kills = killed.kills as f64;
    figures.hold(Bar::at_least("kills in the middle", kills, options.kills as f64));
    figures.print(options.output)
}

/// How a task went.
#[derive(Clone, Debug, Serialize)]
struct Played {
    state: String,
    /// Steps made, by the result; none if there is no result.
    made: Option<u64>,
    attempts: u32,
    kills: u64,
    seconds: f64,
}

impl Display for Played {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { state, made, attempts, kills, seconds } = self;
        match made {
            Some(made) => write!(out, "{state}, {made} steps made")?,
            None => write!(out, "{state}, no result")?,
        }
        write!(out, " in {attempts} attempts, {kills} kills, {seconds:.2} s")
    }
}

/// Runs the task, and kills the server whenever as many steps are done as `kills` says next.
fn play(options: &Options, home: &Home, kills: &[u64]) -> anyhow::Result<Played> {
    let mut server = home.start()?;
    let begun = Instant::now();
    let pace = if kills.is_empty() { Duration::ZERO } else { options.step };
    let id = submit(server.target(), options.steps, pace)?;
    let mut killed = 0;
    for at in kills {
        if await_step(&server, &id, *at)? {
            server.kill()?;
            server = home.start()?;
            killed += 1;
        }
    }
    let task = await_end(server.target(), &id)?;
    let seconds = begun.elapsed().as_secs_f64();
    let made =
        if task.is_succeeded() { Some(made(server.target(), &task, options)?) } else { None };
    Ok(Played { state: task.state, made, attempts: task.attempts, kills: killed, seconds })
}

fn submit(target: SocketAddr, steps: u64, pace: Duration) -> anyhow::Result<String> {
    let (fail_at, ms) = (steps - 1, pace.as_millis());
    let body = format!("{{\"steps\":{steps},\"fail_at\":{fail_at},\"ms\":{ms}}}");
    let reply = ask(target, &post_json(target, "/v1/tasks/steps?wait=0s", &body))?;
    match reply.status {
        202 => Ok(read::<Task>(&reply.body)?.id),
        status => bail!("the task was answered with {status}"),
    }
}

/// Waits until so many steps are done; false if the task ends before that is seen.
fn await_step(server: &ServerProcess, id: &str, step: u64) -> anyhow::Result<bool> {
    let begun = Instant::now();
    loop {
        let target = server.target();
        let reply = ask(target, &get(target, &format!("/v1/tasks/{id}")))?;
        let task: Task = read(&reply.body)?;
        if task.is_at_rest() {
            return Ok(false);
        }
        if task.progress.is_some_and(|progress| progress.done >= step) {
            return Ok(true);
        }
        if begun.elapsed() > PATIENCE {
            bail!("step {step} is not done after {PATIENCE:?}");
        }
        std::thread::sleep(PAUSE);
    }
}

fn await_end(target: SocketAddr, id: &str) -> anyhow::Result<Task> {
    let begun = Instant::now();
    let poll = long_poll(target, &format!("/v1/tasks/{id}"), POLL_SECONDS);
    loop {
        let task: Task = read(&ask(target, &poll)?.body)?;
        if task.is_at_rest() {
            return Ok(task);
        }
        if begun.elapsed() > PATIENCE {
            bail!("the task has not ended after {PATIENCE:?}");
        }
    }
}

#[derive(Debug, Deserialize)]
struct Steps {
    steps: u64,
    made: u64,
}

/// How many steps were made, as the result tells.
fn made(target: SocketAddr, task: &Task, options: &Options) -> anyhow::Result<u64> {
    let reply = ask(target, &get(target, &format!("/v1/tasks/{}/result", task.id)))?;
    if reply.status != 200 {
        bail!("the result was answered with {}", reply.status);
    }
    match read::<Steps>(&reply.body)? {
        Steps { steps, made } if steps == options.steps => Ok(made),
        Steps { steps, .. } => {
            bail!("{} steps were asked for, and {steps} answered", options.steps)
        }
    }
}
