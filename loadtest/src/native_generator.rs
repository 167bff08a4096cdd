//! The load generator for native connections: few of them, each with many requests in flight. A
//! caller is a slot of its workload, as a connection is over HTTP; what a turn has for one
//! connection leaves in one write.

use crate::connection::Broken;
use crate::native_connection::NativeConnection;
use crate::native_request::Frames;
use crate::response::Response;
use crate::timer::Timer;
use crate::workload::{AfterBreak, Exchange, Loss, Next, Turn, Workload};
use anyhow::Context;
use mio::{Events, Interest, Poll, Token};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const TIMER: Token = Token(usize::MAX);
const EVENTS: usize = 64;

/// Connections to one server, and the loop that drives them.
#[derive(Debug)]
pub struct NativeGenerator {
    target: SocketAddr,
    poll: Poll,
    timer: Timer,
    connections: Vec<NativeConnection>,
    /// Callers on each connection.
    callers_each: usize,
    callers: Vec<Caller>,
    /// Free callers, the longest free first.
    free: VecDeque<usize>,
    live: usize,
    in_flight: usize,
    frames: Frames,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Free { since: Instant },
    InFlight { sent_at: Instant },
    Retired,
}

impl NativeGenerator {
    /// Connects `connections` times, with `callers_each` callers on each.
    pub fn connect(
        target: SocketAddr,
        connections: usize,
        callers_each: usize,
    ) -> anyhow::Result<Self> {
        let poll = Poll::new().context("cannot create a poll")?;
        let timer = Timer::register(poll.registry(), TIMER).context("cannot create a timer")?;
        let callers = connections * callers_each;
        let open = (0..connections).map(|place| open(&poll, target, place));
        let connections = open.collect::<anyhow::Result<_>>()?;
        Ok(Self {
            target,
            poll,
            timer,
            connections,
            callers_each,
            callers: vec![Caller::Free { since: Instant::now() }; callers],
            free: (0..callers).collect(),
            live: callers,
            in_flight: 0,
            frames: Frames::default(),
        })
    }

    /// Requests that are still unanswered.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Runs until the workload stops or every caller has retired.
    pub fn run(&mut self, workload: &mut impl Workload) -> anyhow::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        while let Turn::Until(until) = workload.turn(Instant::now()) {
            self.dispatch(workload)?;
            if self.live == 0 {
                break;
            }
            self.wait(&mut events, until)?;
            for event in &events {
                if event.token() != TIMER {
                    self.react(event.token().0, workload)?;
                }
            }
        }
        Ok(())
    }

    fn wait(&mut self, events: &mut Events, until: Instant) -> anyhow::Result<()> {
        let timeout = until.saturating_duration_since(Instant::now());
        match self.poll.poll(events, Some(timeout.max(Duration::from_millis(1)))) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            other => other.context("cannot poll"),
        }
    }

    fn react(&mut self, place: usize, workload: &mut impl Workload) -> anyhow::Result<()> {
        let Self { connections, callers, free, in_flight, callers_each, .. } = self;
        let first = place * *callers_each;
        let answered_at = Instant::now();
        let mut surplus = false;
        let received = connections[place].receive(|answer| {
            let slot = (answer.id as usize).checked_sub(1).map(|at| first + at);
            let caller = slot.and_then(|slot| callers.get_mut(slot));
            let (Some(slot), Some(Caller::InFlight { sent_at })) = (slot, caller.as_deref()) else {
                surplus = true;
                return;
            };
            let response = Response { status: answer.status, head: &[], body: answer.body };
            workload.answered(Exchange { slot, sent_at: *sent_at, answered_at, response });
            callers[slot] = Caller::Free { since: answered_at };
            free.push_back(slot);
            *in_flight -= 1;
        });
        let received = if surplus { Err(Broken::Surplus) } else { received };
        match received.and_then(|()| self.connections[place].flush()) {
            Ok(()) => self.dispatch(workload),
            Err(why) => self.lose(place, &why, workload),
        }
    }

    /// Gives the free callers something to do, until one of them has to wait, and sends it.
    fn dispatch(&mut self, workload: &mut impl Workload) -> anyhow::Result<()> {
        while let Some(slot) = self.free.pop_front() {
            let Caller::Free { since } = self.callers[slot] else { continue };
            let now = Instant::now();
            match workload.next(slot, since, now) {
                Next::Send(request) => {
                    let (place, id) = (slot / self.callers_each, slot % self.callers_each + 1);
                    let id = u32::try_from(id).context("too many callers on a connection")?;
                    self.frames.write(request, id, self.connections[place].unsent())?;
                    self.callers[slot] = Caller::InFlight { sent_at: now };
                    self.in_flight += 1;
                }
                Next::Wait(at) => {
                    self.free.push_front(slot);
                    self.timer.arm(at).context("cannot set the timer")?;
                    break;
                }
                Next::Retire => {
                    self.callers[slot] = Caller::Retired;
                    self.live -= 1;
                }
            }
        }
        self.flush(workload)
    }

    fn flush(&mut self, workload: &mut impl Workload) -> anyhow::Result<()> {
        for place in 0..self.connections.len() {
            if let Err(why) = self.connections[place].flush() {
                self.lose(place, &why, workload)?;
            }
        }
        Ok(())
    }

    /// The connection is of no more use: each of its callers loses what it waits for.
    fn lose(
        &mut self,
        place: usize,
        why: &Broken,
        workload: &mut impl Workload,
    ) -> anyhow::Result<()> {
        self.connections[place] = open(&self.poll, self.target, place)?;
        let first = place * self.callers_each;
        for slot in first..first + self.callers_each {
            let loss = match self.callers[slot] {
                Caller::InFlight { .. } => Loss::Answer,
                Caller::Free { .. } => Loss::Nothing,
                Caller::Retired => continue,
            };
            self.in_flight -= usize::from(loss == Loss::Answer);
            match workload.broken(slot, loss, why) {
                AfterBreak::Reconnect => {
                    self.callers[slot] = Caller::Free { since: Instant::now() };
                    if loss == Loss::Answer {
                        self.free.push_back(slot);
                    }
                }
                AfterBreak::Retire => {
                    self.callers[slot] = Caller::Retired;
                    self.live -= 1;
                }
            }
        }
        Ok(())
    }
}

fn open(poll: &Poll, target: SocketAddr, place: usize) -> anyhow::Result<NativeConnection> {
    let mut connection = NativeConnection::open(target)?;
    let interest = Interest::READABLE | Interest::WRITABLE;
    let registered = poll.registry().register(connection.source(), Token(place), interest);
    registered.context("cannot watch a connection")?;
    Ok(connection)
}

#[cfg(test)]
mod tests;
