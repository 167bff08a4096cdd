//! Virtual clients: some ten thousand callers on one thread, each with one call at a time, who give
//! up when they like and come back when they like. What they do is a [`Behaviour`]'s decision; the
//! crowd keeps its appointments, and tells how late it was: a caller that the generator itself held
//! up says nothing about the server. It never waits for one connection, and never has more of them
//! than it was allowed.

mod agenda;
pub mod callers;
mod lines;
pub mod manner;
pub mod mannered;
pub mod picture;
pub mod script;
pub mod tally;

pub use agenda::Agenda;

use crate::connection::{Broken, Received};
use crate::head::Persistence;
use crate::latency::Latency;
use crate::open_files::make_room_up_to;
use crate::response::Response;
use crate::timer::Timer;
use crate::workload::Turn;
use agenda::Due;
use anyhow::Context;
use lines::{Busy, Lines};
use mio::event::Event;
use mio::{Events, Poll, Token};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const TIMER: Token = Token(usize::MAX);
/// Few at a time, so that nobody's appointment waits for the answers of a thousand others.
const EVENTS: usize = 64;
/// The generator may be this late at the 99th percentile; above it a run says nothing.
pub const LATE_MAX: Duration = Duration::from_millis(5);

/// What a client sends.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The whole request.
    pub request: &'a [u8],
    /// How long the client waits for the answer before it closes the connection.
    pub patience: Duration,
}

/// A call that is over.
#[derive(Debug)]
pub struct Ended<'a> {
    /// When it was sent.
    pub sent_at: Instant,
    /// When it ended.
    pub ended_at: Instant,
    /// How.
    pub how: How<'a>,
}

/// How a call ended.
#[derive(Debug)]
pub enum How<'a> {
    /// With an answer.
    Answered(Response<'a>),
    /// The client's patience was at its end; its connection is closed.
    GaveUp,
    /// The connection broke, or could not be opened.
    Broken(Broken),
}

/// What clients do. A behaviour never touches a socket and never reads a clock; it is told the time.
pub trait Behaviour {
    /// Called once a turn: puts on the agenda whoever comes by itself.
    fn turn(&mut self, now: Instant, agenda: &mut Agenda) -> Turn;

    /// What `client` sends, now that its time has come; none if it has left meanwhile.
    fn call(&mut self, client: usize, now: Instant) -> Option<Call<'_>>;

    /// The call of `client` is over; its next one goes on the agenda.
    fn ended(&mut self, client: usize, ended: Ended<'_>, agenda: &mut Agenda);
}

/// The loop that drives the clients.
#[derive(Debug)]
pub struct Crowd {
    poll: Poll,
    timer: Timer,
    lines: Lines,
    agenda: Agenda,
    /// Clients whose time has come, and for whom there is no connection.
    held_up: VecDeque<(usize, Instant)>,
    calls: u64,
    lateness: Latency,
}

impl Crowd {
    /// Nobody yet, with up to so many connections to `target`, or as many as the system allows.
    pub fn new(target: SocketAddr, connections: u64) -> anyhow::Result<Self> {
        let connections = usize::try_from(make_room_up_to(connections)?)?;
        let poll = Poll::new().context("cannot create a poll")?;
        let timer = Timer::register(poll.registry(), TIMER).context("cannot create a timer")?;
        Ok(Self {
            poll,
            timer,
            lines: Lines::new(target, connections),
            agenda: Agenda::default(),
            held_up: VecDeque::new(),
            calls: 0,
            lateness: Latency::default(),
        })
    }

    /// How late calls were sent by the generator's own fault.
    pub fn lateness(&self) -> &Latency {
        &self.lateness
    }

    /// Runs until the behaviour stops.
    pub fn run(&mut self, behaviour: &mut impl Behaviour) -> anyhow::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        while let Turn::Until(until) = behaviour.turn(Instant::now(), &mut self.agenda) {
            self.keep_appointments(behaviour);
            self.wait(&mut events, until)?;
            for event in &events {
                if event.token() != TIMER {
                    self.react(event, behaviour);
                }
            }
        }
        Ok(())
    }

    fn wait(&mut self, events: &mut Events, until: Instant) -> anyhow::Result<()> {
        let next = self.agenda.next().map_or(until, |next| next.min(until));
        let span = next.saturating_duration_since(Instant::now());
        if !span.is_zero() {
            self.timer.arm(next).context("cannot set the timer")?;
        }
        match self.poll.poll(events, Some(span)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            other => other.context("cannot poll"),
        }
    }

