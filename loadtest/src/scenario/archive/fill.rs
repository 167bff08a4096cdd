//! Filling the archive, as fast as it goes: over native connections with many requests in flight.

use crate::ask::ask;
use crate::caller::Caller;
use crate::connection::Broken;
use crate::document::{Task, read};
use crate::native_generator::NativeGenerator;
use crate::request::{long_poll, post_json};
use crate::workload::{AfterBreak, Exchange, Loss, Next, Turn, Workload};
use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 4;
const IN_FLIGHT: usize = 128;
/// How long no answer may come.
const PATIENCE: Duration = Duration::from_secs(120);
const GLANCE: Duration = Duration::from_secs(1);

/// One task in so many fails.
const FAILED_IN: u64 = 50;
/// One task in so many is of another kind.
const UPSERT_IN: u64 = 10;
/// So many contacts are changed over and over.
const CONTACTS: u64 = 10_000;

pub(super) const FLAKY: &str = "/v1/tasks/flaky";
pub(super) const UPSERT: &str = "/v1/tasks/contacts.upsert";

/// What the archive was filled with.
#[derive(Clone, Debug, Default)]
pub(super) struct Filled {
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) refused: u64,
    pub(super) took: Duration,
    /// The oldest task, which is parked.
    pub(super) parked: String,
    /// A task with half of the others before it.
    pub(super) middle: String,
    /// The newest task of each kind.
    pub(super) newest: Vec<String>,
}

/// Parks one task, and then finishes `tasks` others.
pub(super) fn fill(target: SocketAddr, tasks: u64) -> anyhow::Result<Filled> {
    let mut filled = Filled { parked: park(target)?, ..Filled::default() };
    let begun = Instant::now();
    fill_with(target, tasks / 2, &mut filled)?;
    filled.middle = finish(target, FLAKY, "{}")?;
    fill_with(target, tasks - tasks / 2, &mut filled)?;
    filled.took = begun.elapsed();
    let upsert = finish(target, UPSERT, "{\"email\":\"newest@load.test\"}")?;
    filled.newest = vec![finish(target, FLAKY, "{}")?, upsert];
    Ok(filled)
}

fn park(target: SocketAddr) -> anyhow::Result<String> {
    let submit = post_json(target, &format!("{FLAKY}?wait=0s"), "{\"fail_times\":1000}");
    let id = read::<Task>(&ask(target, &submit)?.body)?.id;
    let task = read::<Task>(&ask(target, &long_poll(target, &address(&id), 30))?.body)?;
    if task.state != "parked" {
        bail!("the task that was to be parked is {}", task.state);
    }
    Ok(id)
}

pub(super) fn address(id: &str) -> String {
    format!("/v1/tasks/{id}")
}

/// The id of a task that has succeeded.
fn finish(target: SocketAddr, path: &str, body: &str) -> anyhow::Result<String> {
    let mut caller = Caller::connect(target)?;
    let response = caller.ask(&post_json(target, path, body))?;
    if response.status != 200 {
        bail!("a task was answered with {} instead of 200", response.status);
    }
    Ok(response.header("overtime-task").context("an answer names no task")?.to_owned())
}

fn fill_with(target: SocketAddr, tasks: u64, filled: &mut Filled) -> anyhow::Result<()> {
    let mut filler = Filler {
        target,
        filled,
        left: tasks,
        sent: 0,
        request: Vec::new(),
        last_answer: Instant::now(),
        wrong: None,
    };
    NativeGenerator::connect(target, CONNECTIONS, IN_FLIGHT)?.run(&mut filler)?;
    match filler {
        Filler { wrong: Some(wrong), .. } => bail!("while the archive was filled: {wrong}"),
        Filler { left: 0, .. } => Ok(()),
        Filler { left, .. } => bail!("{left} tasks were left when no answer came any more"),
    }
}

struct Filler<'a> {
    target: SocketAddr,
    filled: &'a mut Filled,
    left: u64,
    sent: u64,
    request: Vec<u8>,
    last_answer: Instant,
    wrong: Option<String>,
}

impl Workload for Filler<'_> {
    fn next(&mut self, _slot: usize, _free_since: Instant, _now: Instant) -> Next<'_> {
        if self.left == 0 {
            return Next::Retire;
        }
        self.left -= 1;
        self.sent += 1;
        self.request = request(self.target, self.sent);
        Next::Send(&self.request)
    }

    fn answered(&mut self, exchange: Exchange<'_>) {
        self.last_answer = exchange.answered_at;
        match exchange.response.status {
            200 => self.filled.succeeded += 1,
            422 => self.filled.failed += 1,
            429 | 503 => {
                self.filled.refused += 1;
                self.left += 1;
            }
            status => self.wrong = Some(format!("an answer of {status}")),
        }
    }

    fn broken(&mut self, _slot: usize, _loss: Loss, why: &Broken) -> AfterBreak {
        self.wrong = Some(why.to_string());
        AfterBreak::Retire
    }

    fn turn(&mut self, now: Instant) -> Turn {
        if self.wrong.is_some() || now > self.last_answer + PATIENCE {
            return Turn::Stop;
        }
        Turn::Until(now + GLANCE)
    }
}

/// The task of that number.
fn request(target: SocketAddr, number: u64) -> Vec<u8> {
    if number.is_multiple_of(FAILED_IN) {
        post_json(target, FLAKY, "{\"reject\":true}")
    } else if number % UPSERT_IN == 1 {
        let contact = number / UPSERT_IN % CONTACTS;
        post_json(target, UPSERT, &format!("{{\"email\":\"archive-{contact:08}@load.test\"}}"))
    } else {
        post_json(target, FLAKY, "{}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_tasks_succeed_some_fail_and_some_are_of_another_kind() {
        let target = "127.0.0.1:1".parse().unwrap();
        let requests: Vec<_> = (1..=1_000).map(|number| request(target, number)).collect();
        let count = |text: &str| {
            let has = |request: &&Vec<u8>| memchr::memmem::find(request, text.as_bytes()).is_some();
            requests.iter().filter(has).count()
        };
        assert_eq!((count("reject"), count("contacts.upsert"), count("flaky")), (20, 100, 900));
    }
}
