//! The listening socket. Out of descriptors it tries again when somebody else comes, a connection
//! closes, or a while has passed, because others of the process use descriptors too. The kernel's
//! queue holds the rest. It never decides whom there is a place for.

use crate::limits::{ACCEPT_RETRY, ARRIVALS_MAX};
use mio::net::{TcpListener, TcpStream};
use overtime_protocol::Monotonic;
use std::io;
use std::net::SocketAddr;

/// The listening socket and whether somebody may be waiting at it.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    /// The poll tells of each arrival once: this stays until nobody is left.
    waiting: bool,
    /// No descriptor was left; nothing is tried before then.
    retry_at: Option<Monotonic>,
    /// Times that no descriptor was left.
    pub(crate) postponed: u64,
}

impl Listener {
    /// Listens at `address`. The kernel holds whoever comes before the core runs.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address)?;
        // It listens with 128, and more than that may come in one turn that was preempted.
        rustix::net::listen(&socket, ARRIVALS_MAX)?;
        Ok(Self { socket, waiting: true, retry_at: None, postponed: 0 })
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
        self.retry_at = None;
    }

    /// A connection has closed: its descriptor can be used again.
    pub(crate) fn make_room(&mut self) {
        self.retry_at = None;
    }

    /// Whether somebody may be waiting that could be let in now.
    pub(crate) fn has_more(&self, now: Monotonic) -> bool {
        self.waiting && self.retry_at.is_none_or(|at| at <= now)
    }

    /// When somebody who is waiting is to be tried again.
    pub(crate) fn next_try(&self) -> Option<Monotonic> {
        self.retry_at.filter(|_| self.waiting)
    }

    /// The next one that waits, if the system hands it over.
    pub(crate) fn accept(&mut self, now: Monotonic) -> Option<TcpStream> {
        self.retry_at = None;
        let accepted = self.socket.accept().map_err(|error| self.judge(&error, now));
        accepted.ok().map(|(stream, _)| stream)
    }

    fn judge(&mut self, error: &io::Error, now: Monotonic) {
        match error.kind() {
            io::ErrorKind::WouldBlock => self.waiting = false,
            // The peer gave up between its arrival and our accept.
            io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
            _ => {
                self.postponed += 1;
                self.retry_at = Some(now + ACCEPT_RETRY);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EMFILE.
    fn no_descriptor() -> io::Error {
        io::Error::from_raw_os_error(24)
    }

    fn listener() -> Listener {
        Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap()
    }

    #[test]
    fn without_a_descriptor_it_tries_again_after_a_while_and_not_before() {
        let (mut listener, now) = (listener(), Monotonic(1));
        listener.judge(&no_descriptor(), now);
        let at = listener.next_try().unwrap();
        assert_eq!(at, now + ACCEPT_RETRY);
        assert!(!listener.has_more(Monotonic(at.0 - 1)) && listener.has_more(at));
        assert!(listener.accept(at).is_none());
        assert!(!listener.has_more(at), "nobody was there");
    }

    #[test]
    fn without_a_descriptor_an_arrival_and_a_leave_are_worth_a_try() {
        for cause in [Listener::announce, Listener::make_room] {
            let (mut listener, now) = (listener(), Monotonic(1));
            listener.judge(&no_descriptor(), now);
            assert!(!listener.has_more(now));
            cause(&mut listener);
            assert!(listener.has_more(now));
            assert_eq!(listener.next_try(), None);
        }
    }
}
