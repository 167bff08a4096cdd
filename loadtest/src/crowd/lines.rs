//! The connections of a crowd: whoever calls takes the one that was used last, or opens another
//! while there are not too many. They never outnumber their bound.

use crate::connection::{Broken, Connection};
use crate::source::Source;
use mio::{Interest, Registry, Token};
use std::net::SocketAddr;
use std::time::Instant;

/// All connections to one server.
#[derive(Debug)]
pub(super) struct Lines {
    target: SocketAddr,
    source: Source,
    most: usize,
    lines: Vec<Option<Line>>,
    /// Places without a connection.
    vacant: Vec<usize>,
    /// Places that had an idle connection of that birth, the one used last at the end.
    idle: Vec<(usize, u64)>,
    births: u64,
}

/// One connection, and the call on it.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) connection: Connection,
    pub(super) busy: Option<Busy>,
    /// Tells it from an earlier one in the same place.
    birth: u64,
}

/// A call in progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Busy {
    pub(super) client: usize,
    /// Tells it from all other calls.
    pub(super) call: u64,
    pub(super) sent_at: Instant,
}

impl Lines {
    pub(super) fn new(target: SocketAddr, most: usize) -> Self {
        let (lines, vacant, idle) = (Vec::new(), Vec::new(), Vec::new());
        Self { target, source: Source::new(), most, lines, vacant, idle, births: 0 }
    }

    /// The place of a connection on which nothing is in progress; none if there are too many.
    pub(super) fn take(&mut self, registry: &Registry) -> std::io::Result<Option<usize>> {
        while let Some((slot, birth)) = self.idle.pop() {
            if self.lines[slot].as_ref().is_some_and(|line| line.birth == birth) {
                return Ok(Some(slot));
            }
        }
        if self.lines.len() - self.vacant.len() >= self.most {
            return Ok(None);
        }
        self.open(registry).map(Some)
    }

    fn open(&mut self, registry: &Registry) -> std::io::Result<usize> {
        let mut connection = Connection::begin(self.target, &mut self.source)?;
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.lines.push(None);
            self.lines.len() - 1
        });
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = registry.register(connection.source(), Token(slot), interest) {
            self.vacant.push(slot);
            return Err(error);
        }
        self.births += 1;
        self.lines[slot] = Some(Line { connection, busy: None, birth: self.births });
        Ok(slot)
    }

    /// The connection in that place, if there still is one.
    pub(super) fn get(&mut self, slot: usize) -> Option<&mut Line> {
        self.lines.get_mut(slot)?.as_mut()
    }

    /// The call in that place.
    pub(super) fn busy(&self, slot: usize) -> Option<Busy> {
        self.lines.get(slot)?.as_ref()?.busy
    }

    /// Sends a request on the connection in that place.
    pub(super) fn send(&mut self, slot: usize, busy: Busy, request: &[u8]) -> Result<(), Broken> {
        let Some(line) = self.get(slot) else { return Err(Broken::Closed) };
        line.busy = Some(busy);
        line.connection.send(request)
    }

    /// Nothing is in progress there any more.
    pub(super) fn give_back(&mut self, slot: usize) {
        if let Some(line) = self.get(slot) {
            line.busy = None;
            let birth = line.birth;
            self.idle.push((slot, birth));
        }
    }

    /// Closes the connection in that place.
    pub(super) fn close(&mut self, slot: usize) {
        if self.lines[slot].take().is_some() {
            self.vacant.push(slot);
        }
    }
}
