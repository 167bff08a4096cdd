//! A write is appended only if what its handler had read is still so.

use crate::support::*;
use overtime_journal::Options;
use overtime_protocol::record::{Expect, Put, ReadMark, Record};
use overtime_protocol::{Fate, TaskId, keep, kept_key, read_kept};

fn open(root: &tempfile::TempDir) -> Running {
    Running::open(&Options { segment_bytes: 64 * 1024, ..Options::new(root.path()) })
}

fn mark(running: &Running, key: &str) -> ReadMark {
    running.journal.store().state(key.as_bytes()).unwrap().read
}

fn after(task: TaskId) -> ReadMark {
    ReadMark::After { task, run: 1 }
}

fn deletes(key: &str, read: ReadMark) -> Put {
    Put { value: None, ..put(key, "", read) }
}

fn is_conflict(fate: Fate) -> bool {
    matches!(fate, Fate::Conflict { .. })
}

#[test]
fn in_one_batch_the_first_writer_wins() {
    let root = tempfile::tempdir().unwrap();
    let running = open(&root);
    let commits = running.journal.stats();
    let held = running.hold();
    let first = running.send(writes(1, put("s/a", "first", NEVER)));
    let second = running.send(writes(2, put("s/a", "second", NEVER)));
    let other = running.send(writes(3, put("s/b", "other", NEVER)));
    drop(held);
    let fates = running.fates(&[first, second, other]);
    assert!(matches!(fates[0], Fate::Durable { .. }));
    assert!(is_conflict(fates[1]));
    assert!(matches!(fates[2], Fate::Durable { .. }));
    let batches = commits.commits.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(batches, 2, "one for the holder and one for the rest");
    assert_eq!(running.journal.store().state(b"s/a").unwrap().value.unwrap(), "first");
    running.close();
}

#[test]
fn across_batches_a_stale_read_conflicts_and_a_fresh_one_does_not() {
    let root = tempfile::tempdir().unwrap();
    let running = open(&root);
    let stale = mark(&running, "s/a");
    running.durable(writes(1, put("s/a", "one", stale)));
    assert!(is_conflict(running.append(writes(2, put("s/a", "two", stale)))));
    let fresh = mark(&running, "s/a");
    running.durable(writes(2, put("s/a", "two", fresh)));
    assert!(is_conflict(running.append(writes(3, put("s/a", "three", fresh)))));
    running.close();
}

#[test]
fn a_key_only_read_must_not_have_changed_either() {
    let root = tempfile::tempdir().unwrap();
    let running = open(&root);
    let seen = mark(&running, "s/read");
    let expects = |read| vec![Expect { key: "s/read".into(), read }];
    let write = |number, read| Record {
        expects: expects(read),
        ..writes(number, put(&format!("s/{number}"), "x", NEVER))
    };
    running.durable(write(1, seen));
    running.durable(writes(2, put("s/read", "changed", seen)));
    assert!(is_conflict(running.append(write(3, seen))));
    assert_eq!(running.journal.store().state(b"s/3").unwrap().value, None);
    running.close();
}

#[test]
fn the_hash_of_a_conflict_names_its_key() {
    let root = tempfile::tempdir().unwrap();
    let running = open(&root);
    for key in ["s/a", "s/b"] {
        running.durable(writes(1, put(key, "x", NEVER)));
    }
    let hash = |key| match running.append(writes(2, put(key, "y", NEVER))) {
        Fate::Conflict { key_hash } => key_hash,
        other => panic!("{other:?}"),
    };
    assert_eq!(hash("s/a"), hash("s/a"));
    assert_ne!(hash("s/a"), hash("s/b"));
    running.close();
}

#[test]
fn a_chain_goes_through_and_breaks_where_one_of_it_failed() {
    let root = tempfile::tempdir().unwrap();
    let running = open(&root);
    let chain = |start: u64, first: ReadMark| {
        [
            writes(start, put("s/hot", "1", first)),
            writes(start + 1, put("s/hot", "2", after(task(start)))),
            writes(start + 2, put("s/hot", "3", after(task(start + 1)))),
        ]
    };
    let held = running.hold();
    let tickets: Vec<_> = chain(1, NEVER).into_iter().map(|record| running.send(record)).collect();
    drop(held);
    let fates = running.fates(&tickets);
    assert!(fates.iter().all(|fate| matches!(fate, Fate::Durable { .. })), "{fates:?}");
    // The first of the second chain read too early, so the others saw what never was.
    let fates = running.append_all(chain(4, NEVER));
    assert!(fates.iter().all(|&fate| is_conflict(fate)), "{fates:?}");
    assert_eq!(running.journal.store().state(b"s/hot").unwrap().value.unwrap(), "3");
    running.close();
}

