//! One connection of a floor with an event loop: bytes in, bodies out, answers in, bytes out. It
//! reads once a readiness and writes once a turn.

use crate::head::{self, Malformed};
use mio::net::TcpStream;
use std::io::{ErrorKind, Read, Write};

const INPUT_BYTES: usize = 16 * 1024;

/// Whether a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Liveness {
    Open,
    Closed,
}

#[derive(Debug)]
pub(super) struct Client {
    stream: TcpStream,
    /// Tells this client from an earlier one in the same place.
    birth: u64,
    input: Vec<u8>,
    /// What of `input` is filled and not yet taken.
    start: usize,
    end: usize,
    output: Vec<u8>,
    /// Whether it was answered since that was last looked at.
    has_asked: bool,
}

impl Client {
    pub(super) fn new(stream: TcpStream, birth: u64) -> Self {
        let input = vec![0; INPUT_BYTES];
        Self { stream, birth, input, start: 0, end: 0, output: Vec::new(), has_asked: false }
    }

    pub(super) fn birth(&self) -> u64 {
        self.birth
    }

    /// Reads until the socket is empty. A read that does not fill the room has emptied it.
    pub(super) fn fill(&mut self) -> Liveness {
        loop {
            self.make_room();
            let room = self.input.len() - self.end;
            match self.stream.read(&mut self.input[self.end..]) {
                Ok(0) => return Liveness::Closed,
                Ok(more) => {
                    self.end += more;
                    if more < room {
                        return Liveness::Open;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Liveness::Open,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Liveness::Closed,
            }
        }
    }

    fn make_room(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.input.len() {
            self.input.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.end == self.input.len() {
                self.input.resize(self.input.len() * 2, 0);
            }
        }
    }

    /// Takes the body of the next whole request into `body`, and says what `first_line` makes of
    /// its first line; `None` if there is no whole request.
    pub(super) fn take_body<T>(
        &mut self,
        body: &mut Vec<u8>,
        first_line: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        let waiting = &self.input[self.start..self.end];
        if waiting.is_empty() {
            return Ok(None);
        }
        let Some((first, framing)) = head::read(waiting, first_line)? else { return Ok(None) };
        let Some(whole) = waiting.get(framing.head_bytes..framing.whole_bytes()) else {
            return Ok(None);
        };
        body.extend_from_slice(whole);
        self.start += framing.whole_bytes();
        Ok(Some(first))
    }

    /// Whether it was answered since this was last asked.
    pub(super) fn has_asked(&mut self) -> bool {
        std::mem::take(&mut self.has_asked)
    }

    /// Queues an answer.
    pub(super) fn answer(&mut self, body: &[u8]) {
        self.has_asked = true;
        self.output.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: ");
        write_number(&mut self.output, body.len());
        self.output.extend_from_slice(b"\r\n\r\n");
        self.output.extend_from_slice(body);
    }

    /// Writes what is queued, as far as the socket takes it.
    pub(super) fn flush(&mut self) -> Liveness {
        let mut written = 0;
        while written < self.output.len() {
            match self.stream.write(&self.output[written..]) {
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Liveness::Closed,
            }
        }
        self.output.drain(..written);
        Liveness::Open
    }
}

fn write_number(out: &mut Vec<u8>, mut number: usize) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
