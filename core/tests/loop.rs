//! The loop over real sockets, with workers that echo and a journal that keeps everything in
//! memory at once: what a client sees of framing, limits, timeouts and the end.

#![expect(
    clippy::disallowed_methods,
    reason = "the test plays the workers, which open payloads, and the clients, which wait"
)]

use crossbeam_channel::{Receiver, bounded};
use overtime_core::{Core, Door, Exit, Limits, Listener, Mail, Mailbox, Setup, WorkerChannels};
use overtime_engine::{Engine, LanePlan, Seed};
use overtime_protocol::{
    Answer, Append, Chain, Clock, Code, Completion, Epoch, Fate, Kind, Lane, Opener, Outcome,
    Problem, Product, Read, Verdict,
};
use std::io::{self, ErrorKind, Read as _, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};
use std::time::Duration;

fn opener() -> Opener {
    static OPENER: OnceLock<Opener> = OnceLock::new();
    OPENER.get_or_init(|| Opener::mint().expect("nothing else here mints it")).clone()
}

struct Server {
    address: SocketAddr,
    mailbox: Mailbox,
    core: JoinHandle<io::Result<Exit>>,
}

fn limits() -> Limits {
    Limits {
        http: overtime_protocol::http::Limits { body_max_bytes: 1 << 20, ..Default::default() },
        connections_max: 100,
        wait_default: Duration::from_secs(10),
        wait_max: Duration::from_secs(60),
        head_timeout: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(60),
        body_progress_timeout: Duration::from_secs(60),
        spin: Duration::ZERO,
        turn_budget: Duration::from_millis(1),
        drain_notice: Duration::ZERO,
        drain_grace: Duration::from_secs(10),
    }
}

/// `echo` answers its payload, `never` never does.
fn start(limits: Limits) -> Server {
    let kinds = vec![Kind::durable("echo").in_memory(), Kind::durable("never")];
    let plan = LanePlan {
        foreground: 2,
        control_floor: 0,
        interactive_floor: 1,
        bulk: 1,
        background: 1,
        brief: 2,
    };
    let door = Door::open().unwrap();
    let mailbox = door.mailbox();
    let worker = |number| start_worker(number, mailbox.clone());
    let workers = WorkerChannels {
        foreground: vec![worker(0), worker(1)],
        bulk: vec![worker(2)],
        background: vec![worker(3)],
    };
    let engine = Engine::new(overtime_engine::Setup {
        limits: overtime_engine::Limits::default(),
        kinds: kinds.clone(),
        plan,
        epoch: Epoch(1),
        highest: None,
        seed: Seed::new(1),
    });
    let (appends, appended) = bounded::<Append>(1024);
    let (reads, asked) = bounded::<Read>(1024);
    start_journal(appended, asked, mailbox.clone());
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.address().unwrap();
    let clock = Clock::start();
    let effects = Vec::new();
    let setup = Setup { limits, listener, engine, effects, kinds, workers, appends, reads, clock };
    let core = Core::new(door, setup).unwrap();
    Server { address, mailbox, core: thread::spawn(|| core.run()) }
}

fn start_worker(worker: usize, mailbox: Mailbox) -> crossbeam_channel::Sender<Chain> {
    let (sender, chains) = bounded::<Chain>(1);
    thread::spawn(move || {
        for chain in chains {
            for job in chain.jobs {
                if job.kind.0 == 0 {
                    let body = opener().open(&job.payload).unwrap().concat().into();
                    let outcome = Outcome::Done(Product { content_type: None, body });
                    let completion = Completion {
                        task: job.task,
                        attempt: job.attempt,
                        run: job.run,
                        outcome,
                        puts: Vec::new(),
                        expects: Vec::new(),
                        started: Default::default(),
                        ended: Default::default(),
                    };
                    mailbox.push(Mail::Completed { worker, completion, chain_ended: true });
                }
            }
        }
    });
    sender
}

fn start_journal(appended: Receiver<Append>, asked: Receiver<Read>, mailbox: Mailbox) {
    let judge = mailbox.clone();
    thread::spawn(move || {
        for append in appended {
            let verdict = Verdict { ticket: append.ticket, fate: Fate::Durable { lsn: 1 } };
            judge.push(Mail::Judged(vec![verdict]));
        }
    });
    thread::spawn(move || {
        for read in asked {
            let problem = Problem::new(Code::UnknownTask, "no task has this id");
            mailbox.push(Mail::Answered(read.reply_to, Answer::from(problem)));
        }
    });
}

impl Server {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends `bytes`, says that no more follows, and reads to the end.
    fn talk(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        read_all(&mut stream)
    }

    fn stop(self) -> Exit {
        self.mailbox.push(Mail::Stop);
        self.core.join().unwrap().unwrap()
    }
}

