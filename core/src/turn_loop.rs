//! The loop, on one screen: poll, read, mail, tick, start, apply, flush, events, door.

use crate::alarm::Alarm;
use crate::appends::Appends;
use crate::clients::Clients;
use crate::drain::Drain;
use crate::exchange::Router;
use crate::limits::{Limits, STARTS_PER_TURN, TENANTS_TOLD_MAX, TICKS_PER_TURN};
use crate::listener::Listener;
use crate::lookups::Lookups;
use crate::mailbox::{Inbox, Mailbox, mailbox};
use crate::reads::Reads;
use crate::snapshot::{Counters, Snapshot};
use crate::turn::{Cause, TurnMeter};
use crate::workers::{WorkerChannels, Workers};
use crossbeam_channel::Sender;
use mio::{Events, Interest, Poll, Token, Waker};
use overtime_engine::{Effect, Engine, Event, Notice};
use overtime_protocol::call::Hosts;
use overtime_protocol::keyring::KeyRing;
use overtime_protocol::{Append, ChainNumber, Clock, Inquiry, Kind, Now, SpoolOrder};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

mod arrivals;
mod effects;
mod intake;
mod leaving;
mod rest;

use rest::Due;

const ALARM: Token = Token(usize::MAX - 2);
const LISTENER: Token = Token(usize::MAX - 1);
const WAKER: Token = Token(usize::MAX);
const EVENTS_PER_POLL: usize = 1024;

/// The poll and its mailbox, made first: whoever is to talk to the core needs it.
#[derive(Debug)]
pub struct Door {
    poll: Poll,
    mailbox: Mailbox,
    inbox: Inbox,
}

impl Door {
    /// Opens the poll.
    ///
    /// # Errors
    /// If the system has no descriptor left for it.
    pub fn open() -> io::Result<Self> {
        let poll = Poll::new()?;
        let (mailbox, inbox) = mailbox(Waker::new(poll.registry(), WAKER)?);
        Ok(Self { poll, mailbox, inbox })
    }

    /// The way in for other threads.
    pub fn mailbox(&self) -> Mailbox {
        self.mailbox.clone()
    }
}

/// What a core is made of.
#[derive(Debug)]
pub struct Setup {
    /// The operator's bounds.
    pub limits: Limits,
    /// The data port.
    pub listener: Listener,
    /// The engine, with what was recovered.
    pub engine: Engine,
    /// The kinds, in the engine's order.
    pub kinds: Vec<Kind>,
    /// The workers' channels.
    pub workers: WorkerChannels,
    /// The way to the journal's commit thread.
    pub appends: Sender<Append>,
    /// The way to the journal's readers.
    pub lookups: Lookups,
    /// The way to the spool.
    pub spool: Sender<SpoolOrder>,
    /// Where to tell what an operator should know; nobody waits for that.
    pub notices: Sender<Notice>,
    /// The process's clock.
    pub clock: Clock,
}

/// Why the loop ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It was asked to, and everybody was answered.
    Drained,
    /// The journal cannot write any more.
    JournalFailed(String),
}

/// The core.
#[derive(Debug)]
pub struct Core {
    poll: Poll,
    alarm: Alarm,
    inbox: Inbox,
    listener: Listener,
    clients: Clients,
    engine: Engine,
    workers: Workers,
    appends: Appends,
    lookups: Lookups,
    reads: Reads,
    spool: Sender<SpoolOrder>,
    notices: Sender<Notice>,
    /// Orders that the channel had no room for; bounded by the tasks there can be.
    spool_waiting: VecDeque<SpoolOrder>,
    inquiries_waiting: VecDeque<Inquiry>,
    /// Chains that were recalled in this turn, for the next one.
    recalled: Vec<(ChainNumber, usize)>,
    effects: Vec<Effect>,
    meter: TurnMeter,
    clock: Clock,
    limits: Limits,
    drain: Drain,
    /// A bound of the turn was reached: there is more to do.
    more: bool,
    /// Before then nothing is to be done for which nobody asks.
    due: Due,
}

impl Core {
    /// A core behind `door`.
    ///
    /// # Errors
    /// If the listener or a timer cannot be polled, or the listener's address not be had.
    pub fn new(door: Door, setup: Setup) -> io::Result<Self> {
        let mut listener = setup.listener;
        door.poll.registry().register(listener.socket(), LISTENER, Interest::READABLE)?;
        let hosts = Hosts::of_listener(listener.address()?.ip());
        let waits = (setup.limits.wait_default, setup.limits.wait_max);
        let router = Router::new(&setup.kinds, hosts, waits);
        Ok(Self {
            alarm: Alarm::new(door.poll.registry(), ALARM)?,
            poll: door.poll,
            inbox: door.inbox,
            listener,
            clients: Clients::new(router, setup.limits, setup.engine.payload_memory_max_bytes()),
            engine: setup.engine,
            workers: Workers::new(setup.workers),
            appends: Appends::new(setup.appends),
            lookups: setup.lookups,
            reads: Reads::default(),
            inquiries_waiting: VecDeque::new(),
            spool: setup.spool,
            notices: setup.notices,
            spool_waiting: VecDeque::new(),
            recalled: Vec::new(),
            effects: Vec::new(),
            meter: TurnMeter::new(setup.limits.turn_budget),
            clock: setup.clock,
            limits: setup.limits,
            drain: Drain::Open,
            more: true,
            due: Due::AT_ONCE,
        })
    }

