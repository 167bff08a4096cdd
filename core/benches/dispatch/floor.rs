//! The floor: what it costs to take requests off sockets, to hand them to threads, and to write
//! their answers, by itself. A relay takes the same requests from the same client, so that the
//! machine is as busy with sending them; hands each to the worker that came free last; takes back
//! what has ended; and writes an answer as long as the server's. It decides nothing, keeps nothing,
//! and knows of a request only how long it is, which it is told beforehand. Its turns have the core's
//! order: read, take back, hand out, write.

use crate::round::Round;
use crate::server::{ANSWER_BYTES, STACK_BYTES};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, unbounded};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use overtime_engine::LanePlan;
use overtime_protocol::{Clock, Monotonic};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Completions that wait before their senders do, as in the core's mailbox.
const DONE_MAX: usize = 4096;
/// Completions taken in one turn, as by the core.
const DONE_PER_TURN: usize = 256;
/// Bytes read of a connection in one turn, as by the core.
const READ_BYTES: usize = 64 * 1024;

const LISTENER: Token = Token(usize::MAX - 1);
const WAKER: Token = Token(usize::MAX);

/// As long as the server's head, give or take a few bytes.
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\
    Overtime-Task: 00000000000000000000000000\r\nOvertime-State: succeeded\r\n\
    Overtime-Attempts: 1\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer-Timing: queue;dur=";

/// A running relay.
#[derive(Debug)]
pub(crate) struct Floor {
    pub(crate) address: SocketAddr,
    bell: Arc<Bell>,
    request_bytes: Arc<AtomicUsize>,
    returns: Receiver<Duration>,
    relay: JoinHandle<()>,
}

impl Floor {
    /// Starts the relay and as many threads as the server has workers.
    pub(crate) fn start(plan: LanePlan) -> Self {
        let poll = Poll::new().expect("the system has a descriptor left");
        let waker = Waker::new(poll.registry(), WAKER).expect("the poll takes a waker");
        let bell = Arc::new(Bell { waker, sleeps: AtomicBool::new(false), stop: false.into() });
        let (clock, request_bytes) = (Clock::start(), Arc::new(AtomicUsize::new(0)));
        let (ended, done) = bounded(DONE_MAX);
        let (written, returns) = unbounded();
        let address = ([127, 0, 0, 1], 0).into();
        let mut listener = TcpListener::bind(address).expect("loopback has a port");
        let interest = Interest::READABLE;
        poll.registry().register(&mut listener, LISTENER, interest).expect("the poll takes it");
        let address = listener.local_addr().expect("a bound socket has an address");
        let worker =
            |number| start_worker(Crew { number, clock, ended: ended.clone(), bell: bell.clone() });
        let relay = Relay {
            poll,
            listener,
            clock,
            bell: bell.clone(),
            request_bytes: request_bytes.clone(),
            connections: Vec::new(),
            readable: Vec::new(),
            channels: (0..plan.workers()).map(worker).collect(),
            idle: (0..plan.foreground).rev().collect(),
            waiting: VecDeque::new(),
            done,
            written,
            scratch: vec![0; READ_BYTES],
            answer: Vec::new(),
        };
        let builder = Builder::new().name("floor".to_owned());
        let relay = builder.spawn(|| relay.run()).expect("the system has room for a thread");
        Self { address, bell, request_bytes, returns, relay }
    }

    /// What is sent from here on are requests of that many bytes.
    pub(crate) fn expect(&self, request_bytes: usize) {
        self.request_bytes.store(request_bytes, Ordering::SeqCst);
    }

    /// Adds how long each of a run's answers took to be written.
    pub(crate) fn take_returns(&self, round: &mut Round) {
        let answers = usize::try_from(round.dispatch.0.len()).expect("they were in memory");
        self.returns.iter().take(answers).for_each(|span| round.back.record(span));
    }

    /// Ends the relay, and with it its threads.
    pub(crate) fn stop(self) {
        self.bell.stop.store(true, Ordering::SeqCst);
        self.bell.waker.wake().expect("the relay is there");
        self.relay.join().expect("the relay does not panic");
    }
}

/// What wakes the relay, if it sleeps.
#[derive(Debug)]
struct Bell {
    waker: Waker,
    sleeps: AtomicBool,
    stop: AtomicBool,
}

impl Bell {
    fn ring(&self) {
        if self.sleeps.swap(false, Ordering::SeqCst) {
            self.waker.wake().expect("the relay is there");
        }
    }
}

/// What a worker is handed.
#[derive(Debug)]
struct Job {
    connection: usize,
    /// When the turn began that read the end of the request.
    created: Monotonic,
}

/// What comes back.
#[derive(Debug)]
struct Done {
    worker: usize,
    job: Job,
    started: Monotonic,
    ended: Monotonic,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    /// Bytes of the request under way that have come.
    received: usize,
}

