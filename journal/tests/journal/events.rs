//! Events: each record of a task is told once, by the LSN that it has for ever, wherever it lies.

use crate::support::*;
use overtime_protocol::record::Record;
use overtime_protocol::{Answer, Code, EventPage, Query, TaskEvent, TaskState, UnixMillis};
use std::path::Path;

/// What happens to a task until it ends.
fn life(number: u64) -> Vec<Record> {
    let mut records = vec![
        accepted(number, "in"),
        started(number, 1, 0),
        advanced(number, 1, 3),
        advanced(number, 1, 6),
        retrying(number, 1),
        started(number, 2, 0),
        parked(number),
        resumed(number),
        started(number, 3, 0),
        cancel_asked(number),
        finished(number, TaskState::Failed, None),
    ];
    for (place, record) in records.iter_mut().enumerate() {
        record.at = UnixMillis(2_000 + place as u64);
    }
    records
}

/// Appends records; the events that they are.
fn append(running: &Running, records: Vec<Record>) -> Vec<TaskEvent> {
    let event = |record: Record| {
        let copy = record.clone();
        TaskEvent::of(running.durable(record), &copy).expect("each is an event")
    };
    records.into_iter().map(event).collect()
}

fn page(running: &Running, number: u64, after: u64) -> EventPage {
    match running.ask(Query::Events { task: task(number), after }) {
        Answer::Events(page) => *page,
        other => panic!("{other:?}"),
    }
}

fn check_events(running: &Running, number: u64, expected: &[TaskEvent]) {
    let found = page(running, number, 0);
    assert_eq!((found.task, &found.events[..], found.more), (task(number), expected, false));
    for (place, event) in expected.iter().enumerate() {
        assert_eq!(page(running, number, event.sequence).events, expected[place + 1..]);
    }
}

fn check_after_restart(folder: &Path, expected: &[Vec<TaskEvent>]) {
    let again = Running::open(&small(folder));
    for (number, events) in (1..).zip(expected) {
        check_events(&again, number, events);
    }
    again.close();
}

#[test]
fn every_event_is_told_once_wherever_it_lies() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    let running = Running::open(&small(&alive));
    // One record a transaction.
    let mut apart = Vec::new();
    for record in life(1) {
        apart.extend(append(&running, vec![record]));
        check_events(&running, 1, &apart);
        running.wait_applied(apart.last().unwrap().sequence);
        check_events(&running, 1, &apart);
    }
    // All of them in one, and one that starts in one and ends in another.
    let whole = life(3);
    let (began, ends) = whole.split_at(5);
    let mut across = append(&running, began.to_vec());
    running.wait_applied(across.last().unwrap().sequence);
    let stopped = stop_applier(&alive);
    let together = append(&running, life(2));
    across.extend(append(&running, ends.to_vec()));
    let expected = [apart, together, across];
    let check = || (1..).zip(&expected).for_each(|(n, events)| check_events(&running, n, events));
    check();
    copy_folder(&alive, &killed);
    drop(stopped);
    running.wait_applied(expected[2].last().unwrap().sequence);
    check();
    running.close();
    check_after_restart(&alive, &expected);
    check_after_restart(&killed, &expected);
}

#[test]
fn a_task_that_ends_in_its_first_record_has_that_event_and_costs_no_row() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let records = vec![finished(1, TaskState::Succeeded, Some("made"))];
    let expected = append(&running, records);
    check_events(&running, 1, &expected);
    running.wait_applied(expected[0].sequence);
    check_events(&running, 1, &expected);
    assert_eq!(expected[0].at, UnixMillis(9_500));
    assert!(expected[0].is_final());
    running.close();
    let archive = rusqlite::Connection::open(root.path().join("archive.db")).unwrap();
    let rows: i64 = archive.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
}

#[test]
fn what_comes_behind_the_end_is_no_event() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let stopped = stop_applier(root.path());
    let mut expected = append(&running, vec![accepted(1, "in")]);
    expected.extend(append(&running, vec![finished(1, TaskState::Cancelled, None)]));
    let late = running.durable(started(1, 4, 0));
    check_events(&running, 1, &expected);
    drop(stopped);
    running.wait_applied(late);
    check_events(&running, 1, &expected);
    let late = running.durable(advanced(1, 4, 9));
    check_events(&running, 1, &expected);
    running.wait_applied(late);
    check_events(&running, 1, &expected);
    running.close();
}

#[test]
fn an_acceptance_that_starts_the_task_too_is_one_event() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let change = started(1, 1, 0).change;
    let both = Record { change, ..accepted(1, "in") };
    let again = Record { change: retrying(1, 1).change, ..accepted(1, "in") };
    let expected = append(&running, vec![both, again]);
    check_events(&running, 1, &expected);
    running.wait_applied(expected[1].sequence);
    check_events(&running, 1, &expected);
    running.close();
}

#[test]
fn many_events_come_in_pages() {
    const CHUNKS: u64 = 2_500;
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.append_all([accepted_bulk(1, 5)]);
    let chunks = (1..=CHUNKS).map(|number| advanced(1, 1, number));
    assert_eq!(running.append_all(chunks).len() as u64, CHUNKS);
    running.append_all([finished(1, TaskState::Succeeded, None)]);
    let (mut after, mut lens, mut sequences) = (0, Vec::new(), Vec::new());
    loop {
        let found = page(&running, 1, after);
        lens.push(found.events.len());
        sequences.extend(found.events.iter().map(|event| event.sequence));
        after = *sequences.last().unwrap();
        if !found.more {
            assert!(found.events.last().unwrap().is_final());
            break;
        }
    }
    assert_eq!(lens, [1_000, 1_000, 502]);
    assert!(sequences.is_sorted_by(|one, next| one < next));
    running.close();
}

#[test]
fn a_task_that_nobody_knows_has_no_events() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.durable(writes(1, put("s/a", "one", NEVER)));
    let answer = running.ask(Query::Events { task: task(1), after: 0 });
    assert_eq!(problem(answer).code, Code::UnknownTask);
    running.close();
}
