//! Scopes: the tasks of others are answered, word for word, like those that do not exist, wherever
//! their records lie; one's own like those of a caller who sees everything.

use crate::support::*;
use overtime_protocol::record::{ReadMark, Record};
use overtime_protocol::{
    Answer, Finding, Query, Question, Scope, TaskFilter, TaskId, TaskState, bulk,
};
use std::sync::Arc;

/// A task that never was.
const NOBODY: u64 = 1_000_000;

fn own(tenant: &str) -> Scope {
    Scope::Own(tenant.into())
}

/// Every question about one task.
fn questions(number: u64) -> [Query; 5] {
    let task = task(number);
    [
        Query::Document(task),
        Query::Explanation(task),
        Query::Result(task),
        Query::Errors { task, live: false },
        Query::Events { task, after: 0 },
    ]
}

/// An answer in which every task is called the same.
fn text(answer: &Answer, number: u64) -> String {
    format!("{answer:?}").replace(&task(number).to_string(), "that task")
}

fn check(running: &Running, number: u64) {
    for (about, nobody) in questions(number).into_iter().zip(questions(NOBODY)) {
        let hidden = text(&running.ask_within(own("other"), about.clone()), number);
        let absent = text(&running.ask_within(own("other"), nobody), NOBODY);
        assert_eq!(hidden, absent, "{about:?}");
        assert!(hidden.contains("UnknownTask"), "{hidden}");
        let seen = text(&running.ask_within(own("acme"), about.clone()), number);
        assert_eq!(seen, text(&running.ask(about), number));
    }
}

/// A life of which each step leaves the task elsewhere.
fn life(number: u64) -> Vec<Record> {
    let blocks = bulk::errors_key(task(number), 0);
    let key = std::str::from_utf8(&blocks).expect("keys of errors are text");
    let read = ReadMark::At { lsn: 0, watermark: 0 };
    vec![
        accepted(number, "in"),
        started(number, 1, 0),
        Record { puts: vec![put(key, "{}\n", read)], ..advanced(number, 1, 3) },
        parked(number),
        resumed(number),
        finished(number, TaskState::Succeeded, Some("made")),
    ]
}

#[test]
fn the_tasks_of_others_do_not_exist() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    for record in life(1) {
        let last = running.durable(record);
        check(&running, 1);
        running.wait_applied(last);
        check(&running, 1);
    }
    let stopped = stop_applier(root.path());
    for record in life(2) {
        running.durable(record);
        check(&running, 2);
    }
    drop(stopped);
    running.close();
}

fn ids(running: &Running, scope: Scope, tenant: Option<&str>) -> Vec<u64> {
    let tenant = tenant.map(Into::into);
    let filter = TaskFilter { tenant, ..TaskFilter::everything() };
    let Answer::Value { body, .. } = running.list(scope, &filter) else {
        panic!("that is no list");
    };
    let text = String::from_utf8(body.to_vec()).unwrap();
    let ids = text.split("{\"id\":\"").skip(1);
    ids.map(|rest| rest[..26].parse::<TaskId>().unwrap().key()).collect()
}

#[test]
fn a_list_shows_ones_own_and_of_others_nothing() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.durable(accepted(1, "in"));
    let mut others = accepted(2, "in");
    others.acceptance.as_mut().unwrap().tenant = "other".into();
    running.durable(others);
    assert_eq!(ids(&running, Scope::All, None), [2, 1]);
    assert_eq!(ids(&running, Scope::All, Some("other")), [2]);
    assert_eq!(ids(&running, own("acme"), None), [1]);
    assert_eq!(ids(&running, own("acme"), Some("acme")), [1]);
    assert_eq!(ids(&running, own("acme"), Some("other")), [] as [u64; 0]);
    assert_eq!(ids(&running, own("nobody"), None), [] as [u64; 0]);
    running.close();
}

#[test]
fn whoever_asks_for_a_parked_task_hears_whose_it_is() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&impatient(root.path()));
    let owner = |number| match running.find_out(Question::Parked(task(number))) {
        Finding::Parked(Ok(parked)) => Some(parked.acceptance.tenant),
        Finding::Parked(Err(other)) => other.tenant,
        other => panic!("{other:?}"),
    };
    let acme: Option<Arc<str>> = Some("acme".into());
    assert_eq!(owner(NOBODY), None);
    for record in life(1) {
        let last = running.durable(record);
        running.wait_applied(last);
        assert_eq!(owner(1), acme);
    }
    // The archive is behind, and nobody waits for it for long.
    let stopped = stop_applier(root.path());
    running.durable(accepted(2, "in"));
    assert_eq!(owner(2), acme);
    drop(stopped);
    running.close();
}
