//! A native connection that is waited for: some requests go out together, and all their answers
//! are read, in whatever order they come.

use super::answer::Answer;
use anyhow::bail;
use overtime_protocol::native::{Deframer, Hello, Limits, Reply, Request, Step, write};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const INPUT_BYTES: usize = 64 * 1024;

/// A connection.
#[derive(Debug)]
pub(super) struct NativeCaller {
    stream: TcpStream,
    deframer: Deframer<Reply>,
    input: Vec<u8>,
    /// The id of the next request.
    next: u32,
    /// The id and the head of the answer whose payload comes next.
    head: Option<(u32, Reply)>,
}

impl NativeCaller {
    /// Connects and says hello; the welcome is read with the first answers.
    pub(super) fn open(address: SocketAddr, patience: Duration) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        let mut hello = Vec::new();
        write(0, &Request::Hello(Hello::from("drill")), 0, &mut hello)?;
        stream.write_all(&hello)?;
        let (deframer, input) = (Deframer::new(), vec![0; INPUT_BYTES]);
        Ok(Self { stream, deframer, input, next: 1, head: None })
    }

    /// Sends requests with their payloads, and returns the id of the first; the others count on.
    pub(super) fn send(&mut self, requests: &[(Request, &[u8])]) -> anyhow::Result<u32> {
        let (first, mut frames) = (self.next, Vec::new());
        for (request, payload) in requests {
            write(self.next, request, payload.len() as u64, &mut frames)?;
            frames.extend_from_slice(payload);
            self.next = self.next.checked_add(1).unwrap_or(1);
        }
        self.stream.write_all(&frames)?;
        Ok(first)
    }

    /// Reads `count` answers into `answers`, by their ids. An error is the end of the connection;
    /// what was answered before stays answered.
    pub(super) fn receive(
        &mut self,
        count: usize,
        answers: &mut HashMap<u32, Answer>,
    ) -> anyhow::Result<()> {
        let wanted = answers.len() + count;
        while answers.len() < wanted {
            let read = self.stream.read(&mut self.input)?;
            if read == 0 {
                bail!("the connection was closed before the answer");
            }
            self.take(read, answers)?;
        }
        Ok(())
    }

    fn take(&mut self, read: usize, answers: &mut HashMap<u32, Answer>) -> anyhow::Result<()> {
        let mut rest = &self.input[..read];
        loop {
            let (used, step) = self.deframer.advance(rest, &Limits::default());
            rest = &rest[used..];
            match step {
                Ok(Step::More) => return Ok(()),
                Ok(Step::Head(frame)) => match frame.message {
                    Reply::Welcome(_) | Reply::Pong => {}
                    Reply::Goodbye(goodbye) => bail!("the server says goodbye: {}", goodbye.code),
                    message => self.head = Some((frame.id, message)),
                },
                Ok(Step::Payload(body)) => match self.head.take() {
                    Some((id, Reply::Answered(answered))) => {
                        answers.insert(id, Answer::of_answered(&answered, &body));
                    }
                    Some((id, Reply::Failed(failed))) => {
                        answers.insert(id, Answer::of_failed(&failed, &body));
                    }
                    other => bail!("a payload that belongs to no answer: {other:?}"),
                },
                Ok(Step::Refused(_, problem)) | Err(problem) => bail!("{}", problem.detail),
            }
        }
    }
}
