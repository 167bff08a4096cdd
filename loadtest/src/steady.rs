//! Tasks that are submitted at even intervals, due whatever the server does, each with work of its own;
//! and when each of them was answered with what. It runs until it is stopped.

use crate::connection::Broken;
use crate::generator::Generator;
use crate::latency::Latency;
use crate::request::post_json;
use crate::workload::{AfterBreak, Exchange, Loss, Next, Turn, Workload};
use anyhow::Context;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the last answers are waited for.
const GRACE: Duration = Duration::from_secs(15);
const GLANCE: Duration = Duration::from_millis(50);

/// What is submitted.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where to.
    pub target: SocketAddr,
    /// Which path.
    pub path: String,
    /// From one to the next.
    pub every: Duration,
    /// Over how many connections.
    pub connections: usize,
}

/// One that was due.
#[derive(Clone, Debug)]
pub struct Submission {
    /// When.
    pub due: Instant,
    /// What it was answered with; none if it was not.
    pub answer: Option<Answer>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// When it had come.
    pub at: Instant,
    /// Its status.
    pub status: u16,
    /// The task that it is about.
    pub task: Option<String>,
}

impl Submission {
    /// Whether it was answered with that status, so soon after it was due.
    pub fn is_answered(&self, status: u16, within: Duration) -> bool {
        let is_right = |answer: &Answer| answer.status == status && answer.at - self.due <= within;
        self.answer.as_ref().is_some_and(is_right)
    }
}

/// All that was submitted.
#[derive(Debug, Default)]
pub struct Submitted {
    /// In the order in which they were due.
    pub tasks: Vec<Submission>,
    /// How late we were by our own fault.
    pub lateness: Latency,
}

impl Submitted {
    /// How many of those that were due from then on were answered with that status within that time,
    /// in percent.
    pub fn percent_answered(&self, status: u16, within: Duration, from: Instant) -> f64 {
        let due = || self.tasks.iter().filter(|task| task.due >= from);
        let answered = due().filter(|task| task.is_answered(status, within)).count();
        100.0 * answered as f64 / due().count().max(1) as f64
    }

    /// The ids that were told.
    pub fn ids(&self) -> Vec<&str> {
        let answers = self.tasks.iter().filter_map(|task| task.answer.as_ref());
        answers.filter_map(|answer| answer.task.as_deref()).collect()
    }

    /// How many were not answered 200 or 202 with the id of a task.
    pub fn refused(&self) -> u64 {
        let is_taken = |task: &&Submission| {
            let answer = task.answer.as_ref();
            answer.is_some_and(|answer| matches!(answer.status, 200 | 202) && answer.task.is_some())
        };
        (self.tasks.len() - self.tasks.iter().filter(is_taken).count()) as u64
    }
}

/// Submits on a thread of its own.
#[derive(Debug)]
pub struct Steady {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<Submitted>>,
}

impl Steady {
    /// Connects, and begins.
    pub fn start(plan: Plan) -> anyhow::Result<Self> {
        let mut generator = Generator::connect(plan.target, plan.connections)?;
        let is_over = Arc::new(AtomicBool::new(false));
        let mut run = Run {
            start: Instant::now(),
            is_over: is_over.clone(),
            over_since: None,
            in_progress: vec![0; plan.connections],
            request: Vec::new(),
            submitted: Submitted::default(),
            plan,
        };
        let submit = move || {
            generator.run(&mut run)?;
            Ok(run.submitted)
        };
        let thread = std::thread::Builder::new().name("steady".into()).spawn(submit);
        Ok(Self { is_over, thread: thread.context("cannot start a thread")? })
    }

    /// Submits no more, and waits for the answers that are still to come.
    pub fn stop(self) -> anyhow::Result<Submitted> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("whoever submits panicked"))?
    }
}

struct Run {
    plan: Plan,
    start: Instant,
    is_over: Arc<AtomicBool>,
    over_since: Option<Instant>,
    /// Which one each connection has in progress.
    in_progress: Vec<usize>,
    request: Vec<u8>,
    submitted: Submitted,
}

