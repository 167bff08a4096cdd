//! The load: one thread with keep-alive connections that sends each request when it is due, on
//! whatever connection is free. It never waits for an answer before it sends the next request
//! unless all connections are busy, and then tells what was sent late.

use crate::answer::{self, CUT_OFF_NANOS, Told};
use crate::round::{Load, Round, Schedule};
use crate::timer::Timer;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const ALARM: Token = Token(usize::MAX);
/// An answer fits in at once.
const SCRATCH_BYTES: usize = 64 * 1024;
/// A server that is silent for so long has lost something.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// The connections and what wakes their thread.
#[derive(Debug)]
pub(crate) struct Client {
    poll: Poll,
    events: Events,
    alarm: Timer,
    connections: Vec<Connection>,
    /// Connections without a request under way.
    idle: Vec<usize>,
    request: Vec<u8>,
    scratch: Vec<u8>,
}

impl Client {
    /// Opens the connections.
    pub(crate) fn connect(server: SocketAddr, load: &Load) -> Self {
        let poll = Poll::new().expect("the system has a descriptor left");
        let alarm = Timer::register(poll.registry(), ALARM).expect("the poll takes the timer");
        let connect = |place| {
            let stream = Connection::open(server).expect("the server takes connections");
            stream.register(poll.registry(), Token(place))
        };
        Self {
            connections: (0..load.connections).map(connect).collect(),
            poll,
            events: Events::with_capacity(1024),
            alarm,
            idle: (0..load.connections).collect(),
            request: request(load.payload_bytes),
            scratch: vec![0; SCRATCH_BYTES],
        }
    }

    /// How long each of its requests is.
    pub(crate) fn request_bytes(&self) -> usize {
        self.request.len()
    }

    /// Sends what `load` asks for, and returns when everything is answered.
    pub(crate) fn drive(&mut self, load: Load) -> Round {
        let mut round = Round::default();
        let mut schedule = Schedule::start(load);
        while schedule.next_due().is_some() || self.idle.len() < self.connections.len() {
            self.send_due(&mut schedule, &mut round);
            self.sleep(schedule.next_due());
            self.receive(&mut round);
        }
        round
    }

    fn send_due(&mut self, schedule: &mut Schedule, round: &mut Round) {
        while let Some(&place) = self.idle.last() {
            let Some(late) = schedule.take(Instant::now()) else { return };
            self.idle.pop();
            round.late += u64::from(late);
            self.connections[place].begin(&self.request);
        }
    }

    /// Sleeps until an answer comes, or a request is due that can be sent.
    fn sleep(&mut self, due: Option<Instant>) {
        if let Some(due) = due.filter(|_| !self.idle.is_empty()) {
            self.alarm.arm(due).expect("the timer takes a time");
        }
        match self.poll.poll(&mut self.events, Some(SILENCE_MAX)) {
            Ok(()) => assert!(!self.events.is_empty(), "the server owes an answer for too long"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}"),
        }
    }

    fn receive(&mut self, round: &mut Round) {
        for event in &self.events {
            let Token(place) = event.token();
            let Some(connection) = self.connections.get_mut(place) else { continue };
            connection.go_on(&self.request);
            match connection.receive(&mut self.scratch) {
                None => continue,
                Some(Told::Result { queue }) => round.dispatch.record_cut(queue, CUT_OFF_NANOS),
                Some(Told::Refusal) => round.refused += 1,
            }
            self.idle.push(place);
        }
    }
}

fn request(payload_bytes: usize) -> Vec<u8> {
    let mut request = format!(
        "POST /v1/tasks/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {payload_bytes}\r\n\r\n"
    )
    .into_bytes();
    request.resize(request.len() + payload_bytes, b'p');
    request
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    /// How much of the request under way is sent.
    sent: usize,
    received: Vec<u8>,
}

impl Connection {
    fn open(server: SocketAddr) -> io::Result<Self> {
        let stream = std::net::TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        // As if a request had just been sent: nothing is to be written yet.
        Ok(Self { stream: TcpStream::from_std(stream), sent: usize::MAX, received: Vec::new() })
    }

    fn register(mut self, registry: &mio::Registry, token: Token) -> Self {
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut self.stream, token, interest).expect("the poll takes a connection");
        self
    }

    fn begin(&mut self, request: &[u8]) {
        self.sent = 0;
        self.go_on(request);
    }

    /// Sends what is left of the request, as far as the socket takes it.
    fn go_on(&mut self, request: &[u8]) {
        while self.sent < request.len() {
            match self.stream.write(&request[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("a request could not be sent: {error}"),
            }
        }
    }

    /// Reads what has come. Returns the answer once it is whole.
    fn receive(&mut self, scratch: &mut [u8]) -> Option<Told> {
        loop {
            match self.stream.read(scratch) {
                Ok(0) => panic!("the server has hung up"),
                Ok(count) => {
                    self.received.extend_from_slice(&scratch[..count]);
                    // A short read has emptied the socket (epoll(7)).
                    if count < scratch.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("an answer could not be read: {error}"),
            }
        }
        let told = answer::read(&self.received)?;
        self.received.clear();
        Some(told)
    }
}
