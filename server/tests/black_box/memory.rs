//! A server with little memory: it refuses by name, loses nothing, and recovers.

use crate::support::{Server, folder, overtime, request};
use std::fs::{self, File};
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Less than any server uses.
const NONE: &str = "[limits]\nmemory = \"4MiB\"\npayload_memory = \"2MiB\"\nbody = \"1MiB\"\n";

/// Room for some answers that nobody reads, and not for all.
const LITTLE: &str =
    "[limits]\nmemory = \"128MiB\"\npayload_memory = \"64MiB\"\nbody = \"16MiB\"\n";

fn readiness(server: &Server) -> (u16, String) {
    let answer = request(&server.admin, "GET", "/readyz", &[], "");
    let detail = answer.json()["checks"]["memory"]["detail"].as_str().map(str::to_owned);
    (answer.status, detail.expect("there is such a check"))
}

/// Asks until the answer is as it should be. The core hears of the memory in its own time.
fn wait_until<T: std::fmt::Debug>(ask: impl Fn() -> T, holds: impl Fn(&T) -> bool) {
    let given_up = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = ask();
        if holds(&answer) {
            return;
        }
        assert!(Instant::now() < given_up, "it never came to that: {answer:?}");
    }
}

/// A server whose lines for the operator are kept, for what it says may be over when one looks.
fn start_kept(folder: &Path, text: &str) -> Server {
    let file = folder.join("overtime.toml");
    fs::write(&file, text).unwrap();
    let mut command = overtime(folder);
    command.arg("--demo").arg("--config").arg(file);
    command.stderr(File::create(folder.join("lines")).unwrap());
    Server::spawn(command)
}

#[test]
fn without_memory_new_tasks_are_refused_and_the_others_go_on() {
    let folder = folder();
    let server = Server::start(folder.path());
    let delayed = |server: &Server| server.post("/v1/tasks/echo?wait=0s&delay=60m", "well");
    let accepted: Vec<String> = (0..20).map(|_| delayed(&server).task()).collect();
    server.kill();
    let server = Server::start_configured(folder.path(), NONE);
    wait_until(|| readiness(&server), |(status, _)| *status == 503);
    let (_, detail) = readiness(&server);
    assert!(
        detail.ends_with("of a memory budget of 4 MiB are in use: new tasks are refused"),
        "{detail}"
    );
    let refused = delayed(&server);
    assert_eq!((refused.status, &*refused.code()), (503, "memory"));
    assert!(refused.field("Retry-After").is_some() && refused.json()["submitted"] == "no");
    for task in &accepted {
        assert_eq!(server.wait_for(task, &["queued"])["state"], "queued");
        let path = format!("/v1/tasks/{task}");
        assert_eq!(server.request("DELETE", &path, &[], "").status, 200);
    }
}

#[test]
fn answers_that_nobody_reads_do_not_fill_the_memory_for_good() {
    let folder = folder();
    let server = start_kept(folder.path(), LITTLE);
    assert_eq!(readiness(&server), (200, String::new()));
    let body = "x".repeat(16 << 20);
    let head = format!(
        "POST /v1/tasks/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let unread: Vec<TcpStream> = (0..10)
        .map(|_| {
            let mut stream = TcpStream::connect(&server.data).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            // It may be given up before it was all sent.
            let _ = stream.write_all(body.as_bytes());
            stream
        })
        .collect();
    let lines = || fs::read_to_string(folder.path().join("lines")).unwrap();
    wait_until(lines, |lines| lines.contains("of a memory budget of 128 MiB are in use"));
    wait_until(lines, |lines| lines.contains("the memory is enough again"));
    wait_until(|| readiness(&server), |said| *said == (200, String::new()));
    wait_until(|| server.post("/v1/tasks/echo", "well").body, |body| body == "well");
    drop(unread);
}