impl Run {
    fn next_due(&self) -> Instant {
        let number = u32::try_from(self.submitted.tasks.len()).unwrap_or(u32::MAX);
        self.start + self.plan.every * number
    }
}

impl Workload for Run {
    fn next(&mut self, slot: usize, free_since: Instant, now: Instant) -> Next<'_> {
        let due = self.next_due();
        if self.over_since.is_some_and(|since| due >= since) {
            return Next::Retire;
        }
        if due > now {
            return Next::Wait(due);
        }
        let number = self.submitted.tasks.len();
        self.submitted.lateness.record(now.saturating_duration_since(due.max(free_since)));
        self.submitted.tasks.push(Submission { due, answer: None });
        self.in_progress[slot] = number;
        // No two of them are the same work.
        let body = format!("{{\"number\":{number},\"from\":\"{}\"}}", self.plan.path);
        self.request = post_json(self.plan.target, &self.plan.path, &body);
        Next::Send(&self.request)
    }

    fn answered(&mut self, exchange: Exchange<'_>) {
        let task = exchange.response.header("Overtime-Task").map(str::to_owned);
        let (at, status) = (exchange.answered_at, exchange.response.status);
        let number = self.in_progress[exchange.slot];
        self.submitted.tasks[number].answer = Some(Answer { at, status, task });
    }

    fn broken(&mut self, _slot: usize, _loss: Loss, _why: &Broken) -> AfterBreak {
        AfterBreak::Reconnect
    }

    fn turn(&mut self, now: Instant) -> Turn {
        if self.is_over.load(Ordering::Relaxed) {
            self.over_since.get_or_insert(now);
        }
        let is_late = |since: Instant| now > since + GRACE;
        if self.over_since.is_some_and(is_late) { Turn::Stop } else { Turn::Until(now + GLANCE) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server_process::lasting_addresses;
    use crate::upstream::{Behaviour, Script, Upstream};
    use std::collections::BTreeSet;

    #[test]
    fn each_is_different_work_and_none_is_submitted_twice() {
        let [address] = lasting_addresses().unwrap();
        let script = Script::always(Behaviour::slow(Duration::ZERO));
        let upstream = Upstream::start(address, script, 1).unwrap();
        let (path, every) = ("/v1/tasks/x".to_owned(), Duration::from_millis(1));
        let steady = Steady::start(Plan { target: address, path, every, connections: 2 }).unwrap();
        while upstream.told().unwrap().deliveries < 20 {
            std::thread::yield_now();
        }
        let submitted = steady.stop().unwrap();
        let due: BTreeSet<Instant> = submitted.tasks.iter().map(|task| task.due).collect();
        assert_eq!(due.len(), submitted.tasks.len());
        assert_eq!(upstream.told().unwrap().deliveries, submitted.tasks.len());
        let first = submitted.tasks[0].due;
        assert_eq!(submitted.percent_answered(200, Duration::MAX, first), 100.0);
        // What answers here is no task server, so it names no task.
        assert_eq!(submitted.refused(), submitted.tasks.len() as u64);
        assert!(submitted.ids().is_empty());
    }

    #[test]
    fn what_comes_late_or_with_another_status_is_not_answered() {
        let due = Instant::now();
        let answer = |status, ms| Submission {
            due,
            answer: Some(Answer {
                at: due + Duration::from_millis(ms),
                status,
                task: Some("01J".into()),
            }),
        };
        let tasks = vec![
            answer(200, 1_000),
            answer(200, 1_001),
            answer(202, 1),
            Submission { due, answer: None },
        ];
        let submitted = Submitted { tasks, ..Submitted::default() };
        let second = Duration::from_secs(1);
        assert_eq!(submitted.percent_answered(200, second, due), 25.0);
        assert_eq!(submitted.percent_answered(200, second, due + second), 0.0);
        assert_eq!((submitted.refused(), submitted.ids().len()), (1, 3));
    }
}
