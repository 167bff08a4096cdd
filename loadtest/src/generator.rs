//! The load generator: one thread, one poll, a fixed number of keep-alive connections with one
//! request each. Its hands are light because its processor time is taken from the server it
//! measures: a request costs one write and one read, and allocates nothing.

use crate::connection::{Broken, Connection, Received};
use crate::head::Persistence;
use crate::timer::Timer;
use crate::workload::{AfterBreak, Exchange, Loss, Next, Turn, Workload};
use anyhow::Context;
use mio::event::Event;
use mio::{Events, Interest, Poll, Token};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const TIMER: Token = Token(usize::MAX);
const EVENTS: usize = 1024;

/// Connections to one server, and the loop that drives them.
#[derive(Debug)]
pub struct Generator {
    target: SocketAddr,
    poll: Poll,
    timer: Timer,
    slots: Vec<Slot>,
    /// Free connections, the longest free first, so that a late request shows its whole lateness.
    free: VecDeque<usize>,
    live: usize,
    in_flight: usize,
}

#[derive(Debug)]
struct Slot {
    connection: Option<Connection>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Free { since: Instant },
    InFlight { sent_at: Instant },
}

impl Generator {
    /// Connects `connections` times.
    pub fn connect(target: SocketAddr, connections: usize) -> anyhow::Result<Self> {
        let poll = Poll::new().context("cannot create a poll")?;
        let timer = Timer::register(poll.registry(), TIMER).context("cannot create a timer")?;
        let mut generator = Self {
            target,
            poll,
            timer,
            slots: Vec::with_capacity(connections),
            free: VecDeque::with_capacity(connections),
            live: connections,
            in_flight: 0,
        };
        for slot in 0..connections {
            let state = State::Free { since: Instant::now() };
            generator.slots.push(Slot { connection: None, state });
            generator.open(slot)?;
        }
        Ok(generator)
    }

    /// Requests that are still unanswered.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Runs until the workload stops or every connection has retired.
    pub fn run(&mut self, workload: &mut impl Workload) -> anyhow::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        while let Turn::Until(until) = workload.turn(Instant::now()) {
            self.dispatch(workload)?;
            if self.live == 0 {
                break;
            }
            self.wait(&mut events, until)?;
            for event in &events {
                self.react(event, workload)?;
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

    fn react(&mut self, event: &Event, workload: &mut impl Workload) -> anyhow::Result<()> {
        if event.token() == TIMER {
            return self.dispatch(workload);
        }
        let Token(slot) = event.token();
        // A connection that retired or was replaced in this very turn may still have an event.
        let Some(connection) = &mut self.slots[slot].connection else { return Ok(()) };
        let received = connection.flush().and_then(|()| connection.receive());
        match received {
            Ok(Received::Part) => Ok(()),
            Ok(Received::Whole) => self.take_answer(slot, event.is_read_closed(), workload),
            Err(why) => self.lose(slot, &why, workload),
        }
    }

    fn take_answer(
        &mut self,
        slot: usize,
        is_read_closed: bool,
        workload: &mut impl Workload,
    ) -> anyhow::Result<()> {
        let Slot { connection: Some(connection), state } = &mut self.slots[slot] else {
            return Ok(());
        };
        let State::InFlight { sent_at } = *state else {
            return self.lose(slot, &Broken::Surplus, workload);
        };
        let answered_at = Instant::now();
        if let Some(response) = connection.response() {
            workload.answered(Exchange { slot, sent_at, answered_at, response });
        }
        let persistence = connection.forget_response();
        *state = State::Free { since: answered_at };
        self.in_flight -= 1;
        if is_read_closed || persistence == Persistence::Closed {
            self.lose(slot, &Broken::Closed, workload)?;
        } else {
            self.free.push_back(slot);
        }
        self.dispatch(workload)
    }

    /// Gives the free connections something to do, until one of them has to wait.
    fn dispatch(&mut self, workload: &mut impl Workload) -> anyhow::Result<()> {
        while let Some(slot) = self.free.pop_front() {
            let Slot { connection: Some(connection), state } = &mut self.slots[slot] else {
                continue;
            };
            let State::Free { since } = *state else { continue };
            let now = Instant::now();
            match workload.next(slot, since, now) {
                Next::Send(request) => {
                    *state = State::InFlight { sent_at: now };
                    self.in_flight += 1;
                    if let Err(why) = connection.send(request) {
                        self.lose(slot, &why, workload)?;
                    }
                }
                Next::Wait(at) => {
                    self.free.push_front(slot);
                    return self.timer.arm(at).context("cannot set the timer");
                }
                Next::Retire => self.retire(slot),
            }
        }
        Ok(())
    }

    fn retire(&mut self, slot: usize) {
        self.slots[slot].connection = None;
        self.live -= 1;
    }

    fn lose(&mut self, slot: usize, why: &Broken, work: &mut impl Workload) -> anyhow::Result<()> {
        let loss = match self.slots[slot].state {
            State::InFlight { .. } => Loss::Answer,
            State::Free { .. } => Loss::Nothing,
        };
        self.in_flight -= usize::from(loss == Loss::Answer);
        self.slots[slot].state = State::Free { since: Instant::now() };
        self.free.retain(|free| *free != slot);
        match work.broken(slot, loss, why) {
            AfterBreak::Reconnect => self.open(slot),
            AfterBreak::Retire => {
                self.retire(slot);
                Ok(())
            }
        }
    }

    fn open(&mut self, slot: usize) -> anyhow::Result<()> {
        let mut connection = Connection::open(self.target)
            .with_context(|| format!("cannot connect to {}", self.target))?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(connection.source(), Token(slot), interest)
            .context("cannot watch a connection")?;
        self.slots[slot].connection = Some(connection);
        self.free.push_back(slot);
        Ok(())
    }
}