/// The relay's thread's own.
#[derive(Debug)]
struct Relay {
    poll: Poll,
    listener: TcpListener,
    clock: Clock,
    bell: Arc<Bell>,
    request_bytes: Arc<AtomicUsize>,
    /// By token; those of a client that has gone are never used again.
    connections: Vec<Connection>,
    /// Connections that may have more to read.
    readable: Vec<usize>,
    channels: Vec<Sender<Job>>,
    /// Last freed first. Workers that stand for those of other lanes are never in it.
    idle: Vec<usize>,
    /// What has come and has no worker yet.
    waiting: VecDeque<Job>,
    done: Receiver<Done>,
    written: Sender<Duration>,
    scratch: Vec<u8>,
    answer: Vec<u8>,
}

impl Relay {
    fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        while !self.bell.stop.load(Ordering::SeqCst) {
            self.sleep(&mut events);
            let created = self.clock.monotonic();
            self.note(&events);
            self.read(created);
            let ended: Vec<Done> = self.done.try_iter().take(DONE_PER_TURN).collect();
            self.idle.extend(ended.iter().map(|done| done.worker));
            self.hand_out();
            ended.iter().for_each(|done| self.write(done));
        }
    }

    fn sleep(&mut self, events: &mut Events) {
        self.bell.sleeps.store(true, Ordering::SeqCst);
        let is_busy = !self.readable.is_empty() || !self.done.is_empty();
        let polled = self.poll.poll(events, is_busy.then_some(Duration::ZERO));
        self.bell.sleeps.store(false, Ordering::SeqCst);
        if let Err(error) = polled {
            assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        }
    }

    fn note(&mut self, events: &Events) {
        for event in events {
            match event.token() {
                LISTENER => self.accept(),
                WAKER => {}
                Token(place) if event.is_readable() => self.readable.push(place),
                Token(_) => {}
            }
        }
    }

    fn accept(&mut self) {
        while let Ok((mut stream, _)) = self.listener.accept() {
            stream.set_nodelay(true).expect("a connection takes the option");
            let token = Token(self.connections.len());
            let registry = self.poll.registry();
            registry.register(&mut stream, token, Interest::READABLE).expect("the poll takes it");
            self.connections.push(Connection { stream, received: 0 });
        }
    }

    /// Reads of each connection once.
    fn read(&mut self, created: Monotonic) {
        let request_bytes = self.request_bytes.load(Ordering::SeqCst);
        let (connections, scratch) = (&mut self.connections, &mut self.scratch);
        let waiting = &mut self.waiting;
        self.readable.retain(|&place| {
            let connection = &mut connections[place];
            let count = connection.stream.read(scratch).unwrap_or(0);
            connection.received += count;
            if count > 0 && connection.received == request_bytes {
                connection.received = 0;
                waiting.push_back(Job { connection: place, created });
            }
            // A short read has emptied the socket (epoll(7)).
            count == scratch.len()
        });
    }

    fn hand_out(&mut self) {
        while !self.waiting.is_empty() {
            let Some(worker) = self.idle.pop() else { return };
            let Some(job) = self.waiting.pop_front() else { return };
            match self.channels[worker].try_send(job) {
                Ok(()) => {}
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                    unreachable!("an idle worker takes a job")
                }
            }
        }
    }

    fn write(&mut self, done: &Done) {
        // As the server does: whole microseconds, the rest cut off.
        let queue = done.started.since(done.job.created).as_micros();
        let (millis, micros) = (queue / 1_000, queue % 1_000);
        self.answer.clear();
        let head = write!(
            self.answer,
            "{HEAD}{millis}.{micros:03}, run;dur=0.000\r\nContent-Length: {ANSWER_BYTES}\r\n\r\n"
        );
        head.expect("memory takes it");
        self.answer.resize(self.answer.len() + ANSWER_BYTES, b'a');
        let stream = &mut self.connections[done.job.connection].stream;
        stream.write_all(&self.answer).expect("the socket has room for one answer");
        // Nobody listens any more once the relay is being ended.
        let _ = self.written.send(self.clock.monotonic().since(done.ended));
    }
}

/// What a worker has.
struct Crew {
    number: usize,
    clock: Clock,
    ended: Sender<Done>,
    bell: Arc<Bell>,
}

fn start_worker(crew: Crew) -> Sender<Job> {
    let (jobs, handed_out) = bounded::<Job>(1);
    let builder = Builder::new().name(format!("floor-{}", crew.number)).stack_size(STACK_BYTES);
    let serve = move || {
        let Crew { number, clock, ended, bell } = crew;
        for job in handed_out {
            let started = clock.monotonic();
            let done = Done { worker: number, job, started, ended: clock.monotonic() };
            if ended.send(done).is_err() {
                return;
            }
            bell.ring();
        }
    };
    builder.spawn(serve).expect("the system has room for a thread");
    jobs
}
