//! All listeners on one thread and one poll. One that is cut off comes back behind what it has
//! seen, whoever hung up.

use super::listener::{Listener, Then};
use anyhow::{Context, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long nothing may come from anywhere.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_secs(1);
const INPUT_BYTES: usize = 64 * 1024;

/// The listeners and their connections.
#[derive(Debug)]
pub(super) struct Crowd {
    target: SocketAddr,
    /// The path of the stream.
    path: String,
    poll: Poll,
    listeners: Vec<(Listener, Option<TcpStream>)>,
    /// Connections that the server cut off before the end.
    cut_off: u64,
    input: Vec<u8>,
}

/// Why reading stopped.
enum Heard {
    Emptied,
    Then(Then),
    CutOff,
}

impl Crowd {
    /// Connects all of them.
    pub(super) fn gather(
        target: SocketAddr,
        path: String,
        listeners: Vec<Listener>,
    ) -> anyhow::Result<Self> {
        let poll = Poll::new().context("cannot create a poll")?;
        let listeners: Vec<_> = listeners.into_iter().map(|listener| (listener, None)).collect();
        let count = listeners.len();
        let input = vec![0; INPUT_BYTES];
        let mut crowd = Self { target, path, poll, listeners, cut_off: 0, input };
        for place in 0..count {
            crowd.connect(place)?;
        }
        Ok(crowd)
    }

    /// Listens until all have heard the end.
    pub(super) fn listen(&mut self) -> anyhow::Result<()> {
        let mut events = Events::with_capacity(1024);
        let (mut listening, mut last) = (self.listeners.len(), Instant::now());
        while listening > 0 {
            match self.poll.poll(&mut events, Some(GLANCE)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other.context("cannot poll")?,
            }
            for event in &events {
                last = Instant::now();
                if self.react(event.token().0)? == Then::Leave {
                    listening -= 1;
                }
            }
            if last.elapsed() > PATIENCE {
                bail!("{listening} listeners have heard nothing for {PATIENCE:?}");
            }
        }
        Ok(())
    }

    pub(super) fn listeners(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.iter().map(|(listener, _)| listener)
    }

    pub(super) fn cut_off(&self) -> u64 {
        self.cut_off
    }

    fn react(&mut self, place: usize) -> anyhow::Result<Then> {
        loop {
            match self.hear(place)? {
                Heard::Emptied => return Ok(Then::Listen),
                Heard::Then(Then::Listen) => {}
                Heard::Then(Then::HangUp) => {
                    self.connect(place)?;
                    return Ok(Then::HangUp);
                }
                Heard::Then(Then::Leave) => {
                    self.listeners[place].1 = None;
                    return Ok(Then::Leave);
                }
                Heard::CutOff => {
                    self.cut_off += 1;
                    self.connect(place)?;
                    return Ok(Then::HangUp);
                }
            }
        }
    }

    /// One read.
    fn hear(&mut self, place: usize) -> anyhow::Result<Heard> {
        let (listener, connection) = &mut self.listeners[place];
        // Who has left or come back in this very turn may still have an event.
        let Some(connection) = connection else { return Ok(Heard::Emptied) };
        match connection.read(&mut self.input) {
            Ok(0) => Ok(Heard::CutOff),
            Ok(count) => Ok(Heard::Then(listener.hear(&self.input[..count])?)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Heard::Emptied),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Heard::Then(Then::Listen)),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(Heard::CutOff),
            Err(error) => Err(error).context("cannot read"),
        }
    }

    /// A new connection, which asks for what comes behind the last event seen.
    fn connect(&mut self, place: usize) -> anyhow::Result<()> {
        let (listener, connection) = &mut self.listeners[place];
        listener.reconnect();
        let mut stream = std::net::TcpStream::connect(self.target).context("cannot connect")?;
        stream.write_all(&request(self.target, &self.path, listener.last()))?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        self.poll.registry().register(&mut stream, Token(place), Interest::READABLE)?;
        *connection = Some(stream);
        Ok(())
    }
}

fn request(target: SocketAddr, path: &str, last: Option<u64>) -> Vec<u8> {
    let last = last.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
    format!("GET {path} HTTP/1.1\r\nHost: {target}\r\nAccept: text/event-stream\r\n{last}\r\n")
        .into_bytes()
}
