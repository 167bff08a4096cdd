//! A small native client.

use overtime_protocol::native::{
    Answered, Deframer, Failed, Hello, Limits, Reply, Request, Step, Submit, write,
};
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// One connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    deframer: Deframer<Reply>,
    /// What was received behind the last reply that was taken.
    behind: Vec<u8>,
}

/// One reply and its payload.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) id: u32,
    pub(crate) reply: Reply,
    pub(crate) payload: String,
}

impl Received {
    /// The header of an answer; panics if it is none.
    pub(crate) fn answered(&self) -> &Answered {
        let Reply::Answered(answered) = &self.reply else { panic!("{self:?}") };
        answered
    }

    /// The header of a problem; panics if it is none, or says other things than its document.
    pub(crate) fn failed(&self) -> &Failed {
        let Reply::Failed(failed) = &self.reply else { panic!("{self:?}") };
        let document = self.json();
        assert_eq!(document["code"], *failed.code);
        assert_eq!(document["status"], failed.status);
        assert_eq!(document["submitted"], failed.submitted.name());
        assert_eq!(document["retryable"], failed.retryable);
        failed
    }

    /// The code of a goodbye; panics if it is none.
    pub(crate) fn goodbye(&self) -> String {
        let Reply::Goodbye(goodbye) = &self.reply else { panic!("{self:?}") };
        assert_eq!(self.json()["code"], *goodbye.code);
        goodbye.code.to_string()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.payload).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

impl Client {
    /// A connection on which nothing has been said.
    pub(crate) fn silent(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(70))).unwrap();
        Self { stream, deframer: Deframer::new(), behind: Vec::new() }
    }

    /// A connection that was welcomed.
    pub(crate) fn connect(address: &str) -> Self {
        Self::connect_with(address, None)
    }

    /// The same with a key.
    pub(crate) fn connect_with(address: &str, key: Option<&str>) -> Self {
        let mut client = Self::silent(address);
        let hello = Hello { key: key.map(Into::into), ..Hello::from("black-box") };
        client.send(0, &Request::Hello(hello), "");
        let welcome = client.receive().unwrap();
        assert!(matches!(welcome.reply, Reply::Welcome(_)), "{welcome:?}");
        client
    }

    pub(crate) fn send(&mut self, id: u32, request: &Request, payload: &str) {
        self.stream.write_all(&frame(id, request, payload)).unwrap();
    }

    pub(crate) fn submit(&mut self, id: u32, kind: &str, payload: &str) {
        self.send(id, &submit(kind), payload);
    }

    /// The next reply; `None` at the connection's end.
    pub(crate) fn receive(&mut self) -> Option<Received> {
        self.try_receive().unwrap()
    }

    /// The same from a server that may die meanwhile.
    pub(crate) fn try_receive(&mut self) -> io::Result<Option<Received>> {
        let mut received: Option<Received> = None;
        loop {
            let (used, step) = self.deframer.advance(&self.behind, &Limits::default());
            self.behind.drain(..used);
            match step.expect("the server's frames are well-formed") {
                Step::More => {
                    let mut bytes = [0; 16 * 1024];
                    let count = self.stream.read(&mut bytes)?;
                    if count == 0 {
                        return Ok(None);
                    }
                    self.behind.extend_from_slice(&bytes[..count]);
                }
                Step::Head(frame) => {
                    let has_payload = frame.payload_len.is_some();
                    let (id, reply) = (frame.id, frame.message);
                    received = Some(Received { id, reply, payload: String::new() });
                    if !has_payload {
                        return Ok(received);
                    }
                }
                Step::Payload(payload) => {
                    let payload =
                        String::from_utf8(payload.into()).expect("payloads here are text");
                    let head = received.take().expect("a payload follows its head");
                    return Ok(Some(Received { payload, ..head }));
                }
                Step::Refused(id, problem) => panic!("{id} from the server: {problem:?}"),
            }
        }
    }

    /// The replies to so many requests, by their ids.
    pub(crate) fn receive_all(&mut self, count: usize) -> HashMap<u32, Received> {
        let replies = (0..count).map(|_| self.receive().expect("one reply each"));
        let replies: HashMap<u32, Received> = replies.map(|reply| (reply.id, reply)).collect();
        assert_eq!(replies.len(), count, "each request has one reply");
        replies
    }

    pub(crate) fn finish(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }
}

pub(crate) fn submit(kind: &str) -> Request {
    Request::Submit(Box::new(Submit::to(kind)))
}

/// A submission that is answered as soon as it is on disk.
pub(crate) fn submit_asynchronously(kind: &str) -> Request {
    Request::Submit(Box::new(Submit { wait_ms: Some(0), ..Submit::to(kind) }))
}

pub(crate) fn frame(id: u32, request: &Request, payload: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(id, request, payload.len() as u64, &mut bytes).unwrap();
    bytes.extend_from_slice(payload.as_bytes());
    bytes
}
