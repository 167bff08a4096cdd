//! What a process does that has no descriptor left for another connection.

use crate::support::{Server, folder, overtime};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Few enough to be used up, enough to start.
const DESCRIPTORS: &str = "96";

/// A connection that is kept.
struct Kept(BufReader<TcpStream>);

impl Kept {
    fn to(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(BufReader::new(stream))
    }

    fn ask(&mut self, path: &str) {
        let text = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn body(&mut self) -> String {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "closed before an answer");
            if line == "\r\n" {
                break;
            }
            let field = line.to_ascii_lowercase();
            if let Some(value) = field.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    }
}

fn postponed(admin: &mut Kept) -> bool {
    admin.ask("/metrics");
    let metrics = admin.body();
    let name = "overtime_accepts_postponed_total ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.expect("the metric is there").parse::<u64>().unwrap() > 0
}

fn start_with_few_descriptors(folder: &Path) -> Server {
    let server = overtime(folder);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\" --demo"));
    shell.arg(server.get_program()).args(server.get_args());
    // No connection that is given up may be what lets the next one in.
    shell.env("OVERTIME_TIMEOUTS_HEAD", "10m");
    Server::spawn(shell)
}

/// The descriptors that come free belong to the admin port, so no connection of the core's own
/// tells it that there is room again.
#[test]
fn descriptors_that_others_give_back_are_used_again() {
    let folder = folder();
    let server = start_with_few_descriptors(folder.path());
    let mut watcher = Kept::to(&server.admin);
    let mut others: Vec<Kept> = (0..20).map(|_| Kept::to(&server.admin)).collect();
    for other in &mut others {
        other.ask("/livez");
        other.body();
    }
    let mut callers = Vec::new();
    while !postponed(&mut watcher) {
        assert!(callers.len() < 1000, "the descriptors are not used up");
        callers.push(Kept::to(&server.data));
    }
    let mut late = Kept::to(&server.data);
    late.ask("/v1/tasks/01KAHP5ZQ00000000000000000");
    drop(others);
    assert!(late.body().contains("unknown-task"));
}
