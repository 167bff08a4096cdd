//! Removal: a finished task goes when its time is over, with everything that was kept of it, and
//! nothing else ever does.

use crate::support::*;
use bytes::Bytes;
use overtime_journal::{Options, Retention};
use overtime_protocol::record::{Change, Record};
use overtime_protocol::{
    Answer, Clock, Code, Document, Epoch, KindName, Query, Question, Scope, TaskFilter, TaskId,
    TaskIdMint, TaskState, bulk,
};
use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

/// The tasks of these tests ended in 1970.
const AT_ONCE: Duration = Duration::from_secs(1);

fn keeping(folder: &Path, finished: Duration, kinds: &[(&str, Duration)]) -> Options {
    let kind = |(name, span): &(&str, Duration)| (KindName::new(name).unwrap(), *span);
    let retention =
        Retention { finished, kinds: kinds.iter().map(kind).collect(), ..Retention::default() };
    Options { retention, ..small(folder) }
}

fn wait_removed(running: &Running, count: u64) {
    let stats = running.journal.stats();
    let until = Instant::now() + PATIENCE;
    while stats.removed.load(SeqCst) < count {
        assert!(!stats.poisoned.load(SeqCst));
        assert!(Instant::now() < until, "{} were removed", stats.removed.load(SeqCst));
        std::thread::yield_now();
    }
}

fn code_of(running: &Running, query: Query) -> Option<Code> {
    match running.ask(query) {
        Answer::Problem(problem) => Some(problem.code),
        _ => None,
    }
}

/// How many rows a table has.
fn rows(folder: &Path, table: &str) -> i64 {
    let archive = rusqlite::Connection::open(folder.join("archive.db")).unwrap();
    archive.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn what_has_ended_goes_with_all_that_was_kept_of_it_and_nothing_else_does() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&keeping(root.path(), CENTURY, &[]));
    running.durable(accepted_bulk(1, 5));
    running.durable(advanced(1, 1, 7));
    for block in 0..3 {
        let key = bulk::errors_key(task(1), block);
        let key = std::str::from_utf8(&key).unwrap();
        running.durable(writes(1, put(key, "{}", NEVER)));
    }
    running.durable(writes(1, put("contacts/a", "{}", NEVER)));
    running.durable(finished(1, TaskState::Succeeded, Some("made")));
    for (number, state) in
        [(2, TaskState::Succeeded), (3, TaskState::Failed), (4, TaskState::Cancelled)]
    {
        running.durable(finished(number, state, None));
    }
    running.durable(accepted(5, "in"));
    running.durable(parked(5));
    running.durable(accepted(6, "in"));
    running.durable(started(6, 1, 0));
    running.close();

    let running = Running::open(&keeping(root.path(), AT_ONCE, &[]));
    wait_removed(&running, 4);
    for number in 1..=4 {
        assert_eq!(code_of(&running, Query::Document(task(number))), Some(Code::UnknownTask));
        let events = Query::Events { task: task(number), after: 0 };
        assert_eq!(code_of(&running, events), Some(Code::UnknownTask));
    }
    assert_eq!(code_of(&running, Query::Document(task(5))), None);
    assert!(matches!(
        running.find_out(Question::Parked(task(5))),
        overtime_protocol::Finding::Parked(Ok(_))
    ));
    assert_eq!(running.journal.store().payload(task(6)).unwrap(), ["in"]);
    let usage = running.journal.stats().usage();
    assert_eq!(usage.iter().map(|(_, usage)| usage.rows).sum::<i64>(), 2);
    assert_eq!(usage.iter().map(|(_, usage)| usage.bytes).sum::<i64>(), 2 * (256 + 2));
    running.close();
    let counts = ["tasks", "events", "state"].map(|table| rows(root.path(), table));
    // The parked task and the one that runs have an event each; the contact is nobody's.
    assert_eq!(counts, [2, 2, 1]);
}

