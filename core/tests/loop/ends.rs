//! How a core ends, and what it tells of itself.

#![expect(clippy::disallowed_methods, reason = "the test waits for the core's word")]

use crate::support::{echo, limits, read_all, read_until, start, statuses};
use crossbeam_channel::bounded;
use overtime_core::{Exit, Limits, Mail};
use overtime_protocol::Lane;
use std::io::Write;
use std::time::Duration;

#[test]
fn a_drain_answers_those_that_wait_refuses_new_ones_and_ends() {
    let limits = Limits { drain_grace: Duration::from_millis(100), ..limits() };
    let server = start(limits);
    let mut waiting = server.connect();
    waiting
        .write_all(b"POST /v1/tasks/never HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        .unwrap();
    let mut open = server.connect();
    open.write_all(echo("before").as_bytes()).unwrap();
    read_until(&mut open, "before");
    let (inspect, snapshots) = bounded(1);
    server.mailbox.push(Mail::Stop);
    server.mailbox.push(Mail::Inspect(inspect));
    assert!(snapshots.recv().unwrap().draining);
    open.write_all(echo("after").as_bytes()).unwrap();
    let refused = read_all(&mut open);
    assert!(refused.contains("\"code\":\"draining\"") && refused.contains("Connection: close"));
    let text = read_all(&mut waiting);
    assert_eq!(statuses(&text), ["202"]);
    assert!(text.contains("\"state\":\"running\"") && text.contains("Location: /v1/tasks/"));
    assert_eq!(server.stop().unwrap(), Exit::Drained);
}

#[test]
fn a_failed_journal_is_told_and_ends_the_server() {
    let server = start(limits());
    let mut waiting = server.connect();
    waiting
        .write_all(b"POST /v1/tasks/never HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        .unwrap();
    let mut open = server.connect();
    open.write_all(echo("before").as_bytes()).unwrap();
    read_until(&mut open, "before");
    server.mailbox.push(Mail::JournalFailed("the disk is gone".to_owned()));
    assert_eq!(statuses(&read_all(&mut waiting)), ["503"]);
    let exit = server.core.join().unwrap().unwrap();
    assert_eq!(exit, Exit::JournalFailed("the disk is gone".to_owned()));
}

#[test]
fn the_snapshot_counts_what_happened() {
    let server = start(limits());
    server.talk([echo("a"), echo("b")].concat().as_bytes());
    server.talk(b"nonsense\r\n\r\n");
    let (inspect, snapshots) = bounded(1);
    server.mailbox.push(Mail::Inspect(inspect));
    let snapshot = snapshots.recv().unwrap();
    assert_eq!((snapshot.core.accepted, snapshot.core.requests, snapshot.core.refused), (2, 2, 1));
    assert_eq!((snapshot.engine.succeeded, snapshot.engine.submitted), (2, 2));
    assert_eq!(snapshot.engine.dispatched[Lane::Interactive], 2);
    assert!(snapshot.turns.turns > 0 && snapshot.turns.buckets.iter().sum::<u64>() > 0);
}

#[test]
fn whoever_waits_for_the_journal_is_answered_before_the_end() {
    let server = start(limits());
    let mut asking = server.connect();
    asking.write_all(b"GET /v1/errors HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    server.wait_until(|snapshot| snapshot.core.requests == 1);
    server.mailbox.push(Mail::Stop);
    server.wait_until(|snapshot| snapshot.draining);
    server.let_go();
    assert_eq!(statuses(&read_all(&mut asking)), ["404"]);
    assert_eq!(server.core.join().unwrap().unwrap(), Exit::Drained);
}
