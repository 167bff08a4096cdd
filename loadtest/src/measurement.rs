//! One measured run: a closed loop (each connection sends its next request at once) or an open
//! loop (requests are due at a fixed rate, and their latency counts from when they were due, so a
//! server that stalls cannot hide it).

mod score;
mod summary;

pub use score::{Score, Span};
pub use summary::{Costs, Summary};

use crate::connection::Broken;
use crate::generator::Generator;
use crate::latency::Latency;
use crate::load::{Load, LoadShape, Work};
use crate::native_generator::NativeGenerator;
use crate::schedule::Schedule;
use crate::timeline::Timeline;
use crate::usage::{ProcessUsage, thread_cpu};
use crate::workload::{AfterBreak, Exchange, Loss, Next, Turn, Workload};
use std::io::IsTerminal;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long the last answers are waited for.
const GRACE: Duration = Duration::from_secs(30);
/// How often the progress line and the marks are looked at when nothing happens.
const GLANCE: Duration = Duration::from_millis(100);

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Which work.
    pub work: Work,
    /// Where to, and with which bodies.
    pub shape: LoadShape,
    /// How many connections.
    pub connections: usize,
    /// How long before anything counts.
    pub warmup: Duration,
    /// How long it counts.
    pub measured: Duration,
    /// Requests a second of an open loop; none is a closed loop.
    pub rate: Option<NonZeroU32>,
    /// The server's process, to tell what it used.
    pub pid: Option<u32>,
}

/// What a run has shown.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The figures.
    pub summary: Summary,
    /// All latencies.
    pub latency: Latency,
    /// The same by the time at which their requests were due.
    pub timeline: Timeline,
}

impl Plan {
    /// Runs it.
    pub fn run(&self) -> anyhow::Result<Measured> {
        self.run_until(&AtomicBool::new(false))
    }

    /// Runs it, and every caller shows `key`.
    pub fn run_as(&self, key: &str) -> anyhow::Result<Measured> {
        self.run_reading(ProcessUsage::of, Some(key))
    }

    /// Runs it for a moment, and counts the server's processor time in nanoseconds. Every caller
    /// shows the key, if there is one.
    pub fn run_briefly(&self, key: Option<&str>) -> anyhow::Result<Measured> {
        self.run_reading(ProcessUsage::of_threads, key)
    }

    fn run_reading(&self, usage: ReadUsage, key: Option<&str>) -> anyhow::Result<Measured> {
        let is_over = AtomicBool::new(false);
        let mut generator = Generator::connect(self.shape.target, self.connections)?;
        let mut run = Run::start(self, &is_over, Instant::now());
        run.usage = usage;
        if let Some(key) = key {
            run.load = run.load.from_holder_of(key);
        }
        generator.run(&mut run)?;
        Ok(self.measured(run, generator.in_flight()))
    }

    /// Runs it, but ends it early once `is_over`.
    pub fn run_until(&self, is_over: &AtomicBool) -> anyhow::Result<Measured> {
        let mut generator = Generator::connect(self.shape.target, self.connections)?;
        let mut run = Run::start(self, is_over, Instant::now());
        generator.run(&mut run)?;
        Ok(self.measured(run, generator.in_flight()))
    }

    /// Runs it over native connections, with so many requests in flight on each.
    pub fn run_native(&self, in_flight: usize) -> anyhow::Result<Measured> {
        let mut generator =
            NativeGenerator::connect(self.shape.target, self.connections, in_flight)?;
        let callers = Self { connections: self.connections * in_flight, ..*self };
        let is_over = AtomicBool::new(false);
        let mut run = Run::start(&callers, &is_over, Instant::now());
        generator.run(&mut run)?;
        Ok(self.measured(run, generator.in_flight()))
    }

    fn measured(&self, run: Run<'_>, in_flight: usize) -> Measured {
        run.progress.clear();
        let unanswered = in_flight as u64 + run.unsent();
        let elapsed = run.last_answer.max(run.ends_at) - run.counts_from;
        let costs = run.costs_before.until_now(run.server_usage());
        let summary = Summary::new(self, &run.score, unanswered, elapsed, costs);
        let Score { latency, timeline, .. } = run.score;
        Measured { summary, latency, timeline }
    }
}

/// Reads what a process has used so far.
type ReadUsage = fn(u32) -> anyhow::Result<ProcessUsage>;

/// A run in progress.
struct Run<'a> {
    is_over: &'a AtomicBool,
    load: Load,
    pace: Pace,
    /// When the request in progress on each connection was due.
    due: Vec<Instant>,
    counts_from: Instant,
    ends_at: Instant,
    last_answer: Instant,
    score: Score,
    progress: Progress,
    pid: Option<u32>,
    /// How the server's costs are read.
    usage: ReadUsage,
    costs_before: CostMark,
}

