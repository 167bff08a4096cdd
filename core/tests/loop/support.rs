//! A core over real sockets, with workers that echo and a journal that keeps everything in memory
//! at once, and a small client.

#![expect(clippy::disallowed_methods, reason = "the test waits for the core's word")]

use crossbeam_channel::{Receiver, Sender, bounded};
use overtime_core::{
    Core, Door, Exit, Limits, Listener, Lookups, Mail, Mailbox, Setup, Snapshot, WorkerChannels,
};
use overtime_engine::{Engine, LanePlan, Seed};
use overtime_protocol::{Append, Clock, Epoch, Kind, Lookup, SpoolOrder, Spooled};
use std::io::{self, Read as _, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

#[path = "journal.rs"]
mod journal;
#[path = "worker.rs"]
mod worker;

/// A running core and what goes with it.
pub(crate) struct Server<T = io::Result<Exit>> {
    pub(crate) address: SocketAddr,
    pub(crate) mailbox: Mailbox,
    gate: Sender<()>,
    /// The spool removes nothing while this holds.
    pub(crate) spool_rests: Arc<AtomicBool>,
    pub(crate) core: JoinHandle<T>,
}

pub(crate) fn limits() -> Limits {
    Limits {
        http: overtime_protocol::http::Limits { body_max_bytes: 1 << 20, ..Default::default() },
        connections_max: 100,
        wait_default: Duration::from_secs(10),
        wait_max: Duration::from_secs(60),
        head_timeout: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(60),
        body_progress_timeout: Duration::from_secs(60),
        rate_min: 0,
        heartbeat: Duration::from_secs(60),
        spin: Duration::ZERO,
        turn_budget: Duration::from_millis(1),
        drain_notice: Duration::ZERO,
        drain_grace: Duration::from_secs(10),
    }
}

/// `echo` answers its payload, `never` never does, `held` does when [`Server::let_go`] is called,
/// `sink` answers `taken`, and `steps` is let go like `held` and makes as many chunks as it is asked
/// for.
pub(crate) fn start(limits: Limits) -> Server {
    start_with(limits, engine_limits())
}

/// Nobody's wait is cut: what the loop does is tested with those who wait.
pub(crate) fn engine_limits() -> overtime_engine::Limits {
    let admission = overtime_engine::AdmissionRules { enabled: false, ..Default::default() };
    overtime_engine::Limits { admission, ..Default::default() }
}

pub(crate) fn start_with(limits: Limits, engine_limits: overtime_engine::Limits) -> Server {
    start_on(limits, engine_limits, Core::run)
}

/// The same, with `run` on the core's thread.
pub(crate) fn start_on<T: Send + 'static>(
    limits: Limits,
    engine_limits: overtime_engine::Limits,
    run: impl FnOnce(Core) -> T + Send + 'static,
) -> Server<T> {
    let memory = |name| Kind::durable(name).in_memory();
    let kinds = vec![
        memory("echo"),
        Kind::durable("never"),
        memory("held"),
        memory("sink"),
        Kind::durable("steps"),
    ];
    let (gate, held) = bounded(1);
    let plan = LanePlan {
        foreground: 2,
        foreground_max: 3,
        control_floor: 0,
        interactive_floor: 1,
        bulk: 1,
        background: 1,
        brief: 2,
    };
    let door = Door::open().unwrap();
    let mailbox = door.mailbox();
    let worker = |number| worker::start(number, mailbox.clone(), held.clone());
    let (hiring, hired) = bounded(1);
    start_hiring(hired, mailbox.clone(), held.clone());
    let workers = WorkerChannels {
        foreground: vec![worker(0), worker(1)],
        bulk: vec![worker(2)],
        background: vec![worker(3)],
        hiring,
    };
    let engine = Engine::new(overtime_engine::Setup {
        limits: engine_limits,
        kinds: kinds.clone(),
        upstreams: Vec::new(),
        incidents: Vec::new(),
        plan,
        epoch: Epoch(1),
        highest: None,
        seed: Seed::new(1),
    });
    let (appends, appended) = bounded::<Append>(1024);
    let (short, asked) = bounded::<Lookup>(1024);
    let lookups = Lookups { long: short.clone(), short };
    journal::start((appended, asked), mailbox.clone(), held.clone());
    let (spool, ordered) = bounded::<SpoolOrder>(64);
    let spool_rests = Arc::new(AtomicBool::new(false));
    start_spool(ordered, mailbox.clone(), spool_rests.clone());
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.address().unwrap();
    let clock = Clock::start();
    let (notices, _) = bounded(64);
    let setup =
        Setup { limits, listener, engine, kinds, workers, appends, lookups, spool, notices, clock };
    let core = Core::new(door, setup).unwrap();
    Server { address, mailbox, gate, spool_rests, core: thread::spawn(|| run(core)) }
}