    /// Whatever is due by now, and not what becomes due meanwhile: answers wait too.
    fn keep_appointments(&mut self, behaviour: &mut impl Behaviour) {
        let now = Instant::now();
        for _ in 0..EVENTS {
            match self.agenda.take_due(now) {
                Some((due, Due::Call { client })) => self.begin(client, due, behaviour),
                Some((_, Due::GiveUp { slot, call })) => self.give_up(slot, call, behaviour),
                None => break,
            }
        }
    }

    fn begin(&mut self, client: usize, due: Instant, behaviour: &mut impl Behaviour) {
        match self.lines.take(self.poll.registry()) {
            Ok(Some(slot)) => self.send(slot, client, due, behaviour),
            Ok(None) => self.held_up.push_back((client, due)),
            Err(error) => self.fail(client, error, behaviour),
        }
    }

    fn send(&mut self, slot: usize, client: usize, due: Instant, behaviour: &mut impl Behaviour) {
        let now = Instant::now();
        let Some(Call { request, patience }) = behaviour.call(client, now) else {
            self.lines.give_back(slot);
            return self.let_in();
        };
        self.lateness.record(now.saturating_duration_since(due));
        self.calls += 1;
        self.agenda.give_up_at(slot, self.calls, now + patience);
        let busy = Busy { client, call: self.calls, sent_at: now };
        if let Err(why) = self.lines.send(slot, busy, request) {
            self.lose(slot, why, behaviour);
        }
    }

    /// A client that could not even open a connection has tried.
    fn fail(&mut self, client: usize, error: std::io::Error, behaviour: &mut impl Behaviour) {
        let now = Instant::now();
        if behaviour.call(client, now).is_some() {
            let how = How::Broken(Broken::Io(error));
            behaviour.ended(client, Ended { sent_at: now, ended_at: now, how }, &mut self.agenda);
        }
    }

    fn give_up(&mut self, slot: usize, call: u64, behaviour: &mut impl Behaviour) {
        if let Some(busy) = self.lines.busy(slot).filter(|busy| busy.call == call) {
            self.lines.close(slot);
            self.end(busy, How::GaveUp, behaviour);
            self.let_in();
        }
    }

    fn react(&mut self, event: &Event, behaviour: &mut impl Behaviour) {
        let Token(slot) = event.token();
        // A connection that was closed in this very turn may still have an event.
        let Some(line) = self.lines.get(slot) else { return };
        match line.connection.flush().and_then(|()| line.connection.receive()) {
            Ok(Received::Part) => {}
            Ok(Received::Whole) => self.take_answer(slot, event.is_read_closed(), behaviour),
            Err(why) => self.lose(slot, why, behaviour),
        }
    }

    fn take_answer(&mut self, slot: usize, is_closed: bool, behaviour: &mut impl Behaviour) {
        let Some(line) = self.lines.get(slot) else { return };
        let Some(Busy { client, sent_at, .. }) = line.busy else {
            return self.lose(slot, Broken::Surplus, behaviour);
        };
        if let Some(response) = line.connection.response() {
            let (ended_at, how) = (Instant::now(), How::Answered(response));
            behaviour.ended(client, Ended { sent_at, ended_at, how }, &mut self.agenda);
        }
        if line.connection.forget_response() == Persistence::Closed || is_closed {
            self.lines.close(slot);
        } else {
            self.lines.give_back(slot);
        }
        self.let_in();
    }

    fn lose(&mut self, slot: usize, why: Broken, behaviour: &mut impl Behaviour) {
        let busy = self.lines.busy(slot);
        self.lines.close(slot);
        if let Some(busy) = busy {
            self.end(busy, How::Broken(why), behaviour);
        }
        self.let_in();
    }

    fn end(&mut self, busy: Busy, how: How<'_>, behaviour: &mut impl Behaviour) {
        let Busy { client, sent_at, .. } = busy;
        let ended = Ended { sent_at, ended_at: Instant::now(), how };
        behaviour.ended(client, ended, &mut self.agenda);
    }

    /// A connection has become free, or may be opened again: the next who is held up comes at once.
    fn let_in(&mut self) {
        if let Some((client, due)) = self.held_up.pop_front() {
            self.agenda.call_at(client, due);
        }
    }
}

#[cfg(test)]
mod tests;
