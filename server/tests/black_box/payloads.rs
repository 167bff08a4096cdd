//! Large payloads, and more of them than there is memory for.

use crate::support::{Server, folder, overtime, raw};
use std::thread;

fn start_with_memory(folder: &std::path::Path, memory: &str) -> Server {
    let mut command = overtime(folder);
    command.arg("--demo").env("OVERTIME_LIMITS_PAYLOAD_MEMORY", memory);
    command.env("OVERTIME_LIMITS_BODY", "1MiB");
    Server::spawn(command)
}

fn text(length: usize, seed: usize) -> String {
    let line = |number: usize| format!("line {} of {seed}\n", number * 7919 % 99_991);
    let mut text: String = (0_usize..).map(line).take(length / 10).collect();
    text.truncate(length);
    text
}

fn chunked(body: &str, chunk_bytes: usize) -> String {
    let mut out = String::new();
    for chunk in body.as_bytes().chunks(chunk_bytes) {
        out.push_str(&format!("{:x}\r\n{}\r\n", chunk.len(), str::from_utf8(chunk).unwrap()));
    }
    out + "0\r\n\r\n"
}

/// Submits `body` to `echo`, with its length told or not.
fn echo(address: &str, body: &str, chunk_bytes: Option<usize>) -> (u16, String) {
    let head = "POST /v1/tasks/echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let request = match chunk_bytes {
        None => format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()),
        Some(bytes) => format!("{head}Transfer-Encoding: chunked\r\n\r\n{}", chunked(body, bytes)),
    };
    let answer = raw(address, request.as_bytes());
    (answer.status, answer.body)
}

#[test]
fn a_large_payload_is_handed_over_whole_however_it_is_framed() {
    let folder = folder();
    let server = Server::start(folder.path());
    let body = text(5_000_000, 1);
    for chunk_bytes in [None, Some(1_000), Some(16 * 1024), Some(1_000_000), Some(4_999_999)] {
        let (status, answer) = echo(&server.data, &body, chunk_bytes);
        assert_eq!(status, 200, "{chunk_bytes:?}");
        assert!(answer == body, "{chunk_bytes:?}");
    }
}

#[test]
fn more_payloads_than_there_is_memory_for_are_all_served() {
    let folder = folder();
    let server = start_with_memory(folder.path(), "2MiB");
    let address = &server.data;
    thread::scope(|scope| {
        for seed in 0..24 {
            scope.spawn(move || {
                let body = text(700_000 + seed * 10_000, seed);
                let chunk_bytes = (seed % 2 == 0).then_some(9_000 + seed);
                for _ in 0..3 {
                    let (status, answer) = echo(address, &body, chunk_bytes);
                    assert_eq!(status, 200, "{seed}: {answer:.300}");
                    assert!(answer == body, "{seed}");
                }
            });
        }
    });
    let metrics = raw(&server.admin, b"GET /metrics HTTP/1.0\r\n\r\n").body;
    let value = |name: &str| {
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        value.trim().parse::<f64>().unwrap()
    };
    assert!(value("overtime_bodies_paused_total ") > 0.0, "there was too much memory");
    assert_eq!(value("overtime_bodies_waiting "), 0.0);
    assert_eq!(value("overtime_reserved_bytes "), 0.0);
}

#[test]
fn large_payloads_that_are_due_together_leave_memory_for_small_calls() {
    let folder = folder();
    let server = start_with_memory(folder.path(), "2MiB");
    let slow = format!("{}{{\"ms\":3600000}}", " ".repeat(600_000));
    let tasks = [(); 4].map(|()| server.post("/v1/tasks/sleep?wait=0s&delay=1s", &slow).task());
    server.wait_for(&tasks[0], &["running"]);
    let waits_for = |task: &str| {
        let explained = server.get(&format!("/v1/tasks/{task}/explain")).json();
        explained["waits_for"].as_str().map(str::to_owned)
    };
    while waits_for(&tasks[3]).as_deref() == Some("time") {}
    assert_eq!(waits_for(&tasks[3]).as_deref(), Some("memory"));
    assert_eq!(server.post("/v1/tasks/echo", "small").status, 200);
    server.request("DELETE", &format!("/v1/tasks/{}", tasks[0]), &[], "");
    server.wait_for(&tasks[1], &["running"]);
}
