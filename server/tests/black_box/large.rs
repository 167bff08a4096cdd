//! Large payloads: kept in files of their own, and carried through a crash.

use crate::support::{Server, folder};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("spool")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A file goes behind the answer, on a thread of its own; a request after that has passed it.
fn await_no_files(server: &Server, folder: &Path) {
    for _ in 0..600 {
        if files(folder).is_empty() {
            return;
        }
        assert_eq!(server.post("/v1/tasks/sleep", "{\"ms\":10}").status, 200);
    }
    panic!("{:?} is still there", files(folder));
}

/// The files that are kept for payloads to come, by their numbers on the disk.
fn spares(folder: &Path) -> Vec<u64> {
    let entries = fs::read_dir(folder.join("spares")).unwrap();
    entries.map(|entry| entry.unwrap().metadata().unwrap().ino()).collect()
}

fn contacts(from: usize, to: usize) -> String {
    let company = "x".repeat(200);
    (from..to)
        .map(|n| format!("{{\"email\":\"n{n}@b.example\",\"company\":\"{company}\"}}\n"))
        .collect()
}

const NDJSON: &[&str] = &["Content-Type: application/x-ndjson"];

#[test]
fn a_large_payload_has_a_file_as_long_as_its_task_lives() {
    let folder = folder();
    let server = Server::start(folder.path());
    let body = contacts(0, 20_000);
    let path = "/v1/bulk/contacts.upsert?wait=0s";
    let answer = server.request("POST", path, NDJSON, &body);
    assert_eq!(answer.status, 202, "{answer:?}");
    let task = answer.task();
    let document = server.wait_for(&task, &["succeeded"]);
    assert_eq!(document["lane"], "bulk");
    assert_eq!(document["progress"]["done"], 20_000);
    let result = server.get(&format!("/v1/tasks/{task}/result")).json();
    assert_eq!(result["succeeded"], 20_000);
    await_no_files(&server, folder.path());
}

#[test]
fn a_large_payload_is_written_over_the_last_until_the_server_ends() {
    let folder = folder();
    let server = Server::start(folder.path());
    let send = |items| {
        let path = "/v1/bulk/contacts.upsert?wait=0s";
        let task = server.request("POST", path, NDJSON, &contacts(0, items)).task();
        server.wait_for(&task, &["succeeded"]);
        let result = server.get(&format!("/v1/tasks/{task}/result")).json();
        assert_eq!((&result["items"], &result["failed"]), (&items.into(), &0.into()));
        await_no_files(&server, folder.path());
        spares(folder.path())
    };
    let first = send(5_000);
    assert_eq!(first.len(), 1);
    assert_eq!(send(4_990), first);
    assert_eq!(send(5_010), first);
    server.kill();
    let _server = Server::start(folder.path());
    assert!(spares(folder.path()).is_empty());
}

#[test]
fn a_single_payload_may_be_large_too() {
    let folder = folder();
    let server = Server::start(folder.path());
    let body = "x".repeat(3_000_000);
    let answer = server.post("/v1/tasks/echo", &body);
    assert_eq!((answer.status, answer.body.len()), (200, body.len()));
    assert!(answer.body == body);
}

#[test]
fn bulk_goes_on_at_its_cursor_after_a_crash() {
    let folder = folder();
    let server = Server::start(folder.path());
    let body = contacts(0, 60_000);
    let path = "/v1/bulk/contacts.upsert?wait=0s";
    let task = server.request("POST", path, NDJSON, &body).task();
    // It is under way, and not through.
    let document = loop {
        let document = server.get(&format!("/v1/tasks/{task}")).json();
        if document["progress"]["done"].as_u64().is_some_and(|done| done > 0) {
            break document;
        }
    };
    assert_ne!(document["state"], "succeeded", "it was over before it could be killed");
    server.kill();
    assert_eq!(files(folder.path()), [&*task]);
    fs::write(folder.path().join("spool").join("01DXF6EC400000000000000001"), "x").unwrap();

    let server = Server::start(folder.path());
    assert_eq!(files(folder.path()), [&*task], "a file that belongs to nobody");
    server.wait_for(&task, &["succeeded"]);
    let result = server.get(&format!("/v1/tasks/{task}/result")).json();
    assert_eq!((&result["items"], &result["succeeded"]), (&60_000.into(), &60_000.into()));
    for n in [0, 1, 100, 30_000, 59_999] {
        let contact = server.get(&format!("/v1/contacts/n{n}@b.example")).json();
        assert_eq!(contact["version"], 1, "n{n} was written twice or not at all");
    }
}

#[test]
fn a_payload_that_is_gone_parks_its_task() {
    let folder = folder();
    let server = Server::start(folder.path());
    let path = "/v1/bulk/contacts.upsert?wait=0s&delay=60m";
    let task = server.request("POST", path, NDJSON, &contacts(0, 1_000)).task();
    server.kill();
    fs::remove_file(folder.path().join("spool").join(&task)).unwrap();

    let server = Server::start(folder.path());
    let document = server.wait_for(&task, &["parked"]);
    assert_eq!(document["error"]["code"], "payload-lost");
}