    /// From here on callers need one of these keys. Those who were let in before and would not be now
    /// are told no more.
    pub fn set_keys(&mut self, keys: Arc<KeyRing>) {
        let (engine, now) = (&mut self.engine, self.clock.now());
        self.clients.set_time(now.unix);
        self.reads.set_shared(keys.has_several_tenants());
        self.clients.set_keys(keys.clone(), |name| engine.tenant(name.as_str()));
        engine.handle(Event::Policies(keys), now, &mut self.effects);
    }

    /// Runs until the server is asked to end or the journal fails.
    ///
    /// # Errors
    /// If the poll itself fails, which leaves nothing to go on with.
    pub fn run(mut self) -> io::Result<Exit> {
        let mut events = Events::with_capacity(EVENTS_PER_POLL);
        loop {
            self.poll(&mut events)?;
            let now = self.begin_turn();
            let ordered = self.read(&events, now);
            self.mark(Cause::Read);
            let told = self.mail(now);
            let is_stirred = ordered || told;
            if told {
                self.mark(Cause::Mail);
            }
            // An order that the spool had no room for is not put off by those who are refused meanwhile.
            let has_cause = is_stirred || !self.spool_waiting.is_empty();
            if has_cause || self.due.engine <= now.monotonic {
                self.tick(now);
                self.mark(Cause::Tick);
                self.start(now);
                self.mark(Cause::Start);
                self.apply(now.monotonic);
                self.mark(Cause::Apply);
            }
            self.clients.flush(now.monotonic);
            self.mark(Cause::Flush);
            if self.clients.has_news() {
                self.clients.write_events(now.monotonic);
                self.send_event_reads();
                self.mark(Cause::Events);
            }
            if is_stirred || self.is_called_to_the_door(now.monotonic) {
                self.mind_the_door(now.monotonic);
                self.mark(Cause::Door);
            }
            self.engine.note_turn(self.meter.end());
            if let Some(exit) = self.advance_drain(now) {
                return Ok(exit);
            }
        }
    }

    fn begin_turn(&mut self) -> Now {
        self.more = false;
        let now = self.clock.now();
        self.meter.begin(now.monotonic);
        self.clients.set_time(now.unix);
        now
    }

    /// The phase is over.
    fn mark(&mut self, phase: Cause) {
        self.meter.mark(phase, self.clock.monotonic());
    }

    /// Returns whether the engine has heard of any of it.
    fn read(&mut self, events: &Events, now: Now) -> bool {
        for event in events {
            match event.token() {
                LISTENER => self.listener.announce(),
                WAKER | ALARM => {}
                Token(index) => self.clients.note(index, event, now.monotonic),
            }
        }
        let clients = &mut self.clients;
        clients.go_on(self.engine.payload_bytes(), now.monotonic);
        let engine = &mut self.engine;
        let ordered = clients.read(now.monotonic, &mut |head| match head.has_memory {
            true => engine.screen(head.tenant, head.lane, 0, now),
            false => engine.refuse_payload(head.tenant).map_or(Ok(()), Err),
        });
        let any = !ordered.is_empty();
        for ordered in ordered {
            let bytes = ordered.payload.len();
            self.take_order(ordered, now);
            self.clients.handed_over(bytes);
        }
        any
    }

    fn tick(&mut self, now: Now) {
        let done = self.engine.tick(TICKS_PER_TURN, now, &mut self.effects);
        self.more |= done == TICKS_PER_TURN;
    }

    fn start(&mut self, now: Now) {
        self.engine.dispatch(STARTS_PER_TURN, now, &mut self.effects);
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            engine: self.engine.stats(),
            plan: *self.engine.plan(),
            core: Counters {
                accepts_postponed: self.listener.postponed,
                ..self.clients.counters()
            },
            tenants: self.engine.busiest_tenants(TENANTS_TOLD_MAX),
            turns: self.meter.stats,
            connections: self.clients.len(),
            draining: self.drain != Drain::Open,
            journal_failed: matches!(self.drain, Drain::Failed { .. }),
        }
    }
}