fn read_all(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

/// Reads until `text` ends with `end`.
fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let (mut text, mut byte) = (String::new(), [0]);
    while !text.ends_with(end) {
        assert_ne!(stream.read(&mut byte).unwrap(), 0, "closed after {text:?}");
        text.push(byte[0] as char);
    }
    text
}

fn echo(body: &str) -> String {
    let length = body.len();
    format!("POST /v1/tasks/echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn statuses(text: &str) -> Vec<&str> {
    text.match_indices("HTTP/1.1 ").map(|(at, _)| &text[at + 9..at + 12]).collect()
}

#[test]
fn a_half_close_is_not_a_hang_up() {
    let server = start(limits());
    let text = server.talk(echo("hello").as_bytes());
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.ends_with("\r\n\r\nhello"), "{text}");
}

#[test]
fn pipelined_requests_are_answered_in_order_one_at_a_time() {
    let server = start(limits());
    let bodies = ["one", "two", "three", "four", "five"];
    let text = server.talk(bodies.map(echo).concat().as_bytes());
    assert_eq!(statuses(&text), ["200"; 5]);
    let places = bodies.map(|body| text.find(body).unwrap());
    assert!(places.is_sorted());
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let server = start(limits());
    let mut stream = server.connect();
    stream.set_nodelay(true).unwrap();
    for byte in echo("dribble").bytes() {
        stream.write_all(&[byte]).unwrap();
    }
    assert!(read_until(&mut stream, "dribble").starts_with("HTTP/1.1 200"));
}

#[test]
fn nothing_behind_a_refused_message_is_run() {
    let server = start(limits());
    let smuggled = format!(
        "POST /v1/tasks/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        echo("smuggled")
    );
    let text = server.talk(smuggled.as_bytes());
    assert_eq!(statuses(&text), ["400"]);
    assert!(text.contains("application/problem+json") && text.contains("Connection: close"));
    assert!(!text.contains("smuggled"), "{text}");
}

