//! One slow client: a connection, how far it is, and what the server said at the end. It never
//! waits.

use super::habit::Habit;
use super::toll::End;
use crate::source::Source;
use mio::net::TcpStream;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// As much of an answer as its status needs.
const STATUS_BYTES: usize = "HTTP/1.1 408".len();

/// Whether a client goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Going {
    On,
    Ended(End),
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) habit: Habit,
    stream: TcpStream,
    /// When it had a connection and began to be slow.
    begun: Option<Instant>,
    /// The first bytes of an answer.
    heard: Vec<u8>,
    received: u64,
    is_reading: bool,
}

impl Client {
    /// Begins to connect.
    pub(super) fn connect(
        target: SocketAddr,
        habit: Habit,
        source: &mut Source,
    ) -> std::io::Result<Self> {
        let stream = TcpStream::from_std(source.connect(target)?);
        let is_reading = habit != Habit::Unread;
        Ok(Self { habit, stream, begun: None, heard: Vec::new(), received: 0, is_reading })
    }

    pub(super) fn source(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// How long it has been slow.
    pub(super) fn age(&self, now: Instant) -> Duration {
        self.begun.map_or(Duration::ZERO, |begun| now.saturating_duration_since(begun))
    }

    /// It is connected, if the system says so: it says its opening.
    pub(super) fn begin(&mut self, opening: &[u8], now: Instant) -> Going {
        match self.stream.peer_addr() {
            Ok(_) => {
                self.begun = Some(now);
                self.say(opening)
            }
            Err(error) if error.kind() == ErrorKind::NotConnected => Going::On,
            Err(_) => Going::Ended(End::HungUp),
        }
    }

    /// One byte more. An opening is short, and so is a byte: a new connection's buffer takes them.
    pub(super) fn say(&mut self, bytes: &[u8]) -> Going {
        match self.stream.write(bytes) {
            Err(error) if !is_for_later(&error) => self.ended(),
            _ => Going::On,
        }
    }

    /// From now on it reads what there is.
    pub(super) fn start_reading(&mut self) {
        self.is_reading = true;
    }

    /// Reads what has come, if it reads at all.
    pub(super) fn hear(&mut self, scratch: &mut [u8]) -> Going {
        while self.is_reading {
            match self.stream.read(scratch) {
                Ok(0) => return self.ended(),
                Ok(bytes) => self.note(&scratch[..bytes]),
                Err(error) if is_for_later(&error) => return Going::On,
                Err(_) => return self.ended(),
            }
        }
        Going::On
    }

    fn note(&mut self, bytes: &[u8]) {
        self.received += bytes.len() as u64;
        let missing = STATUS_BYTES.saturating_sub(self.heard.len()).min(bytes.len());
        self.heard.extend_from_slice(&bytes[..missing]);
    }

    /// Bytes of its answer.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    fn ended(&self) -> Going {
        let status = self.heard.get(9..STATUS_BYTES).and_then(|digits| {
            std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok())
        });
        Going::Ended(match (self.habit, status) {
            // What was broken off is no answer.
            (Habit::Unread, _) | (_, None) => End::HungUp,
            (_, Some(status)) => End::Answered(status),
        })
    }
}

fn is_for_later(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
