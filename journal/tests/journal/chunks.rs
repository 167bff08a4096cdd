//! Tasks that are worked on chunk by chunk: a restart goes on where the last one ended.

use crate::support::*;
use overtime_journal::{Options, open};
use overtime_protocol::record::{Put, Record};
use overtime_protocol::{Form, Progress, TaskState, Unfinished};
use std::path::Path;

/// What a restart finds of the unfinished tasks.
fn unfinished(options: &Options) -> Vec<Unfinished> {
    open(options, opener()).unwrap().take_recovered().unfinished
}

fn cursor(found: &Unfinished) -> Option<&str> {
    found.cursor.as_deref().map(|cursor| std::str::from_utf8(cursor).unwrap())
}

fn progress(done: u64) -> Option<Progress> {
    Some(Progress { done, total: None })
}

/// Leaves tasks in many states, some of it in the archive and some in the log only; the folder as
/// a kill would leave it is `killed`.
fn leave_tasks(alive: &Path, killed: &Path) {
    let running = Running::open(&small(alive));
    for number in 1..=6 {
        running.durable(accepted_bulk(number, 100));
    }
    running.durable(started(1, 1, 0));
    running.durable(advanced(1, 1, 10));
    running.durable(advanced(2, 1, 10));
    running.durable(advanced(4, 1, 10));
    let last = running.durable(advanced(5, 1, 10));
    running.wait_applied(last);
    let stopped = stop_applier(alive);
    running.durable(advanced(1, 1, 20));
    running.durable(retrying(2, 1));
    running.durable(advanced(3, 1, 5));
    running.durable(advanced(3, 1, 7));
    running.durable(finished(4, TaskState::Succeeded, None));
    running.durable(parked(5));
    running.durable(advanced(6, 1, 1));
    running.durable(parked(6));
    running.durable(started(6, 2, 0));
    copy_folder(alive, killed);
    drop(stopped);
    running.close();
}

#[test]
fn a_restart_finds_the_newest_cursor_of_each_task() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    leave_tasks(&alive, &killed);
    for folder in [&alive, &killed] {
        let found = unfinished(&small(folder));
        let cursors: Vec<_> =
            found.iter().map(|found| (found.task, cursor(found), found.attempts)).collect();
        let expected = [
            (task(1), Some("behind item 20"), 1),
            (task(2), Some("behind item 10"), 1),
            (task(3), Some("behind item 7"), 0),
            (task(6), Some("behind item 1"), 2),
        ];
        assert_eq!(cursors, expected, "{}", folder.display());
        assert_eq!(found[0].progress, progress(20));
        assert_eq!(found[2].progress, progress(7));
        assert!(found.iter().all(|found| found.acceptance.form == Form::Bulk));
        assert!(found.iter().all(|found| found.acceptance.payload.is_spooled()));
        assert!(found.iter().all(|found| found.acceptance.payload.len() == 100));
    }
}

#[test]
fn a_chunk_writes_what_it_put_and_a_parked_task_keeps_its_cursor() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.durable(accepted_bulk(1, 100));
    let puts: Vec<Put> = (0..500).map(|n| put(&format!("s/{n}"), "x", NEVER)).collect();
    running.durable(Record { puts, ..advanced(1, 1, 500) });
    let last = running.durable(parked(1));
    running.wait_applied(last);
    for key in ["s/0", "s/499"] {
        assert_eq!(running.journal.store().state(key.as_bytes()).unwrap().value.unwrap(), "x");
    }
    running.close();
    assert_eq!(unfinished(&small(root.path())).len(), 0);

    // A person has it tried again; what was applied before the restart is enough to go on.
    let running = Running::open(&small(root.path()));
    let last = running.durable(retrying(1, 1));
    running.wait_applied(last);
    running.close();
    let found = unfinished(&small(root.path()));
    assert_eq!(found.iter().map(cursor).collect::<Vec<_>>(), [Some("behind item 500")]);
}