#[test]
fn a_chain_whose_start_nobody_knows_is_broken() {
    let root = tempfile::tempdir().unwrap();
    let running = open(&root);
    assert!(is_conflict(running.append(writes(1, put("s/new", "x", after(task(9)))))));
    let last = running.durable(writes(2, put("s/old", "x", NEVER)));
    running.wait_applied(last);
    let forgotten = || writes(3, put("s/old", "y", after(task(2))));
    // Its entry may stay for a moment after it was applied; without it the writer is not known.
    while !is_conflict(running.append(forgotten())) {
        let read = mark(&running, "s/old");
        let last = running.durable(writes(2, put("s/old", "x", read)));
        running.wait_applied(last);
    }
    running.close();
}

#[test]
fn a_read_holds_when_the_archive_moved_and_the_key_did_not() {
    let root = tempfile::tempdir().unwrap();
    let running = open(&root);
    let last = running.durable(writes(1, put("s/a", "one", NEVER)));
    let (from_log, absent) = (mark(&running, "s/a"), mark(&running, "s/none"));
    running.wait_applied(last);
    // The same value is now read from the archive, and the mark from the log still holds.
    running.durable(writes(2, put("s/a", "two", from_log)));
    running.durable(writes(2, put("s/none", "some", absent)));
    running.close();
}

#[test]
fn a_read_conflicts_when_the_change_is_in_the_archive_already() {
    let root = tempfile::tempdir().unwrap();
    let running = open(&root);
    let first = running.durable(writes(1, put("s/a", "one", NEVER)));
    running.wait_applied(first);
    let (seen, absent) = (mark(&running, "s/a"), mark(&running, "s/b"));
    running.durable(writes(2, put("s/a", "two", seen)));
    let last = running.durable(writes(2, put("s/b", "new", absent)));
    running.wait_applied(last);
    assert!(is_conflict(running.append(writes(3, put("s/a", "three", seen)))));
    assert!(is_conflict(running.append(writes(3, put("s/b", "newer", absent)))));
    running.close();
}

#[test]
fn a_deleted_key_reads_as_none_before_and_after_it_is_applied() {
    let root = tempfile::tempdir().unwrap();
    let running = open(&root);
    running.durable(writes(1, put("s/a", "one", NEVER)));
    let seen = mark(&running, "s/a");
    let stopped = stop_applier(root.path());
    running.durable(writes(2, deletes("s/a", seen)));
    // While the deletion is in the log only, it can be followed by a write.
    let deleted = mark(&running, "s/a");
    running.durable(writes(2, put("s/a", "back", deleted)));
    let back = mark(&running, "s/a");
    let held = running.hold();
    let deletion = running.send(writes(2, deletes("s/a", back)));
    let same_batch = running.send(writes(3, put("s/a", "of an absent one", NEVER)));
    drop(held);
    let fates = running.fates(&[deletion, same_batch]);
    assert!(fates.iter().all(|fate| matches!(fate, Fate::Durable { .. })), "{fates:?}");
    let last = running.durable(writes(2, deletes("s/a", mark(&running, "s/a"))));
    let in_log = running.journal.store().state(b"s/a").unwrap();
    assert_eq!(in_log.value, None);
    drop(stopped);
    running.wait_applied(last);
    assert_eq!(running.journal.store().state(b"s/a").unwrap().value, None);
    // Recreated, it is not what was read before the deletion.
    running.durable(writes(3, put("s/a", "again", in_log.read)));
    assert!(is_conflict(running.append(writes(4, put("s/a", "late", seen)))));
    running.close();
}

#[test]
fn what_another_run_of_the_same_attempt_wrote_is_not_what_was_read() {
    let root = tempfile::tempdir().unwrap();
    let running = open(&root);
    let first = mark(&running, "s/hot");
    // The run that the follower read conflicted; the attempt ran again and wrote something else.
    let again = Record { run: 2, ..writes(1, put("s/hot", "again", first)) };
    running.durable(again);
    let task = task(1);
    let stale = writes(2, put("s/hot", "stale", ReadMark::After { task, run: 1 }));
    assert!(is_conflict(running.append(stale)));
    let right = writes(3, put("s/hot", "right", ReadMark::After { task, run: 2 }));
    running.durable(right);
    assert_eq!(running.journal.store().state(b"s/hot").unwrap().value.unwrap(), "right");
    running.close();
}

#[test]
fn what_was_not_read_conflicts_with_nothing() {
    let root = tempfile::tempdir().unwrap();
    let running = open(&root);
    let kept =
        |number, value: &str| Record { puts: vec![keep("space", "name", &value)], ..plain(number) };
    running.durable(kept(1, "in the log"));
    running.durable(kept(2, "in the log again"));
    let held = running.hold();
    let together = [running.send(kept(3, "one")), running.send(kept(4, "other"))];
    drop(held);
    let fates = running.fates(&together);
    assert!(fates.iter().all(|fate| matches!(fate, Fate::Durable { .. })), "{fates:?}");
    let last = running.journal.store().state(&kept_key("space", "name")).unwrap();
    assert_eq!(read_kept(&last.value.unwrap()), Some("other".to_owned()));
    running.close();
}