#[derive(Clone, Copy, Debug)]
enum Pace {
    Closed,
    Open(Schedule),
}

impl<'a> Run<'a> {
    fn start(plan: &Plan, is_over: &'a AtomicBool, now: Instant) -> Self {
        let counts_from = now + plan.warmup;
        Self {
            is_over,
            load: Load::new(plan.work, plan.shape, plan.connections),
            pace: plan.rate.map_or(Pace::Closed, |rate| Pace::Open(Schedule::new(now, rate))),
            due: vec![now; plan.connections],
            counts_from,
            ends_at: counts_from + plan.measured,
            last_answer: now,
            score: Score::default(),
            progress: Progress { shown_at: now, ok_then: 0 },
            pid: plan.pid,
            usage: ProcessUsage::of,
            costs_before: CostMark::Pending,
        }
    }

    fn server_usage(&self) -> Option<ProcessUsage> {
        (self.usage)(self.pid?).ok()
    }

    /// Requests that were due within the run and never got a connection.
    fn unsent(&self) -> u64 {
        match self.pace {
            Pace::Closed => 0,
            Pace::Open(schedule) => schedule.left_before(self.ends_at),
        }
    }
}

impl Workload for Run<'_> {
    fn next(&mut self, slot: usize, free_since: Instant, now: Instant) -> Next<'_> {
        let due = match &self.pace {
            Pace::Closed => now,
            Pace::Open(schedule) => schedule.next_due(),
        };
        if due >= self.ends_at {
            return Next::Retire;
        }
        if due > now {
            return Next::Wait(due);
        }
        if let Pace::Open(schedule) = &mut self.pace {
            schedule.take();
            if due >= self.counts_from {
                self.score.sent(now.saturating_duration_since(due.max(free_since)));
            }
        }
        self.due[slot] = due;
        Next::Send(self.load.next(slot))
    }

    fn answered(&mut self, exchange: Exchange<'_>) {
        let due = self.due[exchange.slot];
        if due < self.counts_from {
            return;
        }
        self.last_answer = exchange.answered_at;
        let response = exchange.response;
        let is_right = !matches!(response.status, 200)
            || self.load.is_answered_by(exchange.slot, response.body);
        if is_right {
            let span = Span { at: due - self.counts_from, latency: exchange.answered_at - due };
            self.score.answered(&response, span);
        } else {
            self.score.wrong_bodies += 1;
        }
    }

    fn broken(&mut self, slot: usize, loss: Loss, _why: &Broken) -> AfterBreak {
        if loss == Loss::Answer && self.due[slot] >= self.counts_from {
            self.score.broken += 1;
        }
        AfterBreak::Reconnect
    }

    fn turn(&mut self, now: Instant) -> Turn {
        if now >= self.counts_from && matches!(self.costs_before, CostMark::Pending) {
            self.costs_before = CostMark::set(self.server_usage());
        }
        self.progress.show(now, &self.score);
        if self.is_over.load(Ordering::Relaxed) {
            self.ends_at = self.ends_at.min(now.max(self.counts_from));
        }
        if now > self.ends_at + GRACE { Turn::Stop } else { Turn::Until(now + GLANCE) }
    }
}

/// What had been used when the measured part began.
#[derive(Clone, Copy, Debug)]
enum CostMark {
    Pending,
    Set { generator: Duration, server: Option<ProcessUsage> },
}

impl CostMark {
    fn set(server: Option<ProcessUsage>) -> Self {
        Self::Set { generator: thread_cpu(), server }
    }

    fn until_now(self, now: Option<ProcessUsage>) -> Costs {
        let Self::Set { generator, server } = self else { return Costs::default() };
        let server_cpu = now.zip(server).map(|(now, then)| now.cpu.saturating_sub(then.cpu));
        Costs {
            generator_cpu_seconds: (thread_cpu() - generator).as_secs_f64(),
            server_cpu_seconds: server_cpu.map(|span| span.as_secs_f64()),
            server_resident_bytes: now.map(|now| now.resident_bytes),
        }
    }
}

/// A line a second for who watches a terminal.
struct Progress {
    shown_at: Instant,
    ok_then: u64,
}

impl Progress {
    fn show(&mut self, now: Instant, score: &Score) {
        let span = now - self.shown_at;
        if span < Duration::from_secs(1) {
            return;
        }
        let rate = (score.ok - self.ok_then) as f64 / span.as_secs_f64();
        (self.shown_at, self.ok_then) = (now, score.ok);
        if std::io::stderr().is_terminal() {
            eprint!("\r{rate:>10.0}/s  {:>10} answered  {:>6} errors ", score.ok, score.errors());
        }
    }

    /// Leaves the terminal's line to what is printed next.
    fn clear(&self) {
        if std::io::stderr().is_terminal() {
            eprint!("\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests;
