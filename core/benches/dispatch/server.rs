//! The server that is measured: the real core and engine, workers that do nothing but answer, and
//! a journal and a spool that say at once that everything is kept. It never opens a payload.

use crate::round::Round;
use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use overtime_core::{
    Core, Door, Exit, Limits, Listener, Mail, Mailbox, Setup, WorkerChannel, WorkerChannels,
};
use overtime_engine::{Engine, LanePlan, Seed};
use overtime_protocol::{
    Announce, Append, Chain, Clock, Completion, Epoch, Fate, Job, Kind, Monotonic, Outcome,
    Product, SpoolOrder, Spooled, Verdict,
};
use std::io;
use std::net::SocketAddr;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// What a handler answers: just too long to be copied behind its head, so that the core holds the
/// body itself until it is written.
pub(crate) const ANSWER_BYTES: usize = 4 * 1024 + 1;
/// As workers have.
pub(crate) const STACK_BYTES: usize = 256 * 1024;

static ANSWER: [u8; ANSWER_BYTES] = [b'a'; ANSWER_BYTES];

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    mailbox: Mailbox,
    core: JoinHandle<io::Result<Exit>>,
    returns: Receiver<Duration>,
}

impl Server {
    /// Starts the core and as many workers as planned.
    pub(crate) fn start(plan: LanePlan) -> Self {
        let door = Door::open().expect("the system has a descriptor left");
        let (mailbox, clock) = (door.mailbox(), Clock::start());
        let (written, returns) = unbounded();
        let kinds = vec![Kind::durable("echo").in_memory()];
        let (short, _) = bounded(1);
        let lookups = overtime_core::Lookups { long: short.clone(), short };
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).expect("loopback has a port");
        let address = listener.address().expect("a bound socket has an address");
        let setup = Setup {
            limits: limits(),
            listener,
            engine: engine(&kinds, plan),
            kinds,
            workers: hire(plan, &Crew { clock, mailbox: mailbox.clone(), written }),
            appends: start_journal(mailbox.clone()),
            lookups,
            spool: start_spool(mailbox.clone()),
            notices: bounded(64).0,
            clock,
        };
        let core = Core::new(door, setup).expect("the poll takes the listener");
        let core = spawn("core", || core.run());
        Self { address, mailbox, core, returns }
    }

    /// Adds how long each of a run's answers took to be written. The client may have read the
    /// last of them a moment before it is told here.
    pub(crate) fn take_returns(&self, round: &mut Round) {
        let answers = usize::try_from(round.dispatch.0.len()).expect("they were in memory");
        self.returns.iter().take(answers).for_each(|span| round.back.record(span));
    }

    /// Ends the core, and with it the threads that hear from it.
    pub(crate) fn stop(self) {
        self.mailbox.push(Mail::Stop);
        let exit = self.core.join().expect("the core does not panic");
        assert_eq!(exit.expect("the poll works"), Exit::Drained);
    }
}

fn limits() -> Limits {
    let minute = Duration::from_secs(60);
    Limits {
        http: overtime_protocol::http::Limits::default(),
        connections_max: 1000,
        wait_default: minute,
        wait_max: minute,
        head_timeout: minute,
        idle_timeout: minute,
        body_progress_timeout: minute,
        rate_min: 1024,
        heartbeat: minute,
        spin: Duration::ZERO,
        turn_budget: Duration::from_millis(1),
        drain_notice: Duration::ZERO,
        drain_grace: minute,
    }
}

fn engine(kinds: &[Kind], plan: LanePlan) -> Engine {
    Engine::new(overtime_engine::Setup {
        limits: overtime_engine::Limits::default(),
        kinds: kinds.to_vec(),
        upstreams: Vec::new(),
        incidents: Vec::new(),
        plan,
        epoch: Epoch(1),
        highest: None,
        seed: Seed::new(1),
    })
}

fn start_journal(mailbox: Mailbox) -> Sender<Append> {
    let (appends, appended) = bounded::<Append>(1024);
    spawn("journal", move || {
        for Append { ticket, record, .. } in appended {
            // The engine's is then the last: a body in it is let go of when it is written.
            drop(record);
            let verdict = Verdict { ticket, fate: Fate::Durable { lsn: 1 } };
            mailbox.push(Mail::Judged(vec![verdict]));
        }
    });
    appends
}

fn start_spool(mailbox: Mailbox) -> Sender<SpoolOrder> {
    let (orders, ordered) = bounded(64);
    spawn("spool", move || {
        for order in ordered {
            if let SpoolOrder::Write { task, payload } = order {
                drop(payload);
                mailbox.push(Mail::Spooled(task, Spooled::Written));
            }
        }
    });
    orders
}

fn hire(plan: LanePlan, crew: &Crew) -> WorkerChannels {
    let group = |first: usize, count: usize| {
        (first..first + count).map(|number| Worker::start(number, crew.clone())).collect()
    };
    WorkerChannels {
        foreground: group(0, plan.foreground),
        bulk: group(plan.foreground, plan.bulk),
        background: group(plan.foreground + plan.bulk, plan.background),
        // Nobody is held for long.
        hiring: bounded(0).0,
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let builder = Builder::new().name(name.to_owned());
    builder.spawn(work).expect("the system has room for a thread")
}

/// What all workers share.
#[derive(Clone, Debug)]
struct Crew {
    clock: Clock,
    mailbox: Mailbox,
    /// Where it is told how long each answer took to be written.
    written: Sender<Duration>,
}

/// One worker, which treats its chains as a real one does.
struct Worker {
    number: usize,
    crew: Crew,
}

impl Worker {
    fn start(number: usize, crew: Crew) -> WorkerChannel {
        let (chains, handed_out) = bounded(1);
        let (rulings, _) = bounded(1);
        let (grants, _) = bounded(1);
        let builder = Builder::new().name(format!("work-{number}")).stack_size(STACK_BYTES);
        let serve = move || {
            let worker = Self { number, crew };
            handed_out.iter().for_each(|chain| worker.run(chain));
        };
        builder.spawn(serve).expect("the system has room for a thread");
        WorkerChannel { chains, rulings, grants }
    }

    fn run(&self, chain: Chain) {
        let Chain { jobs, claims, announce, .. } = chain;
        let count = jobs.len();
        for job in jobs {
            let completion = self.complete(&job);
            drop(job);
            let chain_ended = claims.claim() >= count;
            let mail = Mail::Completed { worker: self.number, completion, chain_ended };
            if chain_ended || announce == Announce::Each {
                self.crew.mailbox.push(mail);
            } else {
                self.crew.mailbox.leave(mail, &claims);
            }
            if chain_ended {
                return;
            }
        }
    }

    fn complete(&self, job: &Job) -> Completion {
        let started = self.crew.clock.monotonic();
        let ended = self.crew.clock.monotonic();
        let body = Body { ended, clock: self.crew.clock, written: self.crew.written.clone() };
        let product = Product { content_type: None, body: Bytes::from_owner(body) };
        Completion {
            task: job.task,
            attempt: job.attempt,
            run: job.run,
            outcome: Outcome::Done(product),
            progress: None,
            puts: Vec::new(),
            expects: Vec::new(),
            call: overtime_protocol::CallEnd::Untold,
            started,
            ended,
        }
    }
}

/// The body of an answer, which tells when it was let go of: the core holds it until it is
/// written.
struct Body {
    ended: Monotonic,
    clock: Clock,
    written: Sender<Duration>,
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &ANSWER
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // Nobody listens any more once the server is being ended.
        let _ = self.written.send(self.clock.monotonic().since(self.ended));
    }
}
