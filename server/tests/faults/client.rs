//! A client of a server that may die at any moment. It never takes a half answer for one.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than any answer here takes; whoever waits longer waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim())
    }

    /// The task that it is about.
    pub(crate) fn task(&self) -> String {
        let task = self.field("Overtime-Task");
        task.unwrap_or_else(|| panic!("no task: {self:?}")).to_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// A member of the problem that it is, empty if it is none.
    pub(crate) fn member(&self, name: &str) -> String {
        let value: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        value[name].as_str().unwrap_or_default().to_owned()
    }
}

/// Sends one request on a connection of its own.
pub(crate) fn ask(address: &str, line: &str, fields: &[&str], body: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = format!("{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    fields.iter().for_each(|field| write!(text, "{field}\r\n").expect("a string takes it"));
    if !line.starts_with("GET") {
        write!(text, "Content-Length: {}\r\n", body.len()).expect("a string takes it");
    }
    text.push_str("\r\n");
    text.push_str(body);
    // A refusal may come before all was sent, so the answer is read in any case.
    let sent = stream.write_all(text.as_bytes());
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).expect("answers here are text");
    parse(&text).ok_or_else(|| match sent.and(read.map(drop)) {
        Err(error) => error,
        Ok(()) => io::ErrorKind::UnexpectedEof.into(),
    })
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let answer = Answer { status, head: head.to_owned(), body: body.to_owned() };
    let len = answer.field("Content-Length").map_or(0, |len| len.parse().expect("a length"));
    (answer.body.len() == len).then_some(answer)
}
