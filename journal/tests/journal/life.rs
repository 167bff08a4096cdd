//! The life of a journal from outside: what was acknowledged is there, whatever happened since.

use crate::support::*;
use overtime_journal::{OpenError, open};
use overtime_protocol::TaskState;
use std::fs;
use std::sync::atomic::Ordering::SeqCst;

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    let running = Running::open(&small(&alive));
    for number in 1..=20 {
        running.durable(accepted(number, format!("payload {number}")));
    }
    running.durable(writes(21, put("s/a", "one", NEVER)));
    copy_folder(&alive, &killed);

    let opened = open(&small(&killed), opener()).unwrap();
    let recovered = opened.recovered();
    assert_eq!(recovered.highest, Some(task(21)));
    assert!(!recovered.clean);
    assert_eq!(recovered.epoch.0, 2);
    let (again, unfinished) = take_up(opened);
    assert_eq!(unfinished.len(), 20);
    assert_eq!(again.journal.store().payload(task(7)).unwrap(), ["payload 7"]);
    assert_eq!(again.journal.store().state(b"s/a").unwrap().value.unwrap(), "one");
    again.close();
    running.close();
}

#[test]
fn close_leaves_everything_in_the_archive() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let stats = running.journal.stats();
    let last = (1..=500).map(|number| running.send(accepted(number, vec![b'x'; 300]))).last();
    assert!(last.is_some());
    running.close();
    assert_eq!(stats.applied_lsn.load(SeqCst), stats.durable_lsn.load(SeqCst));
    assert_eq!(stats.records.load(SeqCst), 500);
    assert_eq!(fs::metadata(root.path().join("archive.db-wal")).map_or(0, |m| m.len()), 0);

    let opened = open(&small(root.path()), opener()).unwrap();
    assert_eq!(opened.notes(), &[] as &[String]);
    assert!(opened.recovered().clean);
    let (again, unfinished) = take_up(opened);
    again.close();
    assert_eq!(unfinished.len(), 500);
    let ids: Vec<_> = unfinished.iter().map(|unfinished| unfinished.task).collect();
    assert!(ids.is_sorted());
}

#[test]
fn finished_and_parked_tasks_are_not_taken_up() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    for number in 1..=4 {
        running.durable(accepted(number, "in"));
    }
    running.durable(finished(1, TaskState::Succeeded, Some("out")));
    running.durable(parked(2));
    running.durable(started(3, 5, 2));
    running.durable(started(4, 1, 0));
    running.durable(retrying(4, 1));
    running.close();

    let unfinished = unfinished_in(&small(root.path()));
    let [three, four] = &unfinished[..] else { panic!("{unfinished:?}") };
    assert_eq!((three.task, three.attempts, three.crashes), (task(3), 5, 2));
    // The journal was closed in order: what ran then is under no suspicion.
    assert_eq!(three.started, None);
    assert_eq!((four.task, four.attempts, four.started), (task(4), 1, None));
    assert_eq!(four.next_at.unwrap().0, 77_000);
    assert_eq!(four.fault.as_ref().unwrap().code, "busy");
    let acceptance = &four.acceptance;
    assert_eq!((acceptance.urgency, acceptance.payload.len()), (4, 2));
    assert!(acceptance.payload.is_stored());
    assert_eq!(acceptance.due_at.unwrap().0, 5_000);
    assert_eq!(acceptance.content_type.as_deref(), Some("text/plain"));
    assert_eq!(acceptance.traceparent.as_deref(), Some("00-trace"));
}

#[test]
fn a_second_open_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let second = open(&small(root.path()), opener()).err();
    assert!(matches!(second, Some(OpenError::Locked { .. })), "{second:?}");
    running.close();
    assert!(open(&small(root.path()), opener()).is_ok());
}

#[test]
fn the_log_is_laid_over_the_archive() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    let running = Running::open(&small(&alive));
    for number in 1..=5 {
        running.durable(accepted(number, "in"));
    }
    running.durable(parked(4));
    let last = running.durable(retrying(5, 3));
    running.wait_applied(last);
    // From here on everything is in the log only.
    let stopped = stop_applier(&alive);
    running.durable(finished(1, TaskState::Succeeded, None));
    running.durable(parked(2));
    running.durable(started(3, 1, 0));
    running.durable(started(4, 3, 1));
    running.durable(started(5, 4, 0));
    running.durable(accepted(6, "in"));
    running.durable(accepted(7, "in"));
    running.durable(parked(7));
    running.durable(retrying(7, 8));
    copy_folder(&alive, &killed);
    drop(stopped);
    running.close();

    for (folder, suspected) in [(&alive, false), (&killed, true)] {
        let opened = open(&small(folder), opener()).unwrap();
        let recovered = opened.recovered();
        let (again, unfinished) = take_up(opened);
        again.close();
        let found: Vec<_> = unfinished
            .iter()
            .map(|found| (found.task, found.attempts, found.started.is_some(), found.crashes))
            .collect();
        let expected = [
            (task(3), 1, suspected, 0),
            (task(4), 3, suspected, 1),
            (task(5), 4, suspected, 0),
            (task(6), 0, false, 0),
            (task(7), 8, false, 0),
        ];
        assert_eq!(found, expected, "{}", folder.display());
        // A start says when it was; why the attempt before failed stays known.
        let five = &unfinished[2];
        assert_eq!(five.fault.as_ref().unwrap().code, "busy");
        assert_eq!(five.next_at, None);
        assert_eq!(recovered.highest, Some(task(7)));
    }
}
