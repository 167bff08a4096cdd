//! Single calls at a fixed rate, each timed as its caller sees it: from when it was due, if the one
//! before it was still under way then. How late our own threads woke is told apart, because that is
//! the machine's doing and not the server's.

use crate::ask::exchange;
use crate::contacts::{Contacts, Form};
use crate::request::post;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The kind that is called: it writes, and is answered once that is on disk.
pub(super) const KIND: &str = "contacts.upsert";
/// Callers that share the rate.
const CALLERS: u64 = 8;
/// How many contacts are called about in turn.
const CONTACTS: u32 = 10_000;
/// How long no byte of an answer may come; longer than the server holds a call by default.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whoever calls, and about what.
pub(super) struct Caller {
    target: SocketAddr,
    rate: u32,
    contacts: Contacts,
    /// Calls made so far.
    made: AtomicU64,
}

/// What came of the calls.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub(super) span: Duration,
    /// How long each took that was answered as it should be.
    pub(super) took: Vec<Duration>,
    /// How late our own threads were for each for which they had the time.
    pub(super) woke_late: Vec<Duration>,
    /// What the others were answered.
    pub(super) failures: Vec<String>,
}

impl Calls {
    fn add(&mut self, mut other: Self) {
        self.took.append(&mut other.took);
        self.woke_late.append(&mut other.woke_late);
        self.failures.append(&mut other.failures);
    }
}

impl Caller {
    pub(super) fn new(target: SocketAddr, rate: u32, seed: u64) -> Self {
        let contacts = Contacts::fresh(CONTACTS, seed);
        Self { target, rate, contacts, made: AtomicU64::new(0) }
    }

    /// Calls for that long, or until `is_over`.
    pub(super) fn call(&self, span: Duration, is_over: &AtomicBool) -> Calls {
        let begun = Instant::now();
        let mut calls = Calls { span, ..Calls::default() };
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS)
                .map(|first| scope.spawn(move || self.call_in_turn(first, begun, span, is_over)))
                .collect();
            for caller in callers {
                calls.add(caller.join().expect("no caller panics"));
            }
        });
        calls
    }

    /// Makes every so manieth of the calls, one after the other.
    fn call_in_turn(
        &self,
        first: u64,
        begun: Instant,
        span: Duration,
        is_over: &AtomicBool,
    ) -> Calls {
        let (mut calls, mut line) = (Calls::default(), Line { target: self.target, stream: None });
        for number in (first..).step_by(CALLERS as usize) {
            let due_after = Duration::from_secs_f64(number as f64 / f64::from(self.rate));
            if due_after >= span || is_over.load(Ordering::Relaxed) {
                break;
            }
            let request = self.request();
            let mut since = begun + due_after;
            if let Some(early) = since.checked_duration_since(Instant::now()) {
                std::thread::sleep(early);
                let due = std::mem::replace(&mut since, Instant::now());
                calls.woke_late.push(since - due);
            }
            match line.ask(&request) {
                Ok(()) => calls.took.push(since.elapsed()),
                Err(why) => calls.failures.push(why),
            }
        }
        calls
    }

    fn request(&self) -> Vec<u8> {
        let number = self.made.fetch_add(1, Ordering::Relaxed) % self.contacts.items() as u64;
        let place = number as usize;
        let body = self.contacts.body(Form::Ndjson, place..place + 1, 0);
        let (body, _) = body.expect("there is a contact at each place");
        post(self.target, &format!("/v1/tasks/{KIND}"), "application/json", &body)
    }
}

/// A connection that is opened when it is needed, and again when it broke.
struct Line {
    target: SocketAddr,
    stream: Option<TcpStream>,
}

impl Line {
    /// Makes one call, which is to be answered 200.
    fn ask(&mut self, request: &[u8]) -> Result<(), String> {
        let mut input = Vec::new();
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => open(self.target).map_err(|error| format!("no connection: {error}"))?,
        };
        let response =
            exchange(&mut stream, request, &mut input).map_err(|error| format!("{error:#}"))?;
        let status = response.status;
        if response.header("connection") != Some("close") {
            self.stream = Some(stream);
        }
        if status == 200 { Ok(()) } else { Err(format!("answered {status}")) }
    }
}

/// A connection on which nothing is waited for longer than we have patience.
pub(super) fn open(target: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(target)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}
