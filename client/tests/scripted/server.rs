//! An HTTP server that answers what a script says, and remembers what it was asked and when.

use super::clock::JumpingClock;
use overtime_client::{Client, TaskId};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// On the client's clock.
    pub(crate) at: f64,
    pub(crate) line: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| &**value)
    }

    pub(crate) fn key(&self) -> String {
        self.field("Idempotency-Key").expect("every submission has a key").to_owned()
    }
}

/// What is done about it.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Answer {
        status: u16,
        fields: String,
        body: String,
    },
    /// These bytes as they are, and the end.
    Raw(Vec<u8>),
    HangUp,
}

impl Act {
    pub(crate) fn answer(status: u16, body: &str) -> Self {
        Self::Answer { status, fields: String::new(), body: body.to_owned() }
    }

    /// A problem whose `submitted` is that.
    pub(crate) fn problem(status: u16, retryable: bool, submitted: &str) -> Self {
        Self::answer(
            status,
            &format!(
                r#"{{"title":"T","detail":"D","code":"c-{status}","retryable":{retryable},"submitted":"{submitted}"}}"#
            ),
        )
    }

    /// A task's document in that state.
    pub(crate) fn document(status: u16, state: &str) -> Self {
        Self::answer(status, &document(state))
    }

    pub(crate) fn with(self, field: &str) -> Self {
        match self {
            Self::Answer { status, fields, body } => {
                Self::Answer { status, fields: format!("{fields}{field}\r\n"), body }
            }
            other => other,
        }
    }
}

/// The task that scripted servers speak of.
pub(crate) fn task() -> TaskId {
    TaskId::from_key(77 << 22).unwrap()
}

fn document(state: &str) -> String {
    format!(
        r#"{{"id":"{}","kind":"echo","lane":"interactive","state":"{state}","attempts":1,"created_at":"2026-11-21T02:14:50.000Z","started_at":null,"finished_at":null,"next_attempt_at":null,"progress":null,"error":null,"tenant":"default","durability":"disk"}}"#,
        task()
    )
}

/// A server and the clock of its client.
pub(crate) struct Server {
    pub(crate) base: String,
    pub(crate) clock: JumpingClock,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// A server that does what `script` says. Its threads end with the test.
    pub(crate) fn start(script: impl FnMut(&Request) -> Act + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (clock, asked) = (JumpingClock::default(), Arc::default());
        let server = Self { base, clock: clock.clone(), asked };
        let asked = server.asked.clone();
        let script = Arc::new(Mutex::new(script));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (clock, asked, script) = (clock.clone(), asked.clone(), script.clone());
                thread::spawn(move || serve(stream.unwrap(), &clock, &asked, &script));
            }
        });
        server
    }

    /// A server that does one after the other, and the last for ever.
    pub(crate) fn saying(acts: impl IntoIterator<Item = Act>) -> Self {
        let mut acts: Vec<Act> = acts.into_iter().collect();
        acts.reverse();
        Self::start(move |_| if acts.len() > 1 { acts.pop().unwrap() } else { acts[0].clone() })
    }

    pub(crate) fn client(&self) -> Client {
        Client::builder(&self.base).clock(self.clock.clone()).seed(1).build().unwrap()
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(
    stream: TcpStream,
    clock: &JumpingClock,
    asked: &Mutex<Vec<Request>>,
    script: &Mutex<impl FnMut(&Request) -> Act>,
) {
    let mut reader = BufReader::new(stream);
    while let Ok(Some(request)) = read(&mut reader, clock) {
        asked.lock().unwrap().push(request.clone());
        let act = (script.lock().unwrap())(&request);
        let (bytes, goes_on) = match act {
            Act::Answer { status, fields, body } => (answer(status, &fields, &body), true),
            Act::Raw(bytes) => (bytes, false),
            Act::HangUp => return,
        };
        if reader.get_mut().write_all(&bytes).is_err() || !goes_on {
            return;
        }
    }
}

fn answer(status: u16, fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} S\r\nContent-Length: {length}\r\n{fields}\r\n{body}").into_bytes()
}

fn read(reader: &mut BufReader<TcpStream>, clock: &JumpingClock) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut fields = Vec::new();
    loop {
        let mut field = String::new();
        reader.read_line(&mut field)?;
        let Some((name, value)) = field.trim_end().split_once(": ") else { break };
        fields.push((name.to_owned(), value.to_owned()));
    }
    let line = line.trim_end().to_owned();
    let mut request = Request { at: clock.seconds(), line, fields, body: String::new() };
    if request.field("Expect").is_some() {
        reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let length = request.field("Content-Length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    request.body = String::from_utf8(body).unwrap();
    Ok(Some(request))
}
