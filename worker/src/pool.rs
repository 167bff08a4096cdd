//! The pool: the workers in their three groups, and the one way to each, a channel with room for
//! one chain. It has no queue of its own: whoever holds the senders sends to idle workers only, and
//! says when another one is wanted.

use crate::attempt::Workshop;
use crate::handler::Handler;
use crate::panics;
use crate::source::Source;
use crate::thread::WorkerThread;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use overtime_protocol::{
    CallGrant, CallReport, Chain, Chunk, Claims, Clock, Completion, Opener, Ruling, TaskId,
};
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

/// How much lower the operating system ranks the threads of the bulk and background groups.
const LOW_PRIORITY: i32 = 10;

/// How many workers there are, and how large.
#[derive(Clone, Copy, Debug)]
pub struct PoolOptions {
    /// Workers for the control and interactive lanes.
    pub foreground: usize,
    /// Workers for the bulk lane, at low priority.
    pub bulk: usize,
    /// Workers for the background lane, at low priority.
    pub background: usize,
    /// The most workers that may be hired for the control and interactive lanes beside those.
    pub spares: usize,
    /// The stack of each, in bytes. It is address space: memory is used as far as it is touched.
    pub stack_bytes: usize,
    /// What each thread of the foreground group does first.
    pub foreground_starts: fn(),
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            foreground: 200,
            bulk: 2,
            background: 50,
            spares: 0,
            stack_bytes: 256 * 1024,
            foreground_starts: || {},
        }
    }
}

/// Names one worker of the pool: 0 and up, foreground first, then bulk, then background. A thread
/// that takes the place of another keeps the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u32);

/// What a worker hands over.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// A job has come to its end.
    Completion {
        /// Who.
        worker: WorkerId,
        /// How the attempt ended.
        completion: Completion,
        /// Whether that was the last job of the chain, so that the worker is free.
        chain_ended: bool,
        /// If the receiver need not be woken for it: the claims of the chain, for it looks again
        /// by itself only as long as it has not recalled that.
        quiet: Option<Claims>,
    },
    /// A part of a job is to be kept. The worker waits for the ruling before it sends the next.
    Chunk {
        /// Who.
        worker: WorkerId,
        /// What.
        chunk: Chunk,
    },
    /// Calls to an upstream have ended, and more may be wanted: the worker waits for the grant then.
    Calls {
        /// Who.
        worker: WorkerId,
        /// For which task.
        task: TaskId,
        /// Which run of it.
        run: u32,
        /// What.
        report: CallReport,
    },
    /// A worker that was to be hired is there.
    Hired(Worker),
    /// The system has refused a thread for it.
    NotHired(WorkerId),
}

/// Where deliveries go. Called on the workers' threads; it may block them, and must not panic.
pub type Deliver = Arc<dyn Fn(Delivery) + Send + Sync>;

/// The way to one worker.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Its number.
    pub id: WorkerId,
    /// Its channel. It never refuses a chain sent after the last one ended.
    pub chains: Sender<Chain>,
    /// The way back to it for what became of its chunks. It has room for the one ruling that a
    /// worker waits for.
    pub rulings: Sender<Ruling>,
    /// The way back to it for the calls that it may make. It has room for the one grant that a worker
    /// waits for.
    pub grants: Sender<CallGrant>,
}

/// The workers. They end when their senders are dropped and their last chain has ended.
#[derive(Debug)]
pub struct Pool {
    /// Those of the control and interactive lanes.
    pub foreground: Vec<Worker>,
    /// Those of the bulk lane.
    pub bulk: Vec<Worker>,
    /// Those of the background lane.
    pub background: Vec<Worker>,
    /// Has a worker with that number hired for the control and interactive lanes; what came of it is
    /// delivered. It takes as many at a time as there may be spares.
    pub hiring: Sender<u32>,
    /// Tells when all have ended.
    pub ended: Ended,
}

/// Tells when all workers have ended.
#[derive(Debug)]
pub struct Ended(Receiver<Infallible>);

/// Not all workers have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StillRunning;

impl fmt::Display for StillRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("some workers are still running")
    }
}

impl std::error::Error for StillRunning {}

