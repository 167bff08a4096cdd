//! Clients who want operations done: those that arrive one by one, and those that come as a flood.
//! It follows a script, lets a manner decide, and counts; it never decides by itself when a client
//! comes back.

use super::manner::{Manner, Then};
use super::script::{Arrivals, Script};
use super::tally::Tally;
use super::{Agenda, Behaviour, Call, Crowd, Ended, How};
use crate::footprint::Footprint;
use crate::latency::Quantiles;
use crate::random::Random;
use crate::workload::Turn;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How far ahead arrivals are put on the agenda.
const AHEAD: Duration = Duration::from_millis(20);
/// Whoever was told that it did not succeed comes back after this, or up to so much later.
const REST: Duration = Duration::from_secs(2);
const REST_SPREAD: Duration = Duration::from_secs(1);

/// What a run has shown.
#[derive(Clone, Debug)]
pub struct Course {
    /// What became of the calls.
    pub tally: Tally,
    /// How late the generator was by itself.
    pub lateness: Quantiles,
    /// Resident bytes of the server over time, if its process is known.
    pub footprint: Footprint,
}

/// The clients.
#[derive(Debug)]
pub struct Callers<M> {
    script: Script,
    manner: M,
    begun: Instant,
    arrivals: Arrivals,
    clients: Vec<Client>,
    /// Numbers of clients whose operation is done.
    vacant: Vec<usize>,
    /// Clients who may not even call.
    kept_back: Vec<usize>,
    random: Random,
    tally: Tally,
    footprint: Footprint,
}

/// Where a client stands.
#[derive(Clone, Copy, Debug)]
struct Client {
    origin: Origin,
    step: Step,
}

/// Why a client is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// It has one operation.
    Arrival,
    /// It has one after the other.
    Flood,
}

/// What a client's next call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// For an operation that begins with it.
    First,
    /// For the same operation.
    Again,
    /// After its fate.
    Ask,
}

impl<M: Manner> Callers<M> {
    /// Clients of that manner, who begin now.
    pub fn new(script: Script, manner: M, footprint: Footprint) -> Self {
        Self {
            arrivals: script.arrivals(),
            manner,
            begun: Instant::now(),
            clients: Vec::new(),
            vacant: Vec::new(),
            kept_back: Vec::new(),
            random: Random::new(script.seed),
            tally: Tally::default(),
            footprint,
            script,
        }
    }

    /// Plays the script against the server at `target`.
    pub fn play(mut self, target: SocketAddr) -> anyhow::Result<Course> {
        let mut crowd = Crowd::new(target, self.script.connections)?;
        self.gather(&mut crowd);
        crowd.run(&mut self)?;
        let lateness = crowd.lateness().quantiles();
        Ok(Course { tally: self.tally, lateness, footprint: self.footprint })
    }

    /// The flood is put on the agenda before the run begins: that takes a while.
    fn gather(&mut self, crowd: &mut Crowd) {
        let Some(flood) = self.script.flood else { return };
        let spread = flood.spread.as_nanos().max(1) as u64;
        let begun = Instant::now();
        let clients: Vec<(usize, Duration)> = (0..flood.clients)
            .map(|_| (self.enter(Origin::Flood), Duration::from_nanos(self.random.below(spread))))
            .collect();
        self.begun = begun + begun.elapsed() * 4;
        for (client, within) in clients {
            crowd.agenda.call_at(client, self.begun + flood.from + within);
        }
    }

    fn enter(&mut self, origin: Origin) -> usize {
        let client = Client { origin, step: Step::First };
        match self.vacant.pop() {
            Some(number) => {
                self.clients[number] = client;
                number
            }
            None => {
                self.clients.push(client);
                self.clients.len() - 1
            }
        }
    }

    fn at(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun)
    }

    fn has_left(&self, client: usize, now: Instant) -> bool {
        let ends = self.script.flood.map(|flood| flood.until);
        self.clients[client].origin == Origin::Flood
            && ends.is_some_and(|ends| self.at(now) >= ends)
    }

    fn count(&mut self, step: Step, ended: &Ended<'_>) {
        let at = self.at(ended.ended_at);
        let latency = ended.ended_at.saturating_duration_since(ended.sent_at);
        let slice = self.tally.slice(at);
        match (&ended.how, step) {
            (How::Answered(_), Step::Ask) => slice.polled(latency),
            (How::Answered(response), _) => slice.answered(response.status, latency),
            (How::GaveUp, _) => slice.gave_up += 1,
            (How::Broken(_), _) => slice.broken += 1,
        }
    }

    /// The operation is over. Whoever is of the flood has the next at that time.
    fn finish(&mut self, client: usize, next: Instant, agenda: &mut Agenda) {
        match self.clients[client].origin {
            Origin::Arrival => self.vacant.push(client),
            Origin::Flood => self.go_on(client, Step::First, next, agenda),
        }
    }

    /// The operation is over without a result. A person tries once more, but not at once.
    fn desist(&mut self, client: usize, now: Instant, agenda: &mut Agenda) {
        let at = self.at(now);
        self.tally.slice(at).desisted += 1;
        let rest = REST + Duration::from_nanos(self.random.below(REST_SPREAD.as_nanos() as u64));
        self.finish(client, now + rest, agenda);
    }

    fn go_on(&mut self, client: usize, step: Step, at: Instant, agenda: &mut Agenda) {
        self.clients[client].step = step;
        agenda.call_at(client, at);
    }
}

impl<M: Manner> Behaviour for Callers<M> {
    fn turn(&mut self, now: Instant, agenda: &mut Agenda) -> Turn {
        let ends = self.begun + self.script.until;
        if now >= ends {
            return Turn::Stop;
        }
        self.footprint.look(self.at(now));
        while let Some(client) = self.kept_back.pop() {
            self.desist(client, now, agenda);
        }
        while let Some(due) = self.arrivals.next() {
            let due = self.begun + due;
            if due > now + AHEAD {
                return Turn::Until((due - AHEAD).min(ends));
            }
            self.arrivals.take();
            let client = self.enter(Origin::Arrival);
            agenda.call_at(client, due);
        }
        Turn::Until(ends)
    }

    fn call(&mut self, client: usize, now: Instant) -> Option<Call<'_>> {
        if self.has_left(client, now) {
            return None;
        }
        let (step, at) = (self.clients[client].step, self.at(now));
        if step == Step::First && !self.manner.begin(client, now) {
            self.kept_back.push(client);
            return None;
        }
        let slice = self.tally.slice(at);
        match step {
            Step::First => (slice.first, slice.offered) = (slice.first + 1, slice.offered + 1),
            Step::Again => slice.offered += 1,
            Step::Ask => slice.polls += 1,
        }
        Some(self.manner.call(client, now))
    }

    fn ended(&mut self, client: usize, ended: Ended<'_>, agenda: &mut Agenda) {
        self.count(self.clients[client].step, &ended);
        let at = self.at(ended.ended_at);
        match self.manner.then(client, &ended) {
            Then::Done => {
                self.tally.slice(at).done += 1;
                self.finish(client, ended.ended_at, agenda);
            }
            Then::Again(at) => self.go_on(client, Step::Again, at, agenda),
            Then::Ask(at) => self.go_on(client, Step::Ask, at, agenda),
            Then::Desist => self.desist(client, ended.ended_at, agenda),
        }
    }
}
