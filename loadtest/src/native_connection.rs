//! One native connection with many requests in flight, answered in any order. Once it is open it
//! never waits, and it sends what has gathered in one write.

use crate::connection::Broken;
use anyhow::{Context, bail};
use mio::net::TcpStream;
use overtime_protocol::native::{Deframer, Hello, Limits, Reply, Request, Step, write};
use std::io::{Error, ErrorKind, Read, Write};
use std::net::SocketAddr;

const INPUT_BYTES: usize = 64 * 1024;

/// One answer.
#[derive(Clone, Copy, Debug)]
pub struct NativeAnswer<'a> {
    /// The request's id.
    pub id: u32,
    /// As HTTP would say.
    pub status: u16,
    /// The payload.
    pub body: &'a [u8],
}

/// A connection to the server under load.
#[derive(Debug)]
pub struct NativeConnection {
    stream: TcpStream,
    incoming: Incoming,
    input: Box<[u8]>,
    unsent: Vec<u8>,
}

/// What has come of the server's frames.
#[derive(Debug)]
struct Incoming {
    deframer: Deframer<Reply>,
    /// The id and status of the answer whose payload comes next.
    head: Option<(u32, u16)>,
}

impl NativeConnection {
    /// Connects, and waits until the server has welcomed us.
    pub fn open(target: SocketAddr) -> anyhow::Result<Self> {
        let mut stream = std::net::TcpStream::connect(target)
            .with_context(|| format!("cannot connect to {target}"))?;
        stream.set_nodelay(true)?;
        let mut hello = Vec::new();
        write(0, &Request::Hello(Hello::from("loadtest")), 0, &mut hello)?;
        stream.write_all(&hello)?;
        let mut deframer = Deframer::new();
        await_welcome(&mut stream, &mut deframer)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            incoming: Incoming { deframer, head: None },
            input: vec![0; INPUT_BYTES].into(),
            unsent: Vec::new(),
        })
    }

    /// The socket, to register it with a poll.
    pub fn source(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Where the next frames are put, to be sent by [`NativeConnection::flush`].
    pub fn unsent(&mut self) -> &mut Vec<u8> {
        &mut self.unsent
    }

    /// Sends what has gathered, as far as the kernel takes it.
    pub fn flush(&mut self) -> Result<(), Broken> {
        let mut sent = 0;
        while sent < self.unsent.len() {
            match self.stream.write(&self.unsent[sent..]) {
                Ok(more) => sent += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.unsent.drain(..sent);
        Ok(())
    }

    /// Reads what has come, and shows each answer that is whole.
    pub fn receive(&mut self, mut show: impl FnMut(NativeAnswer<'_>)) -> Result<(), Broken> {
        loop {
            match self.stream.read(&mut self.input) {
                Ok(0) => return Err(Broken::Closed),
                Ok(count) => {
                    self.incoming.take(&self.input[..count], &mut show)?;
                    if count < self.input.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Incoming {
    fn take(
        &mut self,
        mut input: &[u8],
        show: &mut impl FnMut(NativeAnswer<'_>),
    ) -> Result<(), Broken> {
        loop {
            let (used, step) = self.deframer.advance(input, &Limits::default());
            input = &input[used..];
            match step {
                Ok(Step::More) => return Ok(()),
                Ok(Step::Head(frame)) => match frame.message {
                    Reply::Answered(answered) => self.head = Some((frame.id, answered.status)),
                    Reply::Failed(failed) => self.head = Some((frame.id, failed.status)),
                    Reply::Pong => {}
                    Reply::Welcome(_) | Reply::HelloRefused(_) | Reply::Goodbye(_) => {
                        return Err(Broken::Closed);
                    }
                },
                Ok(Step::Payload(body)) => {
                    let Some((id, status)) = self.head.take() else {
                        return Err(Broken::Surplus);
                    };
                    show(NativeAnswer { id, status, body: &body });
                }
                Ok(Step::Refused(_, problem)) | Err(problem) => {
                    return Err(Error::new(ErrorKind::InvalidData, &*problem.detail).into());
                }
            }
        }
    }
}

/// The welcome is all that may come before something is asked.
fn await_welcome(
    stream: &mut std::net::TcpStream,
    deframer: &mut Deframer<Reply>,
) -> anyhow::Result<()> {
    let mut byte = [0];
    loop {
        if stream.read(&mut byte)? == 0 {
            bail!("the server does not speak the native protocol");
        }
        match deframer.advance(&byte, &Limits::default()).1 {
            Ok(Step::More) => {}
            Ok(Step::Head(frame)) if matches!(frame.message, Reply::Welcome(_)) => return Ok(()),
            Ok(other) => bail!("the server does not welcome us: {other:?}"),
            Err(problem) => bail!("the server does not welcome us: {}", problem.detail),
        }
    }
}
