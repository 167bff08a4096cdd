//! The callers of `fallover`. Each submits a task, and if it is answered 202 follows the address
//! it was given until the task has ended, then fetches the result.

use super::Options;
use crate::connection::Broken;
use crate::document::{Task, read};
use crate::latency::Latency;
use crate::random::Random;
use crate::request::{get, long_poll, post_json};
use crate::response::Response;
use crate::workload::{AfterBreak, Exchange, Loss, Next, Turn, Workload};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long nothing may happen before the rest is given up.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_secs(1);
const POLL_SECONDS: u32 = 10;

/// What came of the tasks.
#[derive(Debug, Default)]
pub(super) struct Score {
    pub(super) finished: u64,
    pub(super) accepted: u64,
    pub(super) others: u64,
    pub(super) succeeded: u64,
    pub(super) ran_twice: u64,
    pub(super) wrong_results: u64,
    /// From sending a task to its answer, 200 or 202.
    pub(super) answer_time: Latency,
    /// How much longer than the wait a 202 took.
    pub(super) over_wait: Latency,
}

/// Where a caller is with its task.
#[derive(Clone, Debug)]
enum Stage {
    Free,
    Submitted { ms: u64 },
    Following { ms: u64, location: String },
    Fetching { ms: u64, location: String },
}

pub(super) struct Callers {
    target: SocketAddr,
    path: String,
    wait: Duration,
    left: u64,
    sleep_max_ms: u64,
    random: Random,
    stages: Vec<Stage>,
    request: Vec<u8>,
    last_answer: Instant,
    score: Score,
}

impl Callers {
    pub(super) fn new(options: &Options, random: Random) -> Self {
        Self {
            target: options.target,
            path: format!("/v1/tasks/sleep?wait={}ms", options.wait.as_millis()),
            wait: options.wait,
            left: options.tasks,
            sleep_max_ms: options.sleep_max.as_millis() as u64,
            random,
            stages: vec![Stage::Free; options.at_once],
            request: Vec::new(),
            last_answer: Instant::now(),
            score: Score::default(),
        }
    }

    pub(super) fn into_score(self) -> Score {
        self.score
    }

    fn submitted(&mut self, ms: u64, took: Duration, response: &Response<'_>) -> Stage {
        if !matches!(response.status, 200 | 202) {
            self.score.others += 1;
            return Stage::Free;
        }
        self.score.answer_time.record(took);
        if response.status == 200 {
            self.score.finished += 1;
            return self.ended(ms, response);
        }
        self.score.accepted += 1;
        self.score.over_wait.record(took.saturating_sub(self.wait));
        match response.header("location") {
            Some(location) => Stage::Following { ms, location: location.to_owned() },
            None => {
                self.score.others += 1;
                Stage::Free
            }
        }
    }

    fn followed(&mut self, ms: u64, location: String, response: &Response<'_>) -> Stage {
        let Ok(task) = read::<Task>(response.body) else {
            self.score.others += 1;
            return Stage::Free;
        };
        if !task.is_at_rest() {
            return Stage::Following { ms, location };
        }
        self.score.ran_twice += u64::from(task.attempts != 1);
        if task.is_succeeded() { Stage::Fetching { ms, location } } else { Stage::Free }
    }

    /// A result has come, at once or later; it must be the one of this very task.
    fn ended(&mut self, ms: u64, response: &Response<'_>) -> Stage {
        let slept = read::<serde_json::Value>(response.body).ok();
        let is_right = slept.is_some_and(|slept| slept["slept_ms"].as_u64() == Some(ms));
        if is_right && response.status == 200 {
            self.score.succeeded += 1;
        } else {
            self.score.wrong_results += 1;
        }
        Stage::Free
    }

    fn submit(&mut self) -> Stage {
        self.left -= 1;
        let ms = self.random.below(self.sleep_max_ms + 1);
        self.request = post_json(self.target, &self.path, &format!("{{\"ms\":{ms}}}"));
        Stage::Submitted { ms }
    }
}

impl Workload for Callers {
    fn next(&mut self, slot: usize, _free_since: Instant, _now: Instant) -> Next<'_> {
        match &self.stages[slot] {
            Stage::Following { location, .. } => {
                self.request = long_poll(self.target, location, POLL_SECONDS);
            }
            Stage::Fetching { location, .. } => {
                self.request = get(self.target, &format!("{location}/result"));
            }
            Stage::Free | Stage::Submitted { .. } if self.left == 0 => return Next::Retire,
            Stage::Free | Stage::Submitted { .. } => self.stages[slot] = self.submit(),
        }
        Next::Send(&self.request)
    }

    fn answered(&mut self, exchange: Exchange<'_>) {
        self.last_answer = exchange.answered_at;
        let (slot, response) = (exchange.slot, &exchange.response);
        let took = exchange.answered_at - exchange.sent_at;
        self.stages[slot] = match std::mem::replace(&mut self.stages[slot], Stage::Free) {
            Stage::Free => Stage::Free,
            Stage::Submitted { ms } => self.submitted(ms, took, response),
            Stage::Following { ms, location } => self.followed(ms, location, response),
            Stage::Fetching { ms, .. } => self.ended(ms, response),
        };
    }

    fn broken(&mut self, slot: usize, loss: Loss, _why: &Broken) -> AfterBreak {
        if loss == Loss::Answer {
            self.score.others += 1;
            self.stages[slot] = Stage::Free;
        }
        AfterBreak::Reconnect
    }

    fn turn(&mut self, now: Instant) -> Turn {
        let is_stuck = now > self.last_answer + PATIENCE;
        if is_stuck { Turn::Stop } else { Turn::Until(now + GLANCE) }
    }
}

#[cfg(test)]
mod tests;
