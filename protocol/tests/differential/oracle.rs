//! The other parsers: a process that runs them, bytes in and what they made of them out.

use crate::told::{End, Message, Told};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Their names, in the order in which they speak.
pub(crate) const NAMES: [&str; 2] = ["h11", "llhttp"];

/// The process.
pub(crate) struct Oracles {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Oracles {
    /// Starts it with the Python that `OVERTIME_PARSERS` names, or `python3`. `None` if that has
    /// not both of them, unless this is CI, where it must.
    pub(crate) fn start() -> Option<Self> {
        let python = std::env::var("OVERTIME_PARSERS").unwrap_or_else(|_| "python3".into());
        let looked = Command::new(&python).args(["-c", "import h11, httptools"]).output();
        if !looked.is_ok_and(|looked| looked.status.success()) {
            assert!(std::env::var_os("CI").is_none(), "{python} has not h11 and httptools");
            println!("not compared: {python} has not h11 and httptools, see .ci/parsers");
            return None;
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differential/oracles.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it has just run");
        let to = child.stdin.take().expect("it is piped");
        let from = BufReader::new(child.stdout.take().expect("it is piped"));
        Some(Self { child, to, from })
    }

    /// What each makes of `bytes`.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> [Told; 2] {
        let mut line = String::with_capacity(2 * bytes.len() + 1);
        for byte in bytes {
            write!(line, "{byte:02x}").expect("a text takes everything");
        }
        line.push('\n');
        self.to.write_all(line.as_bytes()).expect("the parsers run");
        let mut answer = String::new();
        self.from.read_line(&mut answer).expect("the parsers answer");
        let mut tolds = answer.trim().split(' ');
        NAMES.map(|name| told(name, tolds.next().unwrap_or_default()))
    }
}

impl Drop for Oracles {
    fn drop(&mut self) {
        // It has ended by itself if this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn told(name: &str, text: &str) -> Told {
    let parts: Vec<&str> = text.split(':').collect();
    let [said, end, messages] = parts[..] else { panic!("{name} said {text:?}") };
    assert_eq!(said, name);
    let end = match end {
        "whole" => End::Whole,
        "more" => End::More,
        "stopped" => End::Stopped,
        _ => End::Refused(latin(end.strip_prefix("refused=").expect("there is no other end"))),
    };
    let messages = messages.split(';').filter(|message| !message.is_empty()).map(message);
    Told { messages: messages.collect(), end }
}

fn message(text: &str) -> Message {
    let (text, is_whole) = text.strip_suffix('+').map_or((text, true), |text| (text, false));
    let parts: Vec<&str> = text.split(',').collect();
    let [method, target, body] = parts[..] else { panic!("a message is {text:?}") };
    let target = latin(target);
    let behind = without_authority(&target);
    let (path, query) = match behind.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (behind, None),
    };
    let path = if path.is_empty() { "/" } else { path };
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];
    let method = Some(latin(method)).filter(|method| known.contains(&method.as_str()));
    let method = method.unwrap_or_default();
    Message { method, path: path.to_owned(), query, body: bytes(body), is_whole }
}

/// The path and what is behind it of an absolute target (RFC 9112, section 3.2.2).
fn without_authority(target: &str) -> &str {
    let scheme = "http://";
    if !target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)) {
        return target;
    }
    let rest = &target[scheme.len()..];
    rest.find(['/', '?']).map_or("", |at| &rest[at..])
}

fn latin(hex: &str) -> String {
    bytes(hex).into_iter().map(char::from).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("it is hexadecimal");
    (0..hex.len()).step_by(2).map(digit).collect()
}
