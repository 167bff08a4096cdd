//! A server on a folder that may be damaged: it may refuse to start, or end by itself, and what it
//! says then is heard.

use crate::support::{Server, overtime};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{ChildStderr, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};

/// What fails is parked at once.
const CONFIG: &str = "[kinds.flaky]\nattempts = 2\nretry_first = \"1ms\"\n";

/// A server and what it says on stderr.
pub(super) struct Life {
    pub(super) server: Server,
    said: JoinHandle<String>,
}

/// Starts a server on a folder that is sound.
pub(super) fn begin(folder: &Path) -> Server {
    Server::spawn(command(folder))
}

fn command(folder: &Path) -> Command {
    let file = folder.join("overtime.toml");
    fs::write(&file, CONFIG).unwrap();
    let mut command = overtime(folder);
    command.arg("--demo").arg("--config").arg(file);
    command
}

impl Life {
    /// Starts a server. An error is what it said when it refused.
    pub(super) fn start(folder: &Path) -> Result<Self, String> {
        let mut child = command(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let said = listen(child.stderr.take().expect("it is piped"));
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut address = |label: &str| {
            lines.find_map(|line| {
                let line = line.expect("in UTF-8");
                let rest = line.trim().strip_prefix(label)?.trim();
                Some(rest.strip_prefix("http://")?.split(' ').next()?.to_owned())
            })
        };
        let (data, admin) = (address("tasks"), address("admin"));
        let (Some(data), Some(admin)) = (data, admin) else {
            let status = child.wait().unwrap();
            return Err(told(status, &said.join().unwrap()));
        };
        // Nobody reads on; the rest of a greeting fits the pipe.
        std::mem::forget(lines);
        Ok(Self { server: Server { child, data, admin }, said })
    }

    /// Waits for a server that ends by itself. What it said; an error if it ended as if nothing was
    /// wrong.
    pub(super) fn died(self) -> Result<String, String> {
        let (status, said) = self.end();
        if status.success() {
            return Err(format!("the server ended as if nothing was wrong, and said {said}"));
        }
        Ok(told(status, &said))
    }

    /// Ends the server in order. What it said, as an error if it did not end so.
    pub(super) fn stop(self) -> Result<String, String> {
        self.server.signal("-TERM");
        let (status, said) = self.end();
        if status.success() { Ok(said) } else { Err(told(status, &said)) }
    }

    fn end(mut self) -> (ExitStatus, String) {
        let status = self.server.child.wait().unwrap();
        (status, self.said.join().unwrap())
    }
}

/// What was said, or that it was a crash.
fn told(status: ExitStatus, said: &str) -> String {
    match status.code() {
        Some(1) => said.to_owned(),
        // Names no file, so that it counts as wrong.
        _ => format!("{status:?}, having said {}", said.len()),
    }
}

fn listen(mut stderr: ChildStderr) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut said = String::new();
        stderr.read_to_string(&mut said).expect("in UTF-8");
        said
    })
}