#[test]
fn each_kind_has_its_time() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&keeping(root.path(), CENTURY, &[("sleep", AT_ONCE)]));
    running.durable(finished(1, TaskState::Succeeded, None));
    running.durable(of_kind("sleep", finished(2, TaskState::Succeeded, None)));
    wait_removed(&running, 1);
    assert_eq!(code_of(&running, Query::Document(task(1))), None);
    assert_eq!(code_of(&running, Query::Document(task(2))), Some(Code::UnknownTask));
    running.close();
}

fn of_kind(kind: &str, mut record: Record) -> Record {
    if let Some(Change::Finished(document, _)) = &mut record.change {
        document.kind = KindName::new(kind).unwrap();
    }
    record
}

#[test]
fn many_tasks_go_while_others_come() {
    const TASKS: u64 = 3_000;
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&keeping(root.path(), CENTURY, &[]));
    running.append_all((1..=TASKS).map(|number| finished(number, TaskState::Succeeded, None)));
    running.close();
    let running = Running::open(&keeping(root.path(), AT_ONCE, &[("sleep", CENTURY)]));
    let others = TASKS + 1..=2 * TASKS;
    let kept = others.map(|number| of_kind("sleep", finished(number, TaskState::Failed, None)));
    running.append_all(kept);
    wait_removed(&running, TASKS);
    let filter = TaskFilter { limit: 1_000, ..TaskFilter::everything() };
    match running.list(Scope::All, &filter) {
        Answer::Value { body, .. } => {
            let body = String::from_utf8(body.to_vec()).unwrap();
            let ids: HashSet<_> = body.split("{\"id\":\"").skip(1).map(|one| &one[..26]).collect();
            let newest = (TASKS + 1..=2 * TASKS).rev().take(1_000);
            let newest: Vec<_> = newest.map(|number| task(number).to_string()).collect();
            assert_eq!(ids, newest.iter().map(String::as_str).collect());
        }
        other => panic!("{other:?}"),
    }
    running.close();
    assert_eq!(rows(root.path(), "tasks"), TASKS as i64);
    assert_eq!(running_usage(root.path()), TASKS as i64);
}

/// How many rows the archive says that it has.
fn running_usage(folder: &Path) -> i64 {
    let running = Running::open(&keeping(folder, CENTURY, &[]));
    let usage = running.journal.stats().usage();
    running.close();
    usage.iter().map(|(_, usage)| usage.rows).sum()
}

/// The end of a task that was minted now.
fn finished_now(id: TaskId) -> Record {
    let document = Document {
        id,
        finished_at: Some(Clock::start().now().unix),
        ..*document(1, TaskState::Succeeded)
    };
    let change = Some(Change::Finished(Box::new(document), None));
    Record { task: id, change, ..plain(1) }
}

#[test]
fn a_task_that_was_removed_is_gone_and_one_that_never_was_is_unknown() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&keeping(root.path(), AT_ONCE, &[]));
    let now = Clock::start().now().unix;
    let mint = |epoch| TaskIdMint::new(Epoch(epoch), None).mint(now);
    let (ours, of_later) = (mint(1), mint(2));
    running.durable(finished_now(ours));
    wait_removed(&running, 1);
    for query in [
        Query::Document(ours),
        Query::Result(ours),
        Query::Events { task: ours, after: 0 },
        Query::Errors { task: ours, live: false },
    ] {
        assert_eq!(code_of(&running, query.clone()), Some(Code::Gone), "{query:?}");
    }
    assert_eq!(code_of(&running, Query::Document(of_later)), Some(Code::UnknownTask));
    assert_eq!(code_of(&running, Query::Document(task(1))), Some(Code::UnknownTask));
    let key: Bytes = "contacts/a".into();
    let contact = Query::State { key, absent: Code::UnknownContact };
    assert_eq!(code_of(&running, contact), Some(Code::UnknownContact));
    running.close();
}