#[test]
fn garbage_on_one_connection_hurts_no_other() {
    let server = start(limits());
    let mut good = server.connect();
    good.write_all(echo("first").as_bytes()).unwrap();
    read_until(&mut good, "first");
    for garbage in
        [&b"\x00\x01\x02"[..], b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n\r\n\r\n", b"\x16\x03\x01"]
    {
        server.talk(garbage);
    }
    good.write_all(echo("second").as_bytes()).unwrap();
    read_until(&mut good, "second");
}

#[test]
fn an_unknown_kind_with_a_short_body_keeps_the_connection() {
    let server = start(limits());
    let unknown = "POST /v1/tasks/nobody HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
    let text = server.talk(format!("{unknown}{}", echo("next")).as_bytes());
    assert_eq!(statuses(&text), ["404", "200"]);
}

#[test]
fn a_refused_long_body_is_never_taken_for_requests() {
    let server = start(limits());
    let mut long =
        "POST /v1/tasks/nobody HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n".to_owned();
    while long.len() < 200_000 {
        long.push_str(&echo("inside"));
    }
    let mut stream = server.connect();
    stream.write_all(long.as_bytes()).unwrap();
    let text = read_all(&mut stream);
    assert_eq!(statuses(&text), ["404"]);
    assert!(!text.contains("inside"), "{text}");
}

#[test]
fn expect_continue_is_answered_before_the_body_and_refused_without_it() {
    let server = start(limits());
    let head = "POST /v1/tasks/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let mut stream = server.connect();
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(read_until(&mut stream, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").unwrap();
    assert!(read_until(&mut stream, "hello").starts_with("HTTP/1.1 200"));

    let mut stream = server.connect();
    stream.write_all(head.replace("echo", "nobody").as_bytes()).unwrap();
    let text = read_all(&mut stream);
    assert_eq!(statuses(&text), ["404"]);
}

#[test]
fn a_declared_length_over_the_limit_is_refused_on_the_head() {
    let server = start(limits());
    let mut stream = server.connect();
    let head = "POST /v1/tasks/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(statuses(&read_all(&mut stream)), ["413"]);
}

#[test]
fn a_large_answer_goes_to_a_slow_reader_whole() {
    let server = start(limits());
    let body = "0123456789abcdef".repeat(60_000);
    let mut stream = server.connect();
    stream.write_all(echo(&body).as_bytes()).unwrap();
    let head = read_until(&mut stream, "\r\n\r\n");
    assert!(head.contains("Content-Length: 960000"), "{head}");
    let mut answer = vec![0; body.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, body.as_bytes());
}

#[test]
fn a_head_that_does_not_come_is_a_408_and_silence_is_closed_silently() {
    let limits = Limits { head_timeout: Duration::from_millis(50), ..limits() };
    let server = start(limits);
    let mut silent = server.connect();
    assert_eq!(read_all(&mut silent), "");
    let mut slow = server.connect();
    slow.write_all(b"POST /v1/tasks/echo HTT").unwrap();
    assert_eq!(statuses(&read_all(&mut slow)), ["408"]);
}

#[test]
fn a_body_that_stops_is_a_408() {
    let limits = Limits { body_progress_timeout: Duration::from_millis(50), ..limits() };
    let server = start(limits);
    let mut stream = server.connect();
    stream.write_all(&echo("stops half-way").as_bytes()[..70]).unwrap();
    assert_eq!(statuses(&read_all(&mut stream)), ["408"]);
}

#[test]
fn an_idle_connection_is_closed_after_its_time() {
    let limits = Limits { idle_timeout: Duration::from_millis(50), ..limits() };
    let server = start(limits);
    let mut stream = server.connect();
    stream.write_all(echo("once").as_bytes()).unwrap();
    assert_eq!(statuses(&read_all(&mut stream)), ["200"]);
}

#[test]
fn at_its_limit_of_connections_the_server_lets_in_the_next_when_one_leaves() {
    let limits = Limits { connections_max: 2, ..limits() };
    let server = start(limits);
    let mut held: Vec<TcpStream> = (0..2).map(|_| server.connect()).collect();
    for stream in &mut held {
        stream.write_all(echo("in").as_bytes()).unwrap();
        read_until(stream, "in");
    }
    let mut third = server.connect();
    third.write_all(echo("late").as_bytes()).unwrap();
    third.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let error = third.read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    held.pop();
    third.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    read_until(&mut third, "late");
}

#[test]
fn head_and_http_1_0_follow_their_rules() {
    let server = start(limits());
    let text =
        server.talk(b"HEAD /v1/tasks/01KAHP5ZQ00000000000000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(statuses(&text), ["404"]);
    assert!(text.ends_with("\r\n\r\n"), "a HEAD has no body: {text}");
    let mut old = server.connect();
    old.write_all(b"POST /v1/tasks/echo HTTP/1.0\r\nContent-Length: 3\r\n\r\nold").unwrap();
    let text = read_all(&mut old);
    assert!(text.contains(" 200 ") && text.ends_with("old"), "{text}");
}

#[test]
fn a_drain_answers_those_that_wait_refuses_new_ones_and_ends() {
    let limits = Limits { drain_grace: Duration::from_millis(100), ..limits() };
    let server = start(limits);
    let mut waiting = server.connect();
    waiting
        .write_all(b"POST /v1/tasks/never HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        .unwrap();
    let mut open = server.connect();
    open.write_all(echo("before").as_bytes()).unwrap();
    read_until(&mut open, "before");
    let (inspect, snapshots) = bounded(1);
    server.mailbox.push(Mail::Stop);
    server.mailbox.push(Mail::Inspect(inspect));
    assert!(snapshots.recv().unwrap().draining);
    open.write_all(echo("after").as_bytes()).unwrap();
    let refused = read_all(&mut open);
    assert!(refused.contains("\"code\":\"draining\"") && refused.contains("Connection: close"));
    let text = read_all(&mut waiting);
    assert_eq!(statuses(&text), ["202"]);
    assert!(text.contains("\"state\":\"running\"") && text.contains("Location: /v1/tasks/"));
    assert_eq!(server.stop(), Exit::Drained);
}

#[test]
fn a_failed_journal_is_told_and_ends_the_server() {
    let server = start(limits());
    let mut waiting = server.connect();
    waiting
        .write_all(b"POST /v1/tasks/never HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        .unwrap();
    let mut open = server.connect();
    open.write_all(echo("before").as_bytes()).unwrap();
    read_until(&mut open, "before");
    server.mailbox.push(Mail::JournalFailed("the disk is gone".to_owned()));
    assert_eq!(statuses(&read_all(&mut waiting)), ["503"]);
    let exit = server.core.join().unwrap().unwrap();
    assert_eq!(exit, Exit::JournalFailed("the disk is gone".to_owned()));
}

#[test]
fn the_snapshot_counts_what_happened() {
    let server = start(limits());
    server.talk([echo("a"), echo("b")].concat().as_bytes());
    server.talk(b"nonsense\r\n\r\n");
    let (inspect, snapshots) = bounded(1);
    server.mailbox.push(Mail::Inspect(inspect));
    let snapshot = snapshots.recv().unwrap();
    assert_eq!((snapshot.core.accepted, snapshot.core.requests, snapshot.core.refused), (2, 2, 1));
    assert_eq!((snapshot.engine.succeeded, snapshot.engine.submitted), (2, 2));
    assert_eq!(snapshot.engine.dispatched[Lane::Interactive], 2);
    assert!(snapshot.turns.turns > 0 && snapshot.turns.buckets.iter().sum::<u64>() > 0);
}
