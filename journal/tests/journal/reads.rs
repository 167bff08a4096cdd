//! Reads see everything durable, wherever it lies at the moment.

use crate::support::*;
use bytes::Bytes;
use overtime_journal::{Options, Store, StoreError};
use overtime_protocol::record::Put;
use overtime_protocol::{Answer, Code, Fate, Query, TaskState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Checks every answer about four tasks: succeeded, failed, cancelled, parked.
fn check_answers(running: &Running) {
    for (number, state) in [
        (1, TaskState::Succeeded),
        (2, TaskState::Failed),
        (3, TaskState::Cancelled),
        (4, TaskState::Parked),
    ] {
        match running.ask(Query::Document(task(number))) {
            Answer::Document(found) => assert_eq!(found, document(number, state)),
            other => panic!("{other:?}"),
        }
    }
    match running.ask(Query::Result(task(1))) {
        Answer::Result { task: found, product, .. } => {
            assert_eq!(found, task(1));
            assert_eq!(product.body, "made");
            assert_eq!(product.content_type.as_deref(), Some("text/plain"));
        }
        other => panic!("{other:?}"),
    }
    match running.ask(Query::Result(task(2))) {
        Answer::Problem(problem) => {
            assert_eq!(problem.code, Code::InvalidInput);
            assert_eq!(problem.fault.unwrap().code, "invalid-email");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(problem(running.ask(Query::Result(task(3)))).code, Code::Cancelled);
    match running.ask(Query::Result(task(4))) {
        Answer::Accepted { document, retry_after, .. } => {
            assert_eq!((document.state, retry_after.as_secs()), (TaskState::Parked, 60));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(problem(running.ask(Query::Document(task(99)))).code, Code::UnknownTask);
    assert_eq!(problem(running.ask(Query::Result(task(99)))).code, Code::UnknownTask);
}

#[test]
fn tasks_are_answered_alike_before_and_after_they_are_in_the_archive() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let stopped = stop_applier(root.path());
    running.durable(finished(1, TaskState::Succeeded, Some("made")));
    running.durable(accepted(2, "in"));
    running.durable(finished(2, TaskState::Failed, None));
    running.durable(finished(3, TaskState::Cancelled, None));
    running.durable(accepted(4, "in"));
    let last = running.durable(parked(4));
    assert_eq!(running.journal.stats().applied_lsn.load(SeqCst), 0);
    check_answers(&running);
    drop(stopped);
    running.wait_applied(last);
    check_answers(&running);
    running.close();
}

#[test]
fn a_state_query_answers_the_value_or_the_problem_it_names() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.durable(writes(1, put("contacts/a", "{}", NEVER)));
    let ask = |key: &'static str| {
        running.ask(Query::State { key: key.into(), absent: Code::UnknownContact })
    };
    match ask("contacts/a") {
        Answer::Value { content_type, body } => {
            assert_eq!((content_type, &body[..]), ("application/json", &b"{}"[..]));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(problem(ask("contacts/b")).code, Code::UnknownContact);
    running.close();
}

#[test]
fn a_payload_is_there_until_its_task_ends() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let store = running.journal.store();
    let stopped = stop_applier(root.path());
    running.durable(accepted(1, "the payload"));
    assert_eq!(store.payload(task(1)).unwrap(), ["the payload"]);
    drop(stopped);
    let last = running.durable(parked(1));
    running.wait_applied(last);
    assert_eq!(store.payload(task(1)).unwrap(), ["the payload"]);
    let last = running.durable(finished(1, TaskState::Succeeded, None));
    running.wait_applied(last);
    assert!(matches!(store.payload(task(1)), Err(StoreError::Unknown)));
    assert!(matches!(store.payload(task(2)), Err(StoreError::Unknown)));
    running.close();
}

/// A value that starts with the number of the round that wrote it and is filled with it.
fn value(round: u64) -> Bytes {
    let mut value = round.to_le_bytes().to_vec();
    value.resize(3_000, round as u8);
    value.into()
}

#[test]
fn readers_see_every_durable_write_while_segments_are_used_again() {
    const ROUNDS: u64 = 150;
    const KEYS: u64 = 7;
    let root = tempfile::tempdir().unwrap();
    let options = Options { log_max_bytes: 4 * 64 * 1024, ..small(root.path()) };
    let running = Running::open(&options);
    let durable = AtomicU64::new(0);
    let read_all = |store: &Store| {
        for key in 0..KEYS {
            let sure = durable.load(SeqCst);
            let found = store.state(&key.to_le_bytes()).unwrap().value;
            let found = found.unwrap_or_else(|| panic!("key {key} is gone after round {sure}"));
            let round = u64::from_le_bytes(found[..8].try_into().unwrap());
            assert_eq!(found, value(round));
            assert!(round >= sure, "{round} after {sure}");
        }
    };
    let write_all = |round: u64| {
        let store = running.journal.store();
        let fates = running.append_all((0..KEYS).map(|key| {
            let key = Bytes::copy_from_slice(&key.to_le_bytes());
            let read = store.state(&key).unwrap().read;
            writes(round, Put { key, value: Some(value(round)), read })
        }));
        assert!(fates.iter().all(|fate| matches!(fate, Fate::Durable { .. })), "{fates:?}");
        durable.store(round, SeqCst);
    };
    write_all(1);
    std::thread::scope(|scope| {
        let writing = Arc::new(());
        for _ in 0..2 {
            let store = running.journal.store();
            let (read_all, writing) = (&read_all, Arc::downgrade(&writing));
            scope.spawn(move || {
                // The writer drops it at its end, and also if it panics.
                while writing.strong_count() > 0 {
                    read_all(&store);
                    std::thread::yield_now();
                }
            });
        }
        (2..=ROUNDS).for_each(write_all);
        drop(writing);
    });
    let log_bytes = running.journal.stats().bytes.load(SeqCst);
    assert!(log_bytes > 4 * options.log_max_bytes, "segments were used again: {log_bytes}");
    running.close();
}
