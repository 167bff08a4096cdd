//! How a server ends.

use crate::support::{Server, folder, request};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;

/// Sends a request without waiting for its answer.
fn send(server: &Server, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&server.data).unwrap();
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    stream
}

fn read_all(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// Waits until a worker is busy.
fn await_running(server: &Server) {
    loop {
        let metrics = request(&server.admin, "GET", "/metrics", &[], "").body;
        if metrics.contains("overtime_lane_running{lane=\"interactive\"} 1") {
            return;
        }
    }
}

#[test]
fn sigterm_lets_running_work_finish_refuses_new_work_and_exits_with_0() {
    let folder = folder();
    let server = Server::start(folder.path());
    let waiting = send(&server, "/v1/tasks/sleep", r#"{"ms":1500}"#);
    await_running(&server);
    server.signal("-TERM");
    loop {
        let answer = server.post("/v1/tasks/echo", "new");
        if answer.status == 503 {
            assert_eq!(answer.code(), "draining");
            assert_eq!(answer.field("Connection"), Some("close"));
            assert!(answer.field("Retry-After").is_some());
            break;
        }
    }
    assert_eq!(request(&server.admin, "GET", "/readyz", &[], "").status, 503);
    assert_eq!(server.get("/v1/contacts/nobody@example.com").status, 404);
    let text = read_all(waiting);
    assert!(text.starts_with("HTTP/1.1 200") && text.ends_with("{\"slept_ms\":1500}"), "{text}");
    assert!(server.wait().success());
}

#[test]
fn at_the_end_of_grace_the_rest_is_told_202_and_goes_on_after_the_next_start() {
    let folder = folder();
    let file = folder.path().join("overtime.toml");
    std::fs::write(&file, "[drain]\ngrace = \"100ms\"\n").unwrap();
    let file = file.to_str().unwrap();
    let server = Server::start_with(folder.path(), &["--config", file]);
    let waiting = send(&server, "/v1/tasks/sleep", r#"{"ms":1200}"#);
    await_running(&server);
    server.signal("-INT");
    let text = read_all(waiting);
    assert!(text.starts_with("HTTP/1.1 202"), "{text}");
    let location = text.lines().find_map(|line| line.strip_prefix("Location: /v1/tasks/"));
    let task = location.unwrap().to_owned();
    assert!(server.wait().success());
    let server = Server::start(folder.path());
    let document = server.wait_for(&task, &["succeeded"]);
    assert_eq!(document["attempts"], 2);
}

#[test]
fn a_second_signal_leaves_at_once_and_loses_nothing_acknowledged() {
    let folder = folder();
    let server = Server::start(folder.path());
    let task = server.post("/v1/tasks/sleep?wait=0s", r#"{"ms":300}"#).task();
    let _waiting = send(&server, "/v1/tasks/sleep", r#"{"ms":60000}"#);
    await_running(&server);
    server.signal("-TERM");
    while server.post("/v1/tasks/echo", "new").status != 503 {}
    server.signal("-TERM");
    let status = server.wait();
    assert_eq!((status.code(), status.signal()), (Some(143), None));
    Server::start(folder.path()).wait_for(&task, &["succeeded"]);
}
