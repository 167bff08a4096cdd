//! A native server for one connection after the other, which a script drives frame by frame.

use overtime_protocol::Payload;
use overtime_protocol::native::{
    Answered, Deframer, Goodbye, Limits, Reply, Request, Step, Submit, Welcome, write,
};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

/// A connection that was welcomed.
pub(crate) struct Connection {
    stream: TcpStream,
    deframer: Deframer<Request>,
    behind: Vec<u8>,
}

/// A submission that came in.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) id: u32,
    pub(crate) submit: Submit,
    pub(crate) payload: Payload,
}

/// A server that accepts so many connections and plays them one after the other; returns its address
/// too.
pub(crate) fn serve<const N: usize>(
    in_flight_max: u32,
    scripts: [fn(&mut Connection); N],
) -> (String, JoinHandle<()>) {
    let (listener, address) = listen();
    let thread = thread::spawn(move || {
        scripts.into_iter().for_each(|script| script(&mut welcome(&listener, in_flight_max)));
    });
    (address, thread)
}

/// A place that nobody has accepted a connection at, and its address.
pub(crate) fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("overtime://{}", listener.local_addr().unwrap());
    (listener, address)
}

/// The next connection, once it has been welcomed.
pub(crate) fn welcome(listener: &TcpListener, in_flight_max: u32) -> Connection {
    let (stream, _) = listener.accept().unwrap();
    let (deframer, behind) = (Deframer::new(), Vec::new());
    let mut connection = Connection { stream, deframer, behind };
    assert!(matches!(connection.next(), Some((0, Request::Hello(_), None))));
    let welcome = Welcome { in_flight_max, ..Welcome::new("scripted") };
    connection.say(0, &Reply::Welcome(welcome), b"");
    connection
}

impl Connection {
    pub(crate) fn submission(&mut self) -> Asked {
        let Some((id, Request::Submit(submit), Some(payload))) = self.next() else {
            panic!("a submission was to come")
        };
        Asked { id, submit: *submit, payload }
    }

    pub(crate) fn answer(&mut self, id: u32, payload: &[u8]) {
        self.say(id, &answered(), payload);
    }

    /// The head of an answer.
    pub(crate) fn announce(&mut self, id: u32, payload_len: u64) {
        let mut frame = Vec::new();
        write(id, &answered(), payload_len, &mut frame).unwrap();
        self.write(&frame);
    }

    pub(crate) fn goodbye(&mut self) {
        self.say(0, &Reply::Goodbye(Goodbye { code: "draining".into() }), b"{}");
    }

    fn say(&mut self, id: u32, reply: &Reply, payload: &[u8]) {
        let mut frame = Vec::new();
        write(id, reply, payload.len() as u64, &mut frame).unwrap();
        frame.extend_from_slice(payload);
        self.write(&frame);
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next request; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<(u32, Request, Option<Payload>)> {
        let mut head = None;
        loop {
            let (used, step) = self.deframer.advance(&self.behind, &Limits::default());
            self.behind.drain(..used);
            match step.unwrap() {
                Step::More => {
                    let mut bytes = [0; 4096];
                    let count = self.stream.read(&mut bytes).unwrap_or(0);
                    if count == 0 {
                        return None;
                    }
                    self.behind.extend_from_slice(&bytes[..count]);
                }
                Step::Head(frame) if frame.payload_len.is_none() => {
                    return Some((frame.id, frame.message, None));
                }
                Step::Head(frame) => head = Some((frame.id, frame.message)),
                Step::Payload(payload) => {
                    return head.map(|(id, message)| (id, message, Some(payload)));
                }
                Step::Refused(_, problem) => panic!("{problem:?}"),
            }
        }
    }
}

fn answered() -> Reply {
    Reply::Answered(Answered {
        status: 200,
        content_type: None,
        task: None,
        spent: None,
        retry_after_ms: None,
        tag: None,
    })
}