impl Ended {
    /// Waits until every worker has ended, which takes that every sender was dropped.
    ///
    /// # Errors
    /// [`StillRunning`] if that took longer than `at_most`.
    pub fn wait(&self, at_most: Duration) -> Result<(), StillRunning> {
        match self.0.recv_timeout(at_most) {
            Ok(never) => match never {},
            Err(RecvTimeoutError::Disconnected) => Ok(()),
            Err(RecvTimeoutError::Timeout) => Err(StillRunning),
        }
    }
}

/// What jobs are run with.
pub struct Equipment {
    /// The handlers; a kind's id is its handler's place.
    pub handlers: Vec<Arc<dyn Handler>>,
    /// What opens payloads.
    pub opener: Opener,
    /// What state and stored payloads are read from.
    pub source: Arc<dyn Source>,
    /// The process's clock.
    pub clock: Clock,
}

/// Starts the threads.
///
/// # Errors
/// If the operating system refuses a thread; those started before it end by themselves.
pub fn start(options: PoolOptions, equipment: Equipment, deliver: Deliver) -> io::Result<Pool> {
    panics::install_hook();
    let Equipment { handlers, opener, source, clock } = equipment;
    let (alive, ended) = bounded(0);
    let mut hiring = Hiring {
        next: 0,
        stack_bytes: options.stack_bytes,
        workshop: Arc::new(Workshop { handlers, opener, source, clock }),
        deliver,
        alive,
    };
    let foreground = hiring.group("work", options.foreground, options.foreground_starts)?;
    let bulk = hiring.group("bulk", options.bulk, lower_priority)?;
    let background = hiring.group("back", options.background, lower_priority)?;
    let spares = hiring.for_spares(options)?;
    Ok(Pool { foreground, bulk, background, hiring: spares, ended: Ended(ended) })
}

/// On Linux niceness belongs to the thread. Refusal is no reason not to work.
fn lower_priority() {
    let _ = rustix::process::nice(LOW_PRIORITY);
}

struct Hiring {
    next: u32,
    stack_bytes: usize,
    workshop: Arc<Workshop>,
    deliver: Deliver,
    alive: Sender<Infallible>,
}

impl Hiring {
    fn group(&mut self, name: &str, count: usize, starts: fn()) -> io::Result<Vec<Worker>> {
        (0..count).map(|place| self.worker(format!("{name}-{place:03}"), starts)).collect()
    }

    fn worker(&mut self, name: String, starts: fn()) -> io::Result<Worker> {
        let id = WorkerId(self.next);
        self.next += 1;
        self.numbered(id, name, starts)
    }

    /// Starts a thread that starts others when it is asked to: that may take long, and whoever asks
    /// has no time. It ends when nobody can ask it any more.
    fn for_spares(self, options: PoolOptions) -> io::Result<Sender<u32>> {
        let (wanted, orders) = bounded(options.spares);
        let hire = move || {
            for number in orders {
                let id = WorkerId(number);
                let name = format!("spare-{:03}", number.saturating_sub(self.next));
                (self.deliver)(match self.numbered(id, name, options.foreground_starts) {
                    Ok(worker) => Delivery::Hired(worker),
                    Err(_) => Delivery::NotHired(id),
                });
            }
        };
        if options.spares > 0 {
            Builder::new().name("hiring".to_owned()).spawn(hire)?;
        }
        Ok(wanted)
    }

    fn numbered(&self, id: WorkerId, name: String, starts: fn()) -> io::Result<Worker> {
        let (chain_sender, chains) = bounded(1);
        let (ruling_sender, rulings) = bounded(2);
        let (grant_sender, grants) = bounded(2);
        let thread = WorkerThread {
            id,
            name,
            stack_bytes: self.stack_bytes,
            starts,
            chains,
            rulings,
            grants,
            workshop: Arc::clone(&self.workshop),
            deliver: Arc::clone(&self.deliver),
            alive: self.alive.clone(),
        };
        thread.spawn()?;
        Ok(Worker { id, chains: chain_sender, rulings: ruling_sender, grants: grant_sender })
    }
}

#[cfg(test)]
mod tests;
