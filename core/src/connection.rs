//! One connection: a socket, its deframer, and at most one request in progress. Bytes behind that
//! request stay unread until it is answered.

use crate::exchange::Order;
use crate::output::Output;
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
    /// The socket may have bytes for us.
    pub(crate) readable: bool,
    /// The peer has sent all it will send; a short read does not mean that nothing is left.
    pub(crate) read_closed: bool,
    /// It lies in the list of connections to be served.
    pub(crate) listed: bool,
}

/// What the connection is about.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Between requests, or within a head.
    Reading,
    /// The head is routed, the body is coming.
    Ordered(Box<(Order, ReplyContext)>),
    /// The body waits for memory, unread.
    Paused(Box<Paused>),
    /// The engine or the journal owes the answer.
    Waiting(Box<ReplyContext>),
    /// The answer is on its way out.
    Answering(After),
    /// Everything is said; what still comes in is thrown away until the peer closes.
    Lingering,
}

/// A request whose body waits for memory.
#[derive(Debug)]
pub(crate) struct Paused {
    pub(crate) ordered: Box<(Order, ReplyContext)>,
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
    /// Whether the connection takes in bytes now: one request is in progress at a time.
    pub(crate) fn takes_input(&self) -> bool {
        matches!(self.stage, Stage::Reading | Stage::Ordered(_) | Stage::Lingering)
    }

    /// Reads once into `buffer`.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Found> {
        let found = read_once(&mut self.stream, buffer);
        self.note_found(&found, buffer.len());
        found
    }

    /// Reads once, straight into the body under way; `None` if that is not the way for it.
    pub(crate) fn read_body(&mut self, pool: &SegmentPool) -> Option<io::Result<Found>> {
        let is_coming = matches!(self.stage, Stage::Ordered(_));
        let room = is_coming.then(|| self.deframer.spare(pool))??;
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
