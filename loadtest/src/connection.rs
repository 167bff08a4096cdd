//! One keep-alive connection with one request in progress. It never waits, and it allocates only
//! when an answer is larger than any before it.

use crate::head::{Framing, Malformed, Persistence};
use crate::response::{Response, read_head};
use crate::source::Source;
use mio::net::TcpStream;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

/// Room for an answer to start with; a larger one makes the buffer grow.
const INPUT_BYTES: usize = 4 * 1024;

/// Why a connection is of no more use.
#[derive(Debug)]
pub enum Broken {
    /// The server closed it.
    Closed,
    /// The system reports an error.
    Io(std::io::Error),
    /// The server says something that is not an answer.
    Malformed(Malformed),
    /// The server says more than it was asked.
    Surplus,
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => out.write_str("closed by the server"),
            Self::Io(error) => error.fmt(out),
            Self::Malformed(why) => why.fmt(out),
            Self::Surplus => out.write_str("bytes beyond the answer"),
        }
    }
}

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Not all of it; wait for the next readiness.
    Part,
    /// All of it: see [`Connection::response`].
    Whole,
}

/// A connection to the server under load.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    filled: usize,
    head: Option<(u16, Framing)>,
    unsent: Vec<u8>,
}

impl Connection {
    /// Connects, waiting until the server's kernel has answered.
    pub fn open(target: SocketAddr) -> std::io::Result<Self> {
        let stream = std::net::TcpStream::connect(target)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self::over(TcpStream::from_std(stream)))
    }

    /// Connects without waiting: what is sent meanwhile goes with [`Connection::flush`], and a
    /// server that is not there is told by the first use.
    pub fn begin(target: SocketAddr, source: &mut Source) -> std::io::Result<Self> {
        let stream = source.connect(target)?;
        stream.set_nodelay(true)?;
        Ok(Self::over(TcpStream::from_std(stream)))
    }

    fn over(stream: TcpStream) -> Self {
        let input = vec![0; INPUT_BYTES];
        Self { stream, input, filled: 0, head: None, unsent: Vec::new() }
    }

    /// The socket, to register it with a poll.
    pub fn source(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Sends a request. What the kernel does not take now is kept until [`Connection::flush`].
    pub fn send(&mut self, request: &[u8]) -> Result<(), Broken> {
        debug_assert!(self.unsent.is_empty(), "one request at a time");
        let sent = self.write(request)?;
        self.unsent.extend_from_slice(&request[sent..]);
        Ok(())
    }

    /// Goes on with what [`Connection::send`] could not send.
    pub fn flush(&mut self) -> Result<(), Broken> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        let unsent = std::mem::take(&mut self.unsent);
        let sent = self.write(&unsent)?;
        self.unsent.extend_from_slice(&unsent[sent..]);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        let mut sent = 0;
        while sent < bytes.len() {
            match self.stream.write(&bytes[sent..]) {
                Ok(more) => sent += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(sent)
    }

    /// Reads what has come. A read that does not fill the buffer has emptied the socket, so an
    /// answer usually costs one read.
    pub fn receive(&mut self) -> Result<Received, Broken> {
        loop {
            let room = self.input.len() - self.filled;
            match self.stream.read(&mut self.input[self.filled..]) {
                Ok(0) => return Err(Broken::Closed),
                Ok(more) => {
                    self.filled += more;
                    if self.is_whole()? {
                        return Ok(Received::Whole);
                    }
                    if more < room {
                        return Ok(Received::Part);
                    }
                    self.grow();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Received::Part),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn is_whole(&mut self) -> Result<bool, Broken> {
        if self.head.is_none() {
            self.head = read_head(&self.input[..self.filled]).map_err(Broken::Malformed)?;
        }
        let Some((_, framing)) = self.head else { return Ok(false) };
        if self.filled > framing.whole_bytes() {
            return Err(Broken::Surplus);
        }
        Ok(self.filled == framing.whole_bytes())
    }

    fn grow(&mut self) {
        // One byte more than the answer, so that its end is seen by a read that does not fill.
        let known = self.head.map_or(0, |(_, framing)| framing.whole_bytes() + 1);
        self.input.resize(known.max(self.input.len() * 2), 0);
    }

    /// The answer, once [`Received::Whole`].
    pub fn response(&self) -> Option<Response<'_>> {
        let (status, framing) = self.head?;
        let (head, body) = self.input[..self.filled].split_at_checked(framing.head_bytes)?;
        Some(Response { status, head, body })
    }

    /// Makes room for the next answer and says whether there can be one.
    pub fn forget_response(&mut self) -> Persistence {
        self.filled = 0;
        self.head.take().map_or(Persistence::Kept, |(_, framing)| framing.persistence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream as Plain};

    fn pair() -> (Connection, Plain) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connection = Connection::open(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nodelay(true).unwrap();
        (connection, server)
    }

    /// Reads until something other than "not yet" comes of it.
    fn receive(connection: &mut Connection) -> Result<Received, Broken> {
        loop {
            match connection.receive() {
                Ok(Received::Part) => std::thread::yield_now(),
                other => return other,
            }
        }
    }

    #[test]
    fn an_answer_that_comes_byte_by_byte_is_put_together() {
        let (mut connection, mut server) = pair();
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no" {
            server.write_all(&[*byte]).unwrap();
            assert_eq!(connection.receive().unwrap(), Received::Part);
        }
        server.write_all(b"k").unwrap();
        assert_eq!(receive(&mut connection).unwrap(), Received::Whole);
        let response = connection.response().unwrap();
        assert_eq!((response.status, response.body), (200, &b"ok"[..]));
    }

    #[test]
    fn an_answer_larger_than_the_buffer_is_whole_and_the_next_one_too() {
        let (mut connection, mut server) = pair();
        for length in [3 * INPUT_BYTES, 1] {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            server.write_all(head.as_bytes()).unwrap();
            server.write_all(&vec![b'x'; length]).unwrap();
            assert_eq!(receive(&mut connection).unwrap(), Received::Whole);
            assert_eq!(connection.response().unwrap().body.len(), length);
            assert_eq!(connection.forget_response(), Persistence::Kept);
        }
    }

    #[test]
    fn bytes_beyond_the_answer_break_the_connection() {
        let (mut connection, mut server) = pair();
        server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1").unwrap();
        assert!(matches!(receive(&mut connection), Err(Broken::Surplus)));
    }

    #[test]
    fn a_close_within_an_answer_is_told() {
        let (mut connection, mut server) = pair();
        server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").unwrap();
        drop(server);
        assert!(matches!(receive(&mut connection), Err(Broken::Closed)));
    }
}
