//! The floor: what handing work to threads and their answers to a socket costs by itself. A
//! dispatcher hands over what is due to the worker that came free last, takes back what has ended,
//! and writes an answer for each to one connection that somebody drains. There is no request and
//! no decision, and nobody on the machine is busy with sending any. Its turns have the core's order:
//! take back, hand out, write.

use crate::round::{Load, Round, Schedule};
use crate::server::{ANSWER_BYTES, STACK_BYTES};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use overtime_engine::LanePlan;
use overtime_protocol::{Clock, Monotonic};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::Builder;
use std::time::Instant;

/// What an answer of the server has before its body.
const HEAD_BYTES: usize = 255;
/// Completions that wait before their senders do, as in the core's mailbox.
const DONE_MAX: usize = 4096;
/// Completions taken in one turn, as by the core.
const DONE_PER_TURN: usize = 256;

/// What a worker is handed: when the turn began in which it came due.
#[derive(Debug)]
struct Job {
    created: Monotonic,
}

/// What comes back.
#[derive(Debug)]
struct Done {
    worker: usize,
    created: Monotonic,
    started: Monotonic,
    ended: Monotonic,
}

/// The dispatcher and what it knows of its workers.
#[derive(Debug)]
pub(crate) struct Floor {
    clock: Clock,
    channels: Vec<Sender<Job>>,
    /// Last freed first. Workers that stand for those of other lanes are never in it.
    idle: Vec<usize>,
    done: Receiver<Done>,
    /// What has come due and has no worker yet.
    waiting: VecDeque<Job>,
    running: usize,
    connection: TcpStream,
    answer: Vec<u8>,
}

impl Floor {
    /// Starts as many threads as the server has workers.
    pub(crate) fn start(plan: LanePlan) -> Self {
        let clock = Clock::start();
        let (ended, done) = bounded(DONE_MAX);
        let worker = |number| start_worker(number, clock, ended.clone());
        Self {
            clock,
            channels: (0..plan.workers()).map(worker).collect(),
            idle: (0..plan.foreground).rev().collect(),
            done,
            waiting: VecDeque::new(),
            running: 0,
            connection: connect_to_drain(),
            answer: vec![b'a'; HEAD_BYTES + ANSWER_BYTES],
        }
    }

    /// Hands out what `load` asks for, and returns when everything is answered.
    pub(crate) fn run(&mut self, load: Load) -> Round {
        let mut round = Round::default();
        let mut schedule = Schedule::start(load);
        while schedule.next_due().is_some() || self.running > 0 || !self.waiting.is_empty() {
            let first = self.sleep(schedule.next_due());
            self.turn(first, &mut schedule, &mut round);
        }
        round
    }

    /// Sleeps until something comes back or is due.
    fn sleep(&self, due: Option<Instant>) -> Option<Done> {
        match due {
            Some(due) => self.done.recv_deadline(due).ok(),
            None => self.done.iter().next(),
        }
    }

    fn turn(&mut self, first: Option<Done>, schedule: &mut Schedule, round: &mut Round) {
        let created = self.clock.monotonic();
        let more = self.done.try_iter().take(DONE_PER_TURN);
        let ended: Vec<Done> = first.into_iter().chain(more).collect();
        self.running -= ended.len();
        self.idle.extend(ended.iter().map(|done| done.worker));
        while let Some(late) = schedule.take(Instant::now()) {
            round.late += u64::from(late);
            self.waiting.push_back(Job { created });
        }
        self.hand_out();
        ended.into_iter().for_each(|done| self.write(&done, round));
    }

    fn hand_out(&mut self) {
        while !self.waiting.is_empty() {
            let Some(worker) = self.idle.pop() else { return };
            let Some(job) = self.waiting.pop_front() else { return };
            self.running += 1;
            match self.channels[worker].try_send(job) {
                Ok(()) => {}
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                    unreachable!("an idle worker takes a job")
                }
            }
        }
    }

    fn write(&mut self, done: &Done, round: &mut Round) {
        self.connection.write_all(&self.answer).expect("the other end is drained");
        round.back.record(self.clock.monotonic().since(done.ended));
        round.dispatch.record(done.started.since(done.created));
    }
}

fn start_worker(worker: usize, clock: Clock, ended: Sender<Done>) -> Sender<Job> {
    let (jobs, handed_out) = bounded::<Job>(1);
    let builder = Builder::new().name(format!("floor-{worker}")).stack_size(STACK_BYTES);
    let serve = move || {
        for Job { created } in handed_out {
            let started = clock.monotonic();
            let done = Done { worker, created, started, ended: clock.monotonic() };
            if ended.send(done).is_err() {
                return;
            }
        }
    };
    builder.spawn(serve).expect("the system has room for a thread");
    jobs
}

/// A connection over loopback whose other end is read by a thread of its own.
fn connect_to_drain() -> TcpStream {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let ours = TcpStream::connect(address).expect("somebody listens there");
    ours.set_nodelay(true).expect("a connection takes the option");
    let (mut theirs, _) = listener.accept().expect("somebody has connected");
    let drain = move || {
        let mut buffer = vec![0; 64 * 1024];
        while theirs.read(&mut buffer).is_ok_and(|count| count > 0) {}
    };
    Builder::new().name("drain".to_owned()).spawn(drain).expect("the system has room for a thread");
    ours
}
