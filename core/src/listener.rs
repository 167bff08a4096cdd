//! The listening socket. At the limit of connections, or out of descriptors, it accepts no more
//! until a connection has closed; the kernel's queue holds the rest.

use crate::limits::ACCEPTS_PER_TURN;
use mio::net::{TcpListener, TcpStream};
use std::io;
use std::net::SocketAddr;

/// The listening socket and whether somebody may be waiting at it.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    waiting: bool,
    out_of_descriptors: bool,
}

impl Listener {
    /// Listens at `address`. The kernel holds whoever comes before the core runs.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address)?;
        Ok(Self { socket, waiting: true, out_of_descriptors: false })
    }

    /// Where it listens, with the port that was chosen if port 0 was asked for.
    ///
    /// # Errors
    /// If the system cannot say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(crate) fn socket(&mut self) -> &mut TcpListener {
        &mut self.socket
    }

    /// Somebody has come.
    pub(crate) fn announce(&mut self) {
        self.waiting = true;
    }

    /// A connection has closed: its descriptor can be used again.
    pub(crate) fn make_room(&mut self) {
        self.out_of_descriptors = false;
    }

    /// Whether somebody may be waiting that could be let in.
    pub(crate) fn has_more(&self, room: usize) -> bool {
        self.waiting && room > 0 && !self.out_of_descriptors
    }

    /// Lets in at most `room`, and at most a turn's share.
    pub(crate) fn accept(&mut self, room: usize, mut admit: impl FnMut(TcpStream)) {
        for _ in 0..room.min(ACCEPTS_PER_TURN) {
            if !self.has_more(1) {
                return;
            }
            match self.socket.accept() {
                Ok((stream, _)) => admit(stream),
                Err(error) => self.judge(&error),
            }
        }
    }

    fn judge(&mut self, error: &io::Error) {
        match error.kind() {
            io::ErrorKind::WouldBlock => self.waiting = false,
            // The peer gave up between its arrival and our accept.
            io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
            _ => self.out_of_descriptors = true,
        }
    }
}
