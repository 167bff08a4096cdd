//! All slow clients, driven by one thread and one poll. Whoever is closed comes again a second
//! later, so that there are always as many; the thread itself never waits for a socket.

use super::client::{Client, Going};
use super::habit::{Habit, Limits};
use super::toil::Toil;
use super::toll::End;
use crate::priority;
use crate::random::Random;
use crate::source::Source;
use crate::usage::thread_cpu;
use anyhow::Context;
use mio::event::Event;
use mio::{Events, Interest, Poll, Token};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How many come in a second at first.
const ARRIVALS: u32 = 2_000;
/// From an end until the same client comes again.
const RETURN: Duration = Duration::from_secs(1);
/// How long a connection may take to be there, or an answer to be read to its end.
const PATIENCE: Duration = Duration::from_secs(10);
/// An answer is left alone for so much longer than a server has to put up with.
const READ_LATER: Duration = Duration::from_secs(2);
const GLANCE: Duration = Duration::from_millis(100);
const EVENTS: usize = 1024;
const SCRATCH_BYTES: usize = 256 * 1024;

/// Who comes.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) target: SocketAddr,
    pub(super) clients: usize,
    /// Between two bytes of one client, on average.
    pub(super) period: Duration,
    pub(super) limits: Limits,
    /// The path of something long, and how long it is.
    pub(super) long: (String, u64),
    pub(super) seed: u64,
}

/// The thread, and what it tells.
#[derive(Debug)]
pub(super) struct Throng {
    shared: Arc<Shared>,
    thread: JoinHandle<anyhow::Result<Course>>,
}

#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    open: AtomicUsize,
}

impl Throng {
    pub(super) fn start(plan: Plan) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut course = Course::new(plan, shared.clone())?;
        let thread = std::thread::Builder::new()
            .name("throng".into())
            .spawn(move || {
                // Their own computing is not what slow clients cost a server.
                priority::give_way();
                course.run().map(|()| course)
            })
            .context("cannot start the throng")?;
        Ok(Self { shared, thread })
    }

    /// Waits until so many are there, and says how many it has come to.
    pub(super) fn await_open(&self, clients: usize, patience: Duration) -> usize {
        let begun = Instant::now();
        while self.open() < clients && begun.elapsed() < patience && !self.thread.is_finished() {
            std::thread::sleep(GLANCE);
        }
        self.open()
    }

    /// How many are there now.
    pub(super) fn open(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Everybody leaves; what became of them.
    pub(super) fn stop(self) -> anyhow::Result<Toil> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let course = self.thread.join().map_err(|_| anyhow::anyhow!("the throng panicked"))??;
        Ok(course.toil)
    }
}

/// A client's next deed: at that instant, of the client in that place, if it is still that one.
type Deed = Reverse<(Instant, usize, u64)>;

#[derive(Debug)]
struct Course {
    plan: Plan,
    source: Source,
    shared: Arc<Shared>,
    poll: Poll,
    places: Vec<Place>,
    due: BinaryHeap<Deed>,
    random: Random,
    toil: Toil,
    scratch: Vec<u8>,
}

#[derive(Debug, Default)]
struct Place {
    client: Option<Client>,
    birth: u64,
}

impl Course {
    fn new(plan: Plan, shared: Arc<Shared>) -> anyhow::Result<Self> {
        let poll = Poll::new().context("cannot create a poll")?;
        let now = Instant::now();
        let arrival = |place: usize| now + Duration::from_secs(1) * place as u32 / ARRIVALS;
        Ok(Self {
            due: (0..plan.clients).map(|place| Reverse((arrival(place), place, 0))).collect(),
            places: (0..plan.clients).map(|_| Place::default()).collect(),
            random: Random::new(plan.seed),
            toil: Toil::default(),
            scratch: vec![0; SCRATCH_BYTES],
            source: Source::new(),
            plan,
            shared,
            poll,
        })
    }

    fn run(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut events = Events::with_capacity(EVENTS);
        while !self.shared.is_over.load(Ordering::Relaxed) {
            self.act()?;
            self.wait(&mut events)?;
            for event in &events {
                self.react(event);
            }
        }
        for place in 0..self.places.len() {
            self.end(place, End::Open);
        }
        (self.toil.lasted, self.toil.cpu) = (begun.elapsed(), thread_cpu());
        Ok(())
    }

