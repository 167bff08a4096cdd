//! A flipped bit in a place of the archive that is known: what becomes of whoever reads it.

use super::life::{Life, begin};
use crate::support::{Server, folder, request, try_request};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A text that stands in the archive once, with another number at each place.
fn text(len: usize) -> String {
    let mut text: String = (0..len / 8 + 1).map(|n| format!("place{n:>5};")).collect();
    text.truncate(len);
    text
}

/// Flips a bit where the archive of a server that has ended has `text`.
fn flip(folder: &Path, text: &str) {
    let file = folder.join("archive.db");
    let mut bytes = fs::read(&file).unwrap();
    let found: Vec<usize> = (0..bytes.len() - text.len())
        .filter(|&at| bytes[at..].starts_with(text.as_bytes()))
        .collect();
    let [at] = found[..] else { panic!("{text} stands at {found:?}") };
    bytes[at] ^= 2;
    fs::write(file, bytes).unwrap();
}

fn end(server: Server) {
    server.signal("-TERM");
    assert!(server.wait().success());
}

#[test]
fn a_result_that_cannot_be_read_is_a_problem_and_the_rest_goes_on() {
    let folder = folder();
    let server = begin(folder.path());
    let task = server.post("/v1/tasks/echo?wait=0s", &text(60_000)).task();
    let other = server.post("/v1/tasks/echo?wait=0s", "another").task();
    for task in [&task, &other] {
        server.wait_for(task, &["succeeded"]);
    }
    end(server);
    flip(folder.path(), "place 2000;");

    let life = Life::start(folder.path()).unwrap();
    for _ in 0..2 {
        let answer = life.server.get(&format!("/v1/tasks/{task}/result"));
        assert_eq!((answer.status, &*answer.code()), (500, "internal"));
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("in archive.db page "), "{detail}");
    }
    let metrics = request(&life.server.admin, "GET", "/metrics", &[], "").body;
    assert!(metrics.contains("overtime_damaged_reads_total 2\n"), "{metrics}");
    assert_eq!(life.server.get(&format!("/v1/tasks/{task}")).json()["state"], "succeeded");
    assert_eq!(life.server.get(&format!("/v1/tasks/{other}/result")).body, "another");
    let said = life.stop().unwrap();
    assert_eq!(said.matches("the journal is damaged: in archive.db page ").count(), 1, "{said}");
}

#[test]
fn a_task_whose_payload_cannot_be_read_never_runs() {
    let folder = folder();
    let server = begin(folder.path());
    let task = server.post("/v1/tasks/echo?wait=0s&delay=10s", &text(60_000)).task();
    end(server);
    flip(folder.path(), "place 2000;");

    let life = Life::start(folder.path()).unwrap();
    let said = match parked(&life, &task) {
        // Its row is written again whole, so the applier meets the page too.
        Some(document) => {
            assert_eq!(document["error"]["code"], "payload-lost", "{document}");
            document["error"]["detail"].as_str().unwrap().to_owned()
        }
        None => life.died().unwrap(),
    };
    assert!(said.contains("archive.db"), "{said}");
    assert!(said.contains("does not match its checksum"), "{said}");
}

/// Waits until a task is parked; nothing if the server ends before.
fn parked(life: &Life, task: &str) -> Option<Value> {
    loop {
        let answer = try_request(&life.server.data, "GET", &format!("/v1/tasks/{task}?wait=100ms"));
        let answer = answer.ok().filter(|answer| answer.status == 200)?;
        let document = answer.json();
        match document["state"].as_str().unwrap() {
            "parked" => return Some(document),
            "queued" | "running" => {}
            _ => panic!("{document}"),
        }
    }
}

#[test]
fn a_backlog_that_cannot_be_read_ends_the_server() {
    let folder = folder();
    let server = begin(folder.path());
    server.post("/v1/tasks/echo?wait=0s&delay=60m", "the first of all");
    // So many that the first does not stand where the start looks for the last.
    for number in 0..40 {
        let body = format!("{number} {}", "x".repeat(1_000));
        server.post("/v1/tasks/echo?wait=0s&delay=60m", &body);
    }
    end(server);
    // After an orderly end the start itself goes through all of them.
    begin(folder.path()).kill();
    flip(folder.path(), "the first of all");

    let life = Life::start(folder.path()).unwrap();
    let said = life.died().unwrap();
    assert!(said.contains("unfinished tasks cannot be read"), "{said}");
    assert!(said.contains("in archive.db page "), "{said}");
}
