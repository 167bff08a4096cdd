//! Some hundred clients that take their time, beside callers that do not.

use crate::support::{Server, folder, raw, request};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const LIMITED: &str = "[limits]\nconnections = 150\n";

/// How a client takes its time, and what it says for a start.
fn openings(address: &str) -> [String; 4] {
    let head = format!("POST /v1/tasks/echo HTTP/1.1\r\nHost: {address}\r\n");
    [
        String::new(),
        format!("{head}X: "),
        format!("{head}Content-Length: 1000000\r\n\r\n"),
        // It has its answer and never asks again.
        format!("{head}Content-Length: 0\r\n\r\n"),
    ]
}

fn slow(server: &Server, opening: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&server.data).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(opening.as_bytes()).unwrap();
    stream
}

fn metric(server: &Server, name: &str) -> f64 {
    let metrics = request(&server.admin, "GET", "/metrics", &[], "").body;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
}

#[test]
fn four_hundred_that_take_their_time_keep_nobody_out() {
    let folder = folder();
    let server = Server::start_configured(folder.path(), LIMITED);
    let openings = openings(&server.data);
    let mut crowd: Vec<TcpStream> = (0..400).map(|n| slow(&server, &openings[n % 4])).collect();
    let task = server.post("/v1/tasks/sleep?wait=0s", "{\"ms\":60000}").task();
    for round in 0..40 {
        for stream in crowd.iter_mut().skip(round % 10).step_by(10) {
            // Closed ones come back.
            if stream.write_all(b"x").is_err() {
                *stream = slow(&server, &openings[round % 4]);
            }
        }
        assert_eq!(server.post("/v1/tasks/echo", "well").body, "well");
        assert_eq!(server.get(&format!("/v1/tasks/{task}")).json()["state"], "running");
        assert_eq!(request(&server.admin, "GET", "/readyz", &[], "").status, 200);
    }
    assert!(metric(&server, "overtime_connections") <= 150.0);
    assert_eq!(metric(&server, "overtime_connections_max"), 150.0);
    assert!(metric(&server, "overtime_connections_displaced_total") > 0.0);
}

#[test]
fn what_was_begun_and_does_not_end_is_told_so() {
    let folder = folder();
    let server = Server::start_configured(
        folder.path(),
        "[timeouts]\nhead = \"200ms\"\nbody_progress = \"200ms\"\n",
    );
    let [silent, head, body, _] = openings(&server.data);
    for begun in [&head, &body] {
        let answer = raw(&server.data, begun.as_bytes());
        assert_eq!((answer.status, &*answer.code()), (408, "request-timeout"));
    }
    let mut nothing = Vec::new();
    slow(&server, &silent).read_to_end(&mut nothing).unwrap();
    assert!(nothing.is_empty());
}
