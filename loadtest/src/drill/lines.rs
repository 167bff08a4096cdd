//! A client's lines to the server, one for each protocol, opened when they are needed and again
//! when they broke. An answer that does not come is told as lost, with whether the request may
//! have arrived.

use super::answer::Answer;
use super::native_caller::NativeCaller;
use super::submission::Submission;
use crate::ask::exchange;
use overtime_protocol::Submitted;
use overtime_protocol::native::Request;
use std::collections::HashMap;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long no byte of an answer may come; longer than any wait that is asked for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// There was no connection: the server never saw it.
    Unsent,
    /// It went out, or a part of it.
    Unanswered,
}

pub(super) type Heard = Result<Answer, Lost>;

/// Lines to one server.
#[derive(Debug)]
pub(super) struct Lines {
    address: SocketAddr,
    http: Option<TcpStream>,
    native: Option<NativeCaller>,
    input: Vec<u8>,
}

impl Lines {
    pub(super) fn to(address: SocketAddr) -> Self {
        Self { address, http: None, native: None, input: Vec::new() }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks over HTTP.
    pub(super) fn ask(&mut self, request: &[u8]) -> Heard {
        self.send(request)?;
        self.receive()
    }

    /// A request without a body.
    pub(super) fn ask_for(&mut self, method: &str, path: &str) -> Heard {
        let address = self.address;
        self.ask(format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())
    }

    /// Sends what is answered by [`Lines::receive`].
    fn send(&mut self, request: &[u8]) -> Result<(), Lost> {
        if self.http.is_none() {
            self.http = Some(self.open().map_err(|_| Lost::Unsent)?);
        }
        let stream = self.http.as_mut().ok_or(Lost::Unsent)?;
        // An answer that came before the request was sent whole is an answer too.
        drop(stream.write_all(request));
        Ok(())
    }

    fn open(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    fn receive(&mut self) -> Heard {
        let mut stream = self.http.take().ok_or(Lost::Unsent)?;
        let Ok(response) = exchange(&mut stream, &[], &mut self.input) else {
            return Err(Lost::Unanswered);
        };
        if response.header("connection") != Some("close") {
            self.http = Some(stream);
        }
        Ok(Answer::of_http(&response))
    }

    /// Submits all of them at once over the native protocol.
    pub(super) fn burst(&mut self, submissions: &[Submission]) -> Vec<Heard> {
        let requests: Vec<(Request, &[u8])> = submissions
            .iter()
            .map(|submission| (submission.to_native(), &submission.body[..]))
            .collect();
        match self.send_natively(&requests) {
            Ok(first) => self.receive_natively(first, requests.len()),
            Err(lost) => vec![Err(lost); requests.len()],
        }
    }

    /// Asks one thing over the native protocol.
    pub(super) fn ask_natively(&mut self, request: Request) -> Heard {
        let first = self.send_natively(&[(request, &[])])?;
        self.receive_natively(first, 1).pop().unwrap_or(Err(Lost::Unanswered))
    }

    /// Submits the same thing over both protocols at the same time.
    pub(super) fn twice(&mut self, submission: &Submission) -> [Heard; 2] {
        let sent = self.send(&submission.to_http(self.address));
        let natively = self.send_natively(&[(submission.to_native(), &submission.body)]);
        let heard = sent.and_then(|()| self.receive());
        let heard_natively = natively.and_then(|first| {
            self.receive_natively(first, 1).pop().unwrap_or(Err(Lost::Unanswered))
        });
        [heard, heard_natively]
    }

    fn send_natively(&mut self, requests: &[(Request, &[u8])]) -> Result<u32, Lost> {
        if self.native.is_none() {
            let opened = NativeCaller::open(self.address, PATIENCE);
            self.native = Some(opened.map_err(|_| Lost::Unsent)?);
        }
        let caller = self.native.as_mut().ok_or(Lost::Unsent)?;
        caller.send(requests).map_err(|_| {
            self.native = None;
            Lost::Unanswered
        })
    }

    fn receive_natively(&mut self, first: u32, count: usize) -> Vec<Heard> {
        let mut answers = HashMap::new();
        let received = self.native.as_mut().map(|caller| caller.receive(count, &mut answers));
        if !matches!(received, Some(Ok(()))) {
            self.native = None;
        }
        let ids = (0..count as u32).map(|number| first.wrapping_add(number));
        ids.map(|id| answers.remove(&id).ok_or(Lost::Unanswered)).collect()
    }
}

/// How little an answer says: 0 if it acknowledges, 2 if it only refuses.
pub(super) fn doubt(heard: &Heard) -> u8 {
    match heard {
        Ok(answer) if matches!(answer.status, 200 | 202 | 409 | 422) => 0,
        Ok(Answer { submitted: Some(Submitted::No), .. }) | Err(Lost::Unsent) => 2,
        Ok(_) | Err(Lost::Unanswered) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_certain_comes_before_what_is_in_doubt_and_that_before_a_refusal() {
        let answer = |status, submitted| {
            let (task, body) = (None, Vec::new());
            let (is_replayed, is_on_disk) = (false, true);
            Ok(Answer { status, task, is_replayed, is_on_disk, submitted, body })
        };
        let (refused, unknown) = (Some(Submitted::No), Some(Submitted::Unknown));
        for (first, second) in [
            (answer(202, None), Err(Lost::Unanswered)),
            (answer(200, None), answer(503, refused)),
            (Err(Lost::Unanswered), answer(503, refused)),
            (answer(503, unknown), Err(Lost::Unsent)),
        ] {
            assert!(doubt(&first) < doubt(&second), "{first:?} {second:?}");
        }
    }
}
