//! A private server a test, on ports that the system chooses, and a small client.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A running server; it is killed when it is dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) data: String,
    pub(crate) admin: String,
}

impl Server {
    /// Starts the binary on `folder`, with the demo kinds.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    pub(crate) fn start_with(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = overtime(folder);
        command.arg("--demo").args(arguments);
        Self::spawn(command)
    }

    /// The same with retries of `flaky` that come at once.
    pub(crate) fn start_impatient(folder: &Path) -> Self {
        let retries = "[kinds.flaky]\nattempts = 4\nretry_first = \"1ms\"\n";
        Self::start_configured(folder, retries)
    }

    /// The same with this file.
    pub(crate) fn start_configured(folder: &Path, text: &str) -> Self {
        let file = folder.join("overtime.toml");
        fs::write(&file, text).unwrap();
        Self::start_with(folder, &["--config", file.to_str().unwrap()])
    }

    /// Starts a command that greets like the binary does, and waits for its greeting.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let stdout = child.stdout.take().expect("it is piped");
        let (mut data, mut admin) = (None, None);
        let mut lines = BufReader::new(stdout).lines();
        while data.is_none() || admin.is_none() {
            let line = lines.next().expect("the server greets").expect("in UTF-8");
            let address = |label: &str| {
                let rest = line.trim().strip_prefix(label)?.trim();
                Some(rest.strip_prefix("http://")?.split(' ').next()?.to_owned())
            };
            data = data.or_else(|| address("tasks"));
            admin = admin.or_else(|| address("admin"));
        }
        // Nobody reads on; the rest of a greeting fits the pipe.
        std::mem::forget(lines);
        Self { child, data: data.unwrap(), admin: admin.unwrap() }
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.request("POST", path, &[], body)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], "")
    }

    pub(crate) fn request(&self, method: &str, path: &str, fields: &[&str], body: &str) -> Answer {
        request(&self.data, method, path, fields, body)
    }

    /// Long-polls the task until it has one of `states`.
    pub(crate) fn wait_for(&self, task: &str, states: &[&str]) -> serde_json::Value {
        for _ in 0..600 {
            let document = self.get(&format!("/v1/tasks/{task}?wait=100ms")).json();
            if states.contains(&document["state"].as_str().unwrap()) {
                return document;
            }
        }
        let document = self.get(&format!("/v1/tasks/{task}")).body;
        panic!("{task} is still not {states:?}: {document}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary on a data folder, with ports that the system chooses.
pub(crate) fn overtime(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", "20"]);
    command.arg("--data").arg(folder);
    command
}

/// What `overtime keys` says of the keys in a data folder.
pub(crate) fn keys(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.arg("keys").args(arguments).arg("--data").arg(folder).output().unwrap()
}

/// A new key: its tenant, and what is said of that.
pub(crate) fn add_key(folder: &Path, arguments: &[&str]) -> String {
    let made = keys(folder, &[&["add"], arguments].concat());
    assert!(made.status.success(), "{made:?}");
    let shown = String::from_utf8(made.stdout).unwrap();
    shown.strip_suffix('\n').expect("the key alone on its line").to_owned()
}

/// The field by which a key is shown.
pub(crate) fn shows(key: &str) -> String {
    format!("Authorization: Bearer {key}")
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let matches = |line: &&str| {
            line.split_once(':').is_some_and(|(field, _)| field.eq_ignore_ascii_case(name))
        };
        self.head.lines().find(matches).map(|line| line.split_once(':').unwrap().1.trim())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn task(&self) -> String {
        self.field("Overtime-Task").unwrap_or_else(|| panic!("no task: {self:?}")).to_owned()
    }

    /// The problem's code; panics if it is none.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.field("Content-Type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        for member in ["type", "title", "detail", "source", "class", "submitted"] {
            assert!(problem[member].is_string(), "{member} in {problem}");
        }
        assert!(problem["retryable"].is_boolean());
        problem["code"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn request(
    address: &str,
    method: &str,
    path: &str,
    fields: &[&str],
    body: &str,
) -> Answer {
    try_request_with(address, method, path, fields, body).unwrap()
}

/// The same to a server that may die meanwhile.
pub(crate) fn try_request_with(
    address: &str,
    method: &str,
    path: &str,
    fields: &[&str],
    body: &str,
) -> io::Result<Answer> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    fields.iter().for_each(|field| write!(text, "{field}\r\n").unwrap());
    if !body.is_empty() {
        write!(text, "Content-Length: {}\r\n", body.len()).unwrap();
    }
    text.push_str("\r\n");
    text.push_str(body);
    try_raw(address, text.as_bytes())
}

/// A request without a body to a server that may die meanwhile.
pub(crate) fn try_request(address: &str, method: &str, path: &str) -> io::Result<Answer> {
    let text = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    try_raw(address, text.as_bytes())
}

/// Sends bytes as they are and reads one answer to the connection's end.
pub(crate) fn raw(address: &str, bytes: &[u8]) -> Answer {
    try_raw(address, bytes).unwrap()
}

fn try_raw(address: &str, bytes: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(70)))?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8(answer).expect("answers here are text");
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