    fn wait(&mut self, events: &mut Events) -> anyhow::Result<()> {
        let next = self.due.peek().map(|Reverse((at, ..))| *at);
        let until = next.map_or(GLANCE, |at| at.saturating_duration_since(Instant::now()));
        let timeout = until.clamp(Duration::from_millis(1), GLANCE);
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            other => other.context("cannot poll"),
        }
    }

    /// Does what is due.
    fn act(&mut self) -> anyhow::Result<()> {
        let now = Instant::now();
        while let Some(Reverse((at, place, birth))) = self.due.peek().copied() {
            if at > now {
                break;
            }
            self.due.pop();
            if self.places[place].birth == birth {
                self.toil.late.record(now - at);
                self.step(place, now)?;
            }
        }
        Ok(())
    }

    fn step(&mut self, place: usize, now: Instant) -> anyhow::Result<()> {
        let Some(client) = &mut self.places[place].client else { return self.connect(place, now) };
        if !client.has_begun() {
            self.end(place, End::HungUp);
        } else if client.habit.is_dribble() {
            match client.say(b"x") {
                Going::On => self.arm(place, now + self.plan.period),
                Going::Ended(how) => self.end(place, how),
            }
        } else if client.habit == Habit::Unread {
            self.read_at_last(place, now);
        }
        Ok(())
    }

    /// Looks whether the answer is still there.
    fn read_at_last(&mut self, place: usize, now: Instant) {
        let Some(client) = &mut self.places[place].client else { return };
        let limit = self.plan.limits.of(client.habit);
        if client.age(now) > limit + PATIENCE {
            return self.end(place, End::Open);
        }
        client.start_reading();
        self.arm(place, now + PATIENCE);
        self.hear(place);
    }

    fn connect(&mut self, place: usize, now: Instant) -> anyhow::Result<()> {
        let habit = Habit::of(place);
        let mut client =
            Client::connect(self.plan.target, habit, &mut self.source).context("cannot connect")?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        registry.register(client.source(), Token(place), interest).context("cannot watch")?;
        self.places[place].client = Some(client);
        self.arm(place, now + PATIENCE);
        Ok(())
    }

    fn react(&mut self, event: &Event) {
        let Token(place) = event.token();
        let Some(client) = &mut self.places[place].client else { return };
        if !client.has_begun() {
            let opening = client.habit.opening(self.plan.target, &self.plan.long.0);
            match client.begin(&opening, Instant::now()) {
                Going::On => self.begun(place),
                Going::Ended(how) => return self.end(place, how),
            }
        }
        if event.is_error() {
            return self.end(place, End::HungUp);
        }
        self.hear(place);
    }

    /// Counts a client that has just begun, if it has.
    fn begun(&mut self, place: usize) {
        let Some(client) = self.places[place].client.as_ref().filter(|client| client.has_begun())
        else {
            return;
        };
        let habit = client.habit;
        self.shared.open.fetch_add(1, Ordering::Relaxed);
        self.toil.tolls.entry(habit).or_default().opened += 1;
        let now = Instant::now();
        match habit {
            // Not all at once, however they came.
            Habit::Head | Habit::Body => {
                let share = self.random.below(1_000) as u32;
                self.arm(place, now + self.plan.period * share / 1_000);
            }
            Habit::Unread => self.arm(place, now + self.plan.limits.of(habit) + READ_LATER),
            Habit::Silent => self.places[place].birth += 1,
        }
    }

    fn hear(&mut self, place: usize) {
        let Some(client) = &mut self.places[place].client else { return };
        let going = client.hear(&mut self.scratch);
        let is_whole = client.habit == Habit::Unread && client.received() >= self.plan.long.1;
        match going {
            _ if is_whole => self.end(place, End::Whole),
            Going::On => {}
            Going::Ended(how) => self.end(place, how),
        }
    }

    /// Its next deed; whatever was due before is not any more.
    fn arm(&mut self, place: usize, at: Instant) {
        self.places[place].birth += 1;
        self.due.push(Reverse((at, place, self.places[place].birth)));
    }

    /// It has ended, and comes again.
    fn end(&mut self, place: usize, how: End) {
        let Some(client) = self.places[place].client.take() else { return };
        let now = Instant::now();
        if client.has_begun() {
            self.shared.open.fetch_sub(1, Ordering::Relaxed);
            let (age, limit) = (client.age(now), self.plan.limits.of(client.habit));
            self.toil.tolls.entry(client.habit).or_default().end(how, age, limit);
        }
        self.arm(place, now + RETURN);
    }
}

#[cfg(test)]
mod tests;
