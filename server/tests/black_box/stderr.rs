//! Nothing waits for stderr: it may be a pipe that nobody reads, or whose reader has gone.

use crate::support::{Server, folder, overtime};
use std::process::{ChildStderr, Stdio};

/// More than a pipe holds, in lines of some KiB.
const LINES: u8 = 40;

/// A server and the end of the pipe that it says its lines to.
fn start(folder: &std::path::Path) -> (Server, ChildStderr) {
    let mut command = overtime(folder);
    command.arg("--demo").stderr(Stdio::piped());
    let mut server = Server::spawn(command);
    let stderr = server.child.stderr.take().expect("it is piped");
    (server, stderr)
}

impl Server {
    /// Makes an error that no other call makes, and that a person is told of.
    fn make_error(&self, number: u8) {
        // A quote that is closed too early: what comes behind it tells one error from another.
        let word = [b'g' + number / 10, b'g' + number % 10].map(char::from);
        let word = String::from_iter(word).repeat(1_500);
        let answer = self.post("/v1/tasks/steps", &format!(r#"{{"x` {word}":1}}"#));
        assert_eq!(answer.status, 422, "{answer:?}");
    }

    /// Waits until the ledger has so many errors.
    fn wait_for_errors(&self, count: usize) {
        for _ in 0..100 {
            let ledger = self.get("/v1/errors?limit=1000").json();
            if ledger["errors"].as_array().unwrap().len() >= count {
                return;
            }
        }
        panic!("the archive has come to a stand");
    }

    fn ends_in_order(self) {
        assert_eq!(self.post("/v1/tasks/flaky", "{}").status, 200);
        self.signal("-TERM");
        assert!(self.wait().success());
    }
}

#[test]
fn the_server_goes_on_when_whoever_reads_its_stderr_has_gone() {
    let folder = folder();
    let (server, stderr) = start(folder.path());
    drop(stderr);
    server.make_error(0);
    server.wait_for_errors(1);
    server.make_error(1);
    server.wait_for_errors(2);
    server.ends_in_order();
}

#[test]
fn the_server_goes_on_when_nobody_reads_its_stderr() {
    let folder = folder();
    let (server, stderr) = start(folder.path());
    for number in 0..LINES {
        server.make_error(number);
        server.wait_for_errors(usize::from(number) + 1);
    }
    server.ends_in_order();
    drop(stderr);
}
