//! One connection to a scripted upstream: bytes in, a request at a time, an answer out. What comes
//! behind a request that is not answered yet stays where it is.

use super::ledger::CallNumber;
use crate::head::{self, Malformed, Persistence};
use mio::net::TcpStream;
use std::io::{ErrorKind, Read, Write};

/// Whether a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Liveness {
    Open,
    Closed,
}

/// A request that is here as a whole.
#[derive(Debug)]
pub(super) enum Request {
    /// Somebody asks for the numbers.
    Told,
    /// Somebody wants something done.
    Work { key: Option<String>, body: Vec<u8> },
}

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) stream: TcpStream,
    /// Tells this one from others that had its place.
    pub(super) birth: u64,
    /// The call that is under way.
    pub(super) call: Option<CallNumber>,
    input: Vec<u8>,
    persistence: Persistence,
}

impl Peer {
    pub(super) fn new(stream: TcpStream, birth: u64) -> Self {
        let (input, persistence) = (Vec::new(), Persistence::Kept);
        Self { stream, birth, call: None, input, persistence }
    }

    /// Reads what is there.
    pub(super) fn fill(&mut self, scratch: &mut [u8]) -> Liveness {
        loop {
            match self.stream.read(scratch) {
                Ok(0) => return Liveness::Closed,
                Ok(bytes) => self.input.extend_from_slice(&scratch[..bytes]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Liveness::Open,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Liveness::Closed,
            }
        }
    }

    /// Takes the next request out, if it is here as a whole and none is under way.
    pub(super) fn next(&mut self) -> Result<Option<Request>, Malformed> {
        if self.call.is_some() || self.input.is_empty() {
            return Ok(None);
        }
        let Some((is_told, framing)) = head::read(&self.input, is_told)? else { return Ok(None) };
        let Some(body) = self.input.get(framing.head_bytes..framing.whole_bytes()) else {
            return Ok(None);
        };
        let request = if is_told {
            Request::Told
        } else {
            let key = head::header(&self.input[..framing.head_bytes], "idempotency-key");
            Request::Work { key: key.map(unquoted), body: body.to_vec() }
        };
        self.input.drain(..framing.whole_bytes());
        self.persistence = framing.persistence;
        Ok(Some(request))
    }

    /// Answers. An answer is short: a connection that does not take it at once is broken.
    pub(super) fn answer(
        &mut self,
        status: u16,
        retry_after: Option<u32>,
        body: &[u8],
    ) -> Liveness {
        let retry_after =
            retry_after.map_or(String::new(), |seconds| format!("Retry-After: {seconds}\r\n"));
        let mut answer = format!(
            "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\n{retry_after}\
             Content-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        answer.extend_from_slice(body);
        match self.stream.write(&answer) {
            Ok(written) if written == answer.len() && self.persistence == Persistence::Kept => {
                Liveness::Open
            }
            _ => Liveness::Closed,
        }
    }
}

fn is_told(line: &[u8]) -> Result<bool, Malformed> {
    if line.ends_with(b" HTTP/1.1") {
        Ok(line.starts_with(b"GET /_told "))
    } else {
        Err(Malformed::FirstLine)
    }
}

/// A key means the same with quotes and without.
fn unquoted(key: &str) -> String {
    key.trim_matches('"').to_owned()
}
