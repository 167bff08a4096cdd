//! Where calls come from: each connection has a loopback address and a port that no other had for
//! long. Left to itself, the system gives all of them the same address and searches for a port among
//! thousands that are taken, and the generator is late for that.

use crate::random::Random;
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_reuseaddr;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

/// Within those that Linux gives to callers.
const PORTS: u64 = 20_000;
const FIRST_PORT: u64 = 34_000;
/// Addresses from 127.0.1.1 on.
const ADDRESSES: u64 = 200;
/// Ports that may be taken in a row before something else is wrong.
const TRIED_MAX: usize = 1_000;

/// Gives out addresses, in turn.
#[derive(Debug)]
pub struct Source {
    next: u64,
}

impl Source {
    /// Begins anywhere, so that two runs after each other do not meet.
    pub fn new() -> Self {
        Self { next: Random::fresh().below(PORTS * ADDRESSES) }
    }

    /// Begins to connect to `target`, without waiting.
    pub fn connect(&mut self, target: SocketAddr) -> std::io::Result<TcpStream> {
        let IpAddr::V4(_) = target.ip() else { return Err(Errno::AFNOSUPPORT.into()) };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        for _ in 0..TRIED_MAX {
            let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
            set_socket_reuseaddr(&socket, true)?;
            match bind(&socket, &self.take()).and_then(|()| connect(&socket, &target)) {
                Ok(()) | Err(Errno::INPROGRESS) => return Ok(socket.into()),
                Err(Errno::ADDRINUSE | Errno::ADDRNOTAVAIL) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::ADDRNOTAVAIL.into())
    }

    fn take(&mut self) -> SocketAddr {
        let (address, port) = (self.next % ADDRESSES, self.next / ADDRESSES % PORTS);
        self.next += 1;
        let address = Ipv4Addr::new(127, 0, 1, (address + 1) as u8);
        SocketAddr::from((address, (FIRST_PORT + port) as u16))
    }
}

impl Default for Source {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::net::TcpListener;

    #[test]
    fn connections_come_from_many_places() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap();
        let mut source = Source::new();
        let streams: Vec<_> = (0..20).map(|_| source.connect(target).unwrap()).collect();
        let accepted = streams.iter().map(|_| listener.accept().unwrap().1);
        let places: BTreeSet<IpAddr> = accepted.map(|peer| peer.ip()).collect();
        assert_eq!(places.len(), 20);
    }

    #[test]
    fn all_that_is_given_out_is_loopback_and_a_port() {
        let mut source = Source { next: PORTS * ADDRESSES - 1 };
        for _ in 0..2 {
            let place = source.take();
            assert!(place.ip().is_loopback() && place.port() >= FIRST_PORT as u16, "{place}");
        }
    }
}
