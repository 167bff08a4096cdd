//! One connection: a socket, and what is spoken over it. Over HTTP that is a deframer and at most
//! one request in progress; bytes behind that request stay unread until it is answered.

use crate::events::Follower;
use crate::exchange::Routed;
use crate::native::Session;
use crate::output::Output;
use crate::pace::Pace;
use crate::payload_budget::Share;
use crate::timeouts::Deadline;
use mio::net::TcpStream;
use overtime_protocol::SegmentPool;
use overtime_protocol::http::{After, Deframer, ReplyContext};
use std::io::{self, Read};

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) speech: Speech,
    pub(crate) deframer: Deframer,
    pub(crate) stage: Stage,
    /// Bytes that were read behind the request in progress.
    pub(crate) behind: Vec<u8>,
    pub(crate) output: Output,
    /// Names the request in progress among all that were ever answered here.
    pub(crate) request: u32,
    /// What the body in progress has of the memory for payloads.
    pub(crate) share: Share,
    pub(crate) deadline: Deadline,
    /// How slow the body in progress, or the taking of the answer, has been.
    pub(crate) pace: Pace,
    /// The socket may have bytes for us.
    pub(crate) readable: bool,
    /// The peer has sent all it will send; a short read does not mean that nothing is left.
    pub(crate) read_closed: bool,
    /// It lies in the list of connections to be served.
    pub(crate) listed: bool,
}

/// What is spoken on a connection.
#[derive(Debug)]
pub(crate) enum Speech {
    /// Nothing has been said yet.
    Unknown,
    /// HTTP/1.1: one request at a time, of which the connection knows.
    Http,
    /// The native protocol: many at a time, of which the session knows.
    Native(Box<Session>),
}

/// What the connection is about, if it speaks HTTP.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Between requests, or within a head.
    Reading,
    /// The head is routed, the body is coming.
    Ordered(Box<(Routed, ReplyContext)>),
    /// The body waits for memory, unread.
    Paused(Box<Paused>),
    /// The engine or the journal owes the answer.
    Waiting(Box<ReplyContext>),
    /// The events of a task are followed.
    Following(Box<Follower>),
    /// The answer is on its way out.
    Answering(After),
    /// Everything is said; what still comes in is thrown away until the peer closes.
    Lingering,
}

/// A request whose body waits for memory.
#[derive(Debug)]
pub(crate) struct Paused {
    pub(crate) ordered: Box<(Routed, ReplyContext)>,
    /// Its sender waits to be asked for the body.
    pub(crate) expects: bool,
}

/// What a read found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// This many bytes.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// The end.
    End,
}

impl Connection {
    /// Whether the connection takes in bytes now: over HTTP one request is in progress at a time.
    pub(crate) fn takes_input(&self) -> bool {
        match &self.speech {
            Speech::Unknown | Speech::Http => {
                matches!(self.stage, Stage::Reading | Stage::Ordered(_) | Stage::Lingering)
            }
            Speech::Native(session) => session.takes_input(&self.output),
        }
    }

    /// The session, if the native protocol is spoken.
    pub(crate) fn session(&mut self) -> Option<&mut Session> {
        match &mut self.speech {
            Speech::Unknown | Speech::Http => None,
            Speech::Native(session) => Some(session),
        }
    }

    /// Reads once into `buffer`.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Found> {
        let found = read_once(&mut self.stream, buffer);
        self.note_found(&found, buffer.len());
        found
    }

    /// Reads once, straight into the body under way; `None` if that is not the way for it.
    pub(crate) fn read_body(&mut self, pool: &SegmentPool) -> Option<io::Result<Found>> {
        let room = match &mut self.speech {
            Speech::Native(session) => session.spare(pool)?,
            Speech::Unknown | Speech::Http => match self.stage {
                Stage::Ordered(_) => self.deframer.spare(pool)?,
                _ => return None,
            },
        };
        let wanted = room.len();
        let found = read_once(&mut self.stream, room);
        self.note_found(&found, wanted);
        Some(found)
    }

    /// A short read has emptied the socket (epoll(7)), unless its end lies behind.
    fn note_found(&mut self, found: &io::Result<Found>, wanted: usize) {
        match found {
            Ok(Found::Bytes(count)) => self.readable = *count == wanted || self.read_closed,
            Ok(Found::Nothing) => self.readable = false,
            Ok(Found::End) | Err(_) => {}
        }
    }
}

fn read_once(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<Found> {
    loop {
        match stream.read(buffer) {
            Ok(0) => return Ok(Found::End),
            Ok(count) => return Ok(Found::Bytes(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Found::Nothing),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
