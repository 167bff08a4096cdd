//! The loop, on one screen: poll, read, mail, tick, start, apply, flush.

use crate::clients::{Clients, Ordered};
use crate::drain::Drain;
use crate::exchange::{Order, Router};
use crate::limits::{
    APPEND_HOLD, APPENDS_WORTH, LAST_FLUSH, Limits, MAIL_PER_TURN, STARTS_PER_TURN, TICKS_PER_TURN,
};
use crate::listener::Listener;
use crate::mailbox::{Inbox, Mail, Mailbox, mailbox};
use crate::snapshot::{Counters, Snapshot};
use crate::turn::{Cause, TurnMeter};
use crate::workers::{WorkerChannels, Workers};
use bytes::Bytes;
use crossbeam_channel::{Sender, TrySendError};
use mio::{Events, Interest, Poll, Token, Waker};
use overtime_engine::{Ask, Effect, Engine, Event, Submission, Wants};
use overtime_protocol::call::Hosts;
use overtime_protocol::{
    Answer, Append, ChainNumber, Clock, Code, Kind, Monotonic, Now, Problem, Query, Read, ReplyTo,
    SpoolOrder,
};
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

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
    /// What the engine wanted done while it recovered.
    pub effects: Vec<Effect>,
    /// The kinds, in the engine's order.
    pub kinds: Vec<Kind>,
    /// The workers' channels.
    pub workers: WorkerChannels,
    /// The way to the journal's commit thread.
    pub appends: Sender<Append>,
    /// The way to the journal's readers.
    pub reads: Sender<Read>,
    /// The way to the spool.
    pub spool: Sender<SpoolOrder>,
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
    inbox: Inbox,
    listener: Listener,
    clients: Clients,
    engine: Engine,
    workers: Workers,
    appends: Sender<Append>,
    /// Appends that are held back, or that the channel had no room for; bounded by the tasks
    /// there can be.
    appends_waiting: VecDeque<Append>,
    /// The channel has no room: the verdict on what fills it wakes the loop.
    appends_blocked: bool,
    /// Since when the first of them waits.
    appends_since: Option<Monotonic>,
    reads: Sender<Read>,
    spool: Sender<SpoolOrder>,
    /// Orders that the channel had no room for; bounded by the tasks there can be.
    spool_waiting: VecDeque<SpoolOrder>,
    /// Chains that were recalled in this turn, for the next one.
    recalled: Vec<(ChainNumber, usize)>,
    effects: Vec<Effect>,
    meter: TurnMeter,
    clock: Clock,
    limits: Limits,
    drain: Drain,
    /// A bound of the turn was reached: there is more to do.
    more: bool,
}