fn start_hiring(wanted: Receiver<u32>, mailbox: Mailbox, held: Receiver<()>) {
    thread::spawn(move || {
        for worker in wanted {
            let worker = worker as usize;
            let channel = worker::start(worker, mailbox.clone(), held.clone());
            mailbox.push(Mail::Hired { worker, channel });
        }
    });
}

fn start_spool(ordered: Receiver<SpoolOrder>, mailbox: Mailbox, rests: Arc<AtomicBool>) {
    thread::spawn(move || {
        for order in ordered {
            if let SpoolOrder::Write { task, .. } = order {
                mailbox.push(Mail::Spooled(task, Spooled::Written));
            } else {
                while rests.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
            }
        }
    });
}

impl<T> Server<T> {
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends `bytes`, says that no more follows, and reads to the end.
    pub(crate) fn talk(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        read_all(&mut stream)
    }

    /// Has others refused, one after the other, until something has come for that caller.
    pub(crate) fn refuse_others_until_heard(&self, caller: &TcpStream) {
        let mut refused = self.connect();
        let given_up = Instant::now() + Duration::from_secs(20);
        caller.set_nonblocking(true).unwrap();
        while caller.peek(&mut [0]).is_err() {
            assert!(Instant::now() < given_up, "nothing came while others were refused");
            refused.write_all(submit("unknown", "Content-Length: 0\r\n").as_bytes()).unwrap();
            assert_eq!(statuses(&read_until(&mut refused, "\"submitted\":\"no\"}")), ["404"]);
        }
        caller.set_nonblocking(false).unwrap();
    }

    /// Lets one `held` end.
    pub(crate) fn let_go(&self) {
        self.gate.send(()).unwrap();
    }

    pub(crate) fn inspect(&self) -> Snapshot {
        let (inspect, snapshots) = bounded(1);
        self.mailbox.push(Mail::Inspect(inspect));
        *snapshots.recv().unwrap()
    }

    /// Waits until the core says so.
    pub(crate) fn wait_until(&self, holds: impl Fn(&Snapshot) -> bool) {
        // What does not come true is told, instead of being waited for for ever.
        let given_up = Instant::now() + Duration::from_secs(60);
        loop {
            let snapshot = self.inspect();
            if holds(&snapshot) {
                return;
            }
            assert!(Instant::now() < given_up, "it never came to that: {snapshot:?}");
            // To ask all the time would take the processor from whoever is waited for.
            thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn stop(self) -> T {
        self.mailbox.push(Mail::Stop);
        self.core.join().unwrap()
    }
}

pub(crate) fn read_all(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

/// Reads until `text` ends with `end`.
pub(crate) fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let (mut text, mut byte) = (String::new(), [0]);
    while !text.ends_with(end) {
        assert_ne!(stream.read(&mut byte).unwrap(), 0, "closed after {text:?}");
        text.push(byte[0] as char);
    }
    text
}

pub(crate) fn echo(body: &str) -> String {
    let length = body.len();
    format!(
        "POST /v1/tasks/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// The head of a submission, with these fields.
pub(crate) fn submit(kind: &str, fields: &str) -> String {
    format!("POST /v1/tasks/{kind} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}

pub(crate) fn statuses(text: &str) -> Vec<&str> {
    text.match_indices("HTTP/1.1 ").map(|(at, _)| &text[at + 9..at + 12]).collect()
}
