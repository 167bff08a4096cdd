//! A connection to a service, as the HTTP client uses it: bytes out, bytes in, each by a deadline. It
//! makes as few system calls as it can, because with a service nearby those are what a call costs:
//! a head is held back until its body is there, and timeouts are set only when they really change.

use rustix::net::RecvFlags;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use ureq::Error;
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};

/// What is no longer than this waits for what comes behind it.
const HELD_MAX_BYTES: usize = 4 * 1024;

/// A timeout that is set may be so much longer than the one that is wanted: an eighth.
const SLACK: u32 = 8;

/// A connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    buffers: LazyBuffers,
    /// What was sent and is not written yet.
    held: Vec<u8>,
    /// Whether the other side takes nothing any more. It may have answered all the same.
    is_deaf: bool,
    read_timeout: Timeout,
    write_timeout: Timeout,
}

/// What the socket was told last.
#[derive(Debug, Default)]
struct Timeout(Option<Duration>);

impl Wire {
    pub(super) fn new(stream: TcpStream, buffers: LazyBuffers) -> Self {
        Self {
            stream,
            buffers,
            held: Vec::new(),
            is_deaf: false,
            read_timeout: Timeout::default(),
            write_timeout: Timeout::default(),
        }
    }

    /// Writes what is held back and so much of the output.
    fn write(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let limit = Limit::of(timeout);
        let output = &self.buffers.output()[..amount];
        let mut slices = [IoSlice::new(&self.held), IoSlice::new(output)];
        let mut left = &mut slices[..];
        let mut to_write = self.held.len() + amount;
        while to_write > 0 && !self.is_deaf {
            let span = limit.left()?;
            self.write_timeout.set(span, |span| self.stream.set_write_timeout(span))?;
            match (&self.stream).write_vectored(left) {
                Ok(0) => self.is_deaf = true,
                Ok(written) => {
                    to_write -= written;
                    IoSlice::advance_slices(&mut left, written);
                }
                // Who refuses a body without reading it to its end has answered already.
                Err(error) if is_gone(&error) => self.is_deaf = true,
                Err(error) if is_interruption(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.held.clear();
        Ok(())
    }
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.held.is_empty() && amount <= HELD_MAX_BYTES {
            self.held.extend_from_slice(&self.buffers.output()[..amount]);
            return Ok(());
        }
        self.write(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.write(0, timeout)?;
        let limit = Limit::of(timeout);
        loop {
            let span = limit.left()?;
            self.read_timeout.set(span, |span| self.stream.set_read_timeout(span))?;
            match (&self.stream).read(self.buffers.input_append_buf()) {
                Ok(amount) => {
                    self.buffers.input_appended(amount);
                    return Ok(amount > 0);
                }
                Err(error) if is_interruption(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether it may be used for another request: nothing has come that was not asked for, not even
    /// the end.
    fn is_open(&mut self) -> bool {
        let looked = rustix::net::recv(
            &self.stream,
            &mut [0_u8; 1][..],
            RecvFlags::PEEK | RecvFlags::DONTWAIT,
        );
        !self.is_deaf && self.held.is_empty() && looked.err() == Some(rustix::io::Errno::AGAIN)
    }
}

impl Timeout {
    /// Has the socket told that it may take `span`, or a little longer.
    fn set(
        &mut self,
        span: Option<Duration>,
        tell: impl Fn(Option<Duration>) -> io::Result<()>,
    ) -> io::Result<()> {
        let is_near = match (self.0, span) {
            (Some(told), Some(span)) => told >= span && told - span <= span / SLACK,
            (told, span) => told == span,
        };
        if !is_near {
            tell(span)?;
            self.0 = span;
        }
        Ok(())
    }
}

/// Until when something may take, and what is said if it takes longer.
struct Limit {
    until: Option<Instant>,
    reason: ureq::Timeout,
}

impl Limit {
    fn of(timeout: NextTimeout) -> Self {
        let until = timeout.not_zero().and_then(|span| Instant::now().checked_add(*span));
        Self { until, reason: timeout.reason }
    }

    /// How long it may take now; `None` for ever.
    fn left(&self) -> Result<Option<Duration>, Error> {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(Error::Timeout(self.reason));
        }
        Ok(left)
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

/// Whether it is to be tried again if there is time left: a timeout of the socket is one of those.
fn is_interruption(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