impl Core {
    /// A core behind `door`.
    ///
    /// # Errors
    /// If the listener cannot be polled or its address not be had.
    pub fn new(door: Door, setup: Setup) -> io::Result<Self> {
        let mut listener = setup.listener;
        door.poll.registry().register(listener.socket(), LISTENER, Interest::READABLE)?;
        let hosts = Hosts::of_listener(listener.address()?.ip());
        let waits = (setup.limits.wait_default, setup.limits.wait_max);
        let router = Router::new(&setup.kinds, hosts, waits);
        Ok(Self {
            poll: door.poll,
            inbox: door.inbox,
            listener,
            clients: Clients::new(router, setup.limits, setup.engine.payload_memory_max_bytes()),
            engine: setup.engine,
            workers: Workers::new(setup.workers),
            appends: setup.appends,
            appends_waiting: VecDeque::new(),
            appends_blocked: false,
            appends_since: None,
            reads: setup.reads,
            spool: setup.spool,
            spool_waiting: VecDeque::new(),
            recalled: Vec::new(),
            effects: setup.effects,
            meter: TurnMeter::new(setup.limits.turn_budget),
            clock: setup.clock,
            limits: setup.limits,
            drain: Drain::Open,
            more: true,
        })
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
            self.read(&events, now);
            self.meter.mark(Cause::Read);
            self.mail(now);
            self.meter.mark(Cause::Mail);
            self.tick(now);
            self.meter.mark(Cause::Tick);
            self.start(now);
            self.meter.mark(Cause::Start);
            self.apply(now.monotonic);
            self.meter.mark(Cause::Apply);
            self.clients.flush(now.monotonic);
            self.meter.mark(Cause::Flush);
            self.meter.end();
            if let Some(exit) = self.advance_drain(now) {
                return Ok(exit);
            }
        }
    }

    /// Sleeps until something happens or is due.
    fn poll(&mut self, events: &mut Events) -> io::Result<()> {
        let mut timeout = self.timeout();
        if timeout != Some(Duration::ZERO) && self.spin(events)? {
            return Ok(());
        }
        let sleeps = timeout != Some(Duration::ZERO);
        if sleeps && !self.inbox.lie_down() {
            timeout = Some(Duration::ZERO);
        }
        let polled = self.poll.poll(events, timeout);
        if sleeps {
            self.inbox.get_up();
        }
        match polled {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            polled => polled,
        }
    }

    fn timeout(&mut self) -> Option<Duration> {
        let busy = self.more
            || self.clients.has_work()
            || self.has_appends_to_send()
            || self.clients.can_go_on(self.engine.payload_bytes())
            || !self.inbox.is_empty()
            || self.engine.has_work_to_start()
            || self.listener.has_more(self.clients.room());
        if busy {
            return Some(Duration::ZERO);
        }
        let accept = self.listener.next_try(self.clients.room());
        let clients = self.clients.next_deadline();
        let due = [self.engine.next_deadline(), clients, self.drain.until(), accept];
        let next = due.into_iter().flatten().min()?;
        Some(next.since(self.clock.monotonic()))
    }

    /// Looks for work for a while before sleeping, if some is about to come back: that is cheaper
    /// than to be woken. Returns whether any came.
    fn spin(&mut self, events: &mut Events) -> io::Result<bool> {
        if self.limits.spin.is_zero() || !self.engine.expects_soon() {
            return Ok(false);
        }
        let start = Instant::now();
        while start.elapsed() < self.limits.spin {
            self.poll.poll(events, Some(Duration::ZERO))?;
            if !events.is_empty() || !self.inbox.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn begin_turn(&mut self) -> Now {
        self.meter.begin();
        self.more = false;
        let now = self.clock.now();
        self.clients.set_date(now.unix);
        now
    }

    fn read(&mut self, events: &Events, now: Now) {
        for event in events {
            match event.token() {
                LISTENER => self.listener.announce(),
                WAKER => {}
                Token(index) => self.clients.note(index, event),
            }
        }
        let (clients, registry) = (&mut self.clients, self.poll.registry());
        let room = clients.room();
        self.listener
            .accept(room, now.monotonic, |stream| clients.admit(stream, registry, now.monotonic));
        clients.go_on(self.engine.payload_bytes(), now.monotonic);
        let engine = &mut self.engine;
        let ordered = clients.read(now.monotonic, &mut |bytes| engine.screen(bytes));
        for ordered in ordered {
            let bytes = ordered.payload.len();
            self.take_order(ordered, now);
            self.clients.handed_over(bytes);
        }
    }

    fn take_order(&mut self, ordered: Ordered, now: Now) {
        let Ordered { reply_to, order, payload } = ordered;
        let event = match order {
            Order::Submit { kind, form, options, wait, head } => Event::Submitted(Submission {
                reply_to,
                kind,
                form,
                wait,
                urgency: options.urgency,
                delay: options.delay,
                payload,
                content_type: head.content_type,
                traceparent: head.traceparent,
            }),
            Order::Document { task, wait } => {
                Event::Asked(Ask { reply_to, task, wants: Wants::Document, wait })
            }
            Order::Result { task } => {
                let wait = Duration::ZERO;
                Event::Asked(Ask { reply_to, task, wants: Wants::Result, wait })
            }
            Order::Errors { task } => {
                let query = Query::Errors { task, live: self.engine.knows(task) };
                self.effects.push(Effect::Read(Read { reply_to, query }));
                return;
            }
            Order::Contact { email } => {
                let key = Bytes::from(format!("contacts/{email}"));
                let query = Query::State { key, absent: Code::UnknownContact };
                self.effects.push(Effect::Read(Read { reply_to, query }));
                return;
            }
            Order::Refuse(problem) => {
                self.effects.push(Effect::Reply { to: reply_to, answer: Answer::Problem(problem) });
                return;
            }
        };
        self.engine.handle(event, now, &mut self.effects);
    }

    fn mail(&mut self, now: Now) {
        for (chain, from) in std::mem::take(&mut self.recalled) {
            let event = Event::Recalled { chain, from };
            self.engine.handle(event, now, &mut self.effects);
        }
        for _ in 0..MAIL_PER_TURN {
            let Some(mail) = self.inbox.take() else { return };
            self.open_mail(mail, now);
        }
    }

    fn open_mail(&mut self, mail: Mail, now: Now) {
        let event = match mail {
            Mail::Completed { worker, completion, chain_ended } => {
                let freed = if chain_ended { self.workers.free(worker) } else { None };
                Event::Completed { completion, freed }
            }
            Mail::Advanced { worker, chunk } => {
                let Some(chain) = self.workers.chain_of(worker) else { return };
                Event::Advanced { chunk, chain }
            }
            Mail::Spooled(task, outcome) => Event::Spooled { task, outcome },
            Mail::Judged(verdicts) => {
                for verdict in verdicts {
                    self.engine.handle(Event::Judged(verdict), now, &mut self.effects);
                }
                return;
            }
            Mail::Answered(to, answer) => {
                self.effects.push(Effect::Reply { to, answer });
                return;
            }
            Mail::JournalFailed(reason) => {
                self.drain = Drain::Failed { reason, until: now.monotonic + LAST_FLUSH / 2 };
                let problem = Problem::new(Code::JournalFailed, "the journal cannot write");
                self.clients.begin_closing(&problem, now.monotonic);
                Event::JournalFailed
            }
            Mail::Stop => {
                self.begin_drain(now.monotonic);
                return;
            }
            Mail::Inspect(reply) => {
                let _ = reply.try_send(Box::new(self.snapshot()));
                return;
            }
        };
        self.engine.handle(event, now, &mut self.effects);
    }

    fn tick(&mut self, now: Now) {
        let done = self.engine.tick(TICKS_PER_TURN, now, &mut self.effects);
        let expired = self.clients.expire(TICKS_PER_TURN, now.monotonic);
        self.more |= done.max(expired) == TICKS_PER_TURN;
        if std::mem::take(&mut self.clients.closed) > 0 {
            self.listener.make_room();
        }
    }

    fn start(&mut self, now: Now) {
        self.engine.dispatch(STARTS_PER_TURN, now, &mut self.effects);
    }

    fn apply(&mut self, now: Monotonic) {
        let mut effects = std::mem::take(&mut self.effects);
        effects.drain(..).for_each(|effect| self.apply_one(effect, now));
        self.effects = effects;
        self.send_appends(now);
        self.send_spool_orders();
    }

    fn has_appends_to_send(&self) -> bool {
        let held = self.appends_blocked || self.engine.expects_soon();
        !self.appends_waiting.is_empty() && !held
    }

    /// Appends that others are about to join are held back for a moment, so that one sync serves
    /// them all.
    fn send_appends(&mut self, now: Monotonic) {
        let Some(since) = self.appends_since else { return };
        let more_to_come = self.engine.expects_soon() && now.since(since) < APPEND_HOLD;
        if more_to_come && self.appends_waiting.len() < APPENDS_WORTH {
            return;
        }
        while let Some(append) = self.appends_waiting.pop_front() {
            if let Err(TrySendError::Full(append)) = self.appends.try_send(append) {
                self.appends_waiting.push_front(append);
                self.appends_blocked = true;
                return;
            }
        }
        self.appends_blocked = false;
        self.appends_since = None;
    }

    fn apply_one(&mut self, effect: Effect, now: Monotonic) {
        match effect {
            Effect::Reply { to, answer } => self.clients.answer(to, answer),
            Effect::Dispatch(chain) => self.workers.hand_out(chain),
            Effect::Recall(chain) => {
                self.recalled.push((chain, self.workers.recall(chain)));
                self.more = true;
            }
            Effect::Rule { chain, ruling } => self.workers.rule(chain, ruling),
            Effect::Spool(order) => self.spool_waiting.push_back(order),
            Effect::Append(append) => {
                self.appends_since.get_or_insert(now);
                self.appends_waiting.push_back(append);
            }
            Effect::Read(read) => {
                if let Err(TrySendError::Full(read)) = self.reads.try_send(read) {
                    self.refuse_read(read.reply_to);
                }
            }
        }
    }

    fn send_spool_orders(&mut self) {
        while let Some(order) = self.spool_waiting.pop_front() {
            if let Err(TrySendError::Full(order)) = self.spool.try_send(order) {
                self.spool_waiting.push_front(order);
                return;
            }
        }
    }

    fn refuse_read(&mut self, to: ReplyTo) {
        self.clients.counters.reads_refused += 1;
        let problem = Problem::new(Code::Reads, "too many reads wait for the journal");
        self.clients.answer(to, problem.after(Duration::from_secs(1)).into());
    }

    /// A second wish to end is answered by the process, which leaves at once.
    fn begin_drain(&mut self, now: Monotonic) {
        if self.drain == Drain::Open {
            self.drain = Drain::Notice { until: now + self.limits.drain_notice };
        }
    }

    fn advance_drain(&mut self, now: Now) -> Option<Exit> {
        let (due, at) = (self.drain.until()? <= now.monotonic, now.monotonic);
        match &self.drain {
            Drain::Open => None,
            Drain::Notice { .. } => {
                if due {
                    self.engine.handle(Event::DrainStarted, now, &mut self.effects);
                    let problem = Problem::new(Code::Draining, "the server is on its way out");
                    self.clients.begin_closing(&problem, at);
                    self.drain = Drain::Grace { until: at + self.limits.drain_grace };
                    self.more = true;
                }
                None
            }
            Drain::Grace { .. } => {
                let running = self.engine.stats().running.0.iter().sum::<u64>() > 0;
                if due || (self.engine.is_quiet() && !running) {
                    self.engine.handle(Event::GraceEnded, now, &mut self.effects);
                    self.clients.close_idle();
                    self.drain = Drain::Leaving { until: at + 3 * LAST_FLUSH };
                    self.more = true;
                }
                None
            }
            Drain::Leaving { .. } => {
                let done = self.engine.is_quiet() && self.is_silent();
                (done || due).then_some(Exit::Drained)
            }
            Drain::Failed { reason, .. } => {
                (due || self.is_silent()).then(|| Exit::JournalFailed(reason.clone()))
            }
        }
    }

    /// Whether everything that was to be said has left.
    fn is_silent(&self) -> bool {
        let applied = self.effects.is_empty() && self.appends_waiting.is_empty();
        applied && !self.clients.has_work() && !self.clients.owes_output()
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            engine: self.engine.stats(),
            core: Counters {
                accepts_postponed: self.listener.postponed,
                ..self.clients.counters()
            },
            turns: self.meter.stats,
            connections: self.clients.len(),
            draining: self.drain != Drain::Open,
            journal_failed: matches!(self.drain, Drain::Failed { .. }),
        }
    }
}
