//! Calls of several tenants, in turn and at one rate, due whatever the server does; counted for each
//! tenant, and of every refusal whether it says when to come back.

use super::Tenants;
use crate::connection::Broken;
use crate::generator::Generator;
use crate::latency::Latency;
use crate::measurement::{Measured, Summary};
use crate::request::Template;
use crate::schedule::Schedule;
use crate::timeline::Timeline;
use crate::workload::{AfterBreak, Exchange, Loss, Next, Turn, Workload};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::Range;
use std::time::{Duration, Instant};

/// How long the last answers are waited for.
const GRACE: Duration = Duration::from_secs(15);
const GLANCE: Duration = Duration::from_millis(100);
/// Whoever waits longer than this has not been served.
pub const SERVED_WITHIN: Duration = Duration::from_secs(1);
/// What a refusal for a rate says besides the time to come back.
const FIELDS: [&str; 2] = ["RateLimit", "RateLimit-Policy"];

/// What is called, by whom and how often.
#[derive(Clone, Debug)]
pub struct Calls<'a> {
    /// Where to.
    pub target: SocketAddr,
    /// Which path.
    pub path: &'a str,
    /// The body of all calls.
    pub body: &'a str,
    /// All tenants there are.
    pub tenants: &'a Tenants,
    /// Who of them calls, by number.
    pub who: Range<usize>,
    /// Calls a second of all of those.
    pub rate: NonZeroU32,
    /// Over how many connections.
    pub connections: usize,
    /// How long before anything counts.
    pub warmup: Duration,
    /// How long it counts.
    pub measured: Duration,
}

/// What has become of the calls of one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantTally {
    /// Calls that were due.
    pub due: u64,
    /// Answers by status.
    pub answers: BTreeMap<u16, u64>,
    /// Of the answers 200, those that came within [`SERVED_WITHIN`].
    pub served: u64,
    /// Of the answers 429, those that do not say when to come back.
    pub without_retry_after: u64,
    /// And those without the fields about the rate.
    pub without_fields: u64,
}

impl TenantTally {
    /// How many calls had that answer.
    pub fn answered(&self, status: u16) -> u64 {
        self.answers.get(&status).copied().unwrap_or(0)
    }

    /// The calls that were answered with the result, and in time, in percent.
    pub fn done_percent(&self) -> f64 {
        100.0 * self.served as f64 / self.due.max(1) as f64
    }

    /// Adds what another has counted.
    pub fn add(&mut self, other: &Self) {
        self.due += other.due;
        self.served += other.served;
        self.without_retry_after += other.without_retry_after;
        self.without_fields += other.without_fields;
        for (status, count) in &other.answers {
            *self.answers.entry(*status).or_default() += count;
        }
    }
}

/// What has become of all calls.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// For each tenant, in the order of their numbers.
    pub tenants: Vec<TenantTally>,
    /// From when a call was due to its result.
    pub latency: Latency,
    /// The same by when they were due.
    pub timeline: Timeline,
    /// From when a call was due to its refusal.
    pub refusals: Latency,
    /// How much later than possible the generator itself sent a call.
    pub lateness: Latency,
}

impl Outcome {
    /// All tenants together.
    pub fn sum(&self) -> TenantTally {
        let mut sum = TenantTally::default();
        self.tenants.iter().for_each(|tally| sum.add(tally));
        sum
    }

    /// The tenant of whose calls the fewest were done, in percent.
    pub fn worst_percent(&self) -> f64 {
        self.tenants.iter().map(TenantTally::done_percent).fold(100.0, f64::min)
    }

    /// For a plot.
    pub fn measured(&self) -> Measured {
        let (latency, timeline) = (self.latency.clone(), self.timeline.clone());
        Measured { summary: Summary::default(), latency, timeline }
    }
}

impl Calls<'_> {
    /// Makes them.
    pub fn run(&self) -> anyhow::Result<Outcome> {
        let mut generator = Generator::connect(self.target, self.connections)?;
        let mut course = Course::new(self, Instant::now());
        generator.run(&mut course)?;
        Ok(course.outcome())
    }
}

struct Course {
    templates: Vec<Template>,
    schedule: Schedule,
    /// Of the next call.
    next: usize,
    /// Whose call is in progress on each connection, and when it was due.
    calls: Vec<(usize, Instant)>,
    counts_from: Instant,
    ends_at: Instant,
    outcome: Outcome,
}

impl Course {
    fn new(calls: &Calls<'_>, now: Instant) -> Self {
        let place = (calls.target, calls.path);
        let template = |number| calls.tenants.post_json(place, calls.body, number);
        let counts_from = now + calls.warmup;
        let tenants = vec![TenantTally::default(); calls.who.len()];
        Self {
            templates: calls.who.clone().map(template).collect(),
            schedule: Schedule::new(now, calls.rate),
            next: 0,
            calls: vec![(0, now); calls.connections],
            counts_from,
            ends_at: counts_from + calls.measured,
            outcome: Outcome { tenants, ..Outcome::default() },
        }
    }

    /// Calls that never got a connection were due as well.
    fn outcome(mut self) -> Outcome {
        let unsent = self.schedule.left_before(self.ends_at);
        for number in 0..unsent as usize {
            let tenants = self.outcome.tenants.len();
            self.outcome.tenants[(self.next + number) % tenants].due += 1;
        }
        self.outcome
    }
}

impl Workload for Course {
    fn next(&mut self, slot: usize, free_since: Instant, now: Instant) -> Next<'_> {
        let due = self.schedule.next_due();
        if due >= self.ends_at {
            return Next::Retire;
        }
        if due > now {
            return Next::Wait(due);
        }
        self.schedule.take();
        let tenant = self.next % self.templates.len();
        self.next += 1;
        self.calls[slot] = (tenant, due);
        if due >= self.counts_from {
            self.outcome.tenants[tenant].due += 1;
            self.outcome.lateness.record(now.saturating_duration_since(due.max(free_since)));
        }
        Next::Send(self.templates[tenant].bytes())
    }

    fn answered(&mut self, exchange: Exchange<'_>) {
        let (tenant, due) = self.calls[exchange.slot];
        if due < self.counts_from {
            return;
        }
        let (tally, response) = (&mut self.outcome.tenants[tenant], exchange.response);
        let latency = exchange.answered_at - due;
        *tally.answers.entry(response.status).or_default() += 1;
        match response.status {
            200 => {
                tally.served += u64::from(latency <= SERVED_WITHIN);
                self.outcome.latency.record(latency);
                self.outcome.timeline.record(due - self.counts_from, latency);
            }
            429 => {
                let lacks = |name: &str| u64::from(response.header(name).is_none());
                tally.without_retry_after += lacks("Retry-After");
                tally.without_fields += FIELDS.map(lacks).into_iter().max().unwrap_or(0);
                self.outcome.refusals.record(latency);
            }
            _ => {}
        }
    }

    fn broken(&mut self, _: usize, _: Loss, _: &Broken) -> AfterBreak {
        AfterBreak::Reconnect
    }

    fn turn(&mut self, now: Instant) -> Turn {
        if now > self.ends_at + GRACE { Turn::Stop } else { Turn::Until(now + GLANCE) }
    }
}

#[cfg(test)]
mod tests;
