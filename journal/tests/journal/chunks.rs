//! Tasks that are worked on chunk by chunk: a restart goes on where the last one ended.

use crate::support::*;
use overtime_journal::{Options, Report};
use overtime_protocol::record::{Put, ReadMark, Record};
use overtime_protocol::{Fate, Form, Progress, TaskState, Ticket, Unfinished};
use std::path::Path;

/// What a restart finds of the unfinished tasks.
fn unfinished(options: &Options) -> Vec<Unfinished> {
    unfinished_in(options)
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

/// A chunk that writes that many bytes at keys of its own.
fn writing(number: u64, items: u64, bytes: usize) -> Record {
    let key = format!("s/{number}/{items}");
    Record { puts: vec![put(&key, vec![b'x'; bytes], NEVER)], ..advanced(number, 1, items) }
}

fn all_durable(fates: &[Fate]) -> bool {
    fates.iter().all(|fate| matches!(fate, Fate::Durable { .. }))
}

#[test]
fn chunks_go_behind_the_singles_of_their_batch_and_in_front_of_their_own_task() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let held = running.hold();
    let chunk = running.send(advanced(1, 1, 10));
    let own = running.send(advanced(2, 1, 10));
    let singles = [running.send(accepted(3, "in")), running.send(accepted(4, "in"))];
    let end = running.send(finished(2, TaskState::Succeeded, None));
    drop(held);
    let fates = running.fates(&[singles[0], singles[1], own, end, chunk]);
    assert!(all_durable(&fates), "{fates:?}");
    let commits = running.journal.stats().commits.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(commits, 2, "one for the holder and one for the rest");
    running.close();
}

#[test]
fn chunks_come_on_though_singles_fill_every_batch() {
    let root = tempfile::tempdir().unwrap();
    let options = Options { log_max_bytes: 4 << 20, ..small(root.path()) };
    let running = Running::open(&options);
    // A batch of these segments is full with 8 KiB. The first chunk fits behind that and is the
    // last of the first batch; the second does not, and is the first of the second.
    for (bytes, batch, is_last) in [(20_000, 0, true), (54_000, 1, false)] {
        let held = running.hold();
        let chunk = running.send(writing(1, bytes, bytes as usize));
        let singles: Vec<_> =
            (0..64).map(|number| running.send(accepted(100 + number, vec![b'x'; 500]))).collect();
        drop(held);
        let mut batches: Vec<Vec<Ticket>> = Vec::new();
        while batches.iter().map(Vec::len).sum::<usize>() <= singles.len() {
            let Report::Verdicts(verdicts) = running.report() else { panic!("no verdicts") };
            batches.push(verdicts.into_iter().map(|verdict| verdict.ticket).collect());
        }
        let place = batches[batch].iter().position(|&ticket| ticket == chunk);
        let expected = if is_last { batches[batch].len() - 1 } else { 0 };
        assert_eq!(place, Some(expected), "{bytes}: {batches:?}");
        batches[batch].retain(|&ticket| ticket != chunk);
        assert_eq!(batches.concat(), singles);
    }
    running.close();
}

#[test]
fn the_mark_of_a_chunk_holds_wherever_its_writes_are() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let mark = |lsn| ReadMark::At { lsn, watermark: 0 };
    let deletes = |key: &str, read| Put { value: None, ..put(key, "", read) };
    let stopped = stop_applier(root.path());
    let puts = vec![put("s/kept", "1", NEVER), put("s/gone", "1", NEVER)];
    let first = running.durable(Record { puts, ..advanced(1, 1, 1) });
    // In the log only.
    let puts = vec![put("s/kept", "2", mark(first)), deletes("s/gone", mark(first))];
    let second = running.durable(Record { puts, ..advanced(1, 1, 2) });
    let puts = vec![put("s/kept", "3", mark(second)), put("s/gone", "3", mark(0))];
    let third = running.durable(Record { puts, ..advanced(1, 1, 3) });
    let puts = vec![deletes("s/gone", mark(third))];
    let fourth = running.durable(Record { puts, ..advanced(1, 1, 4) });
    drop(stopped);
    running.wait_applied(fourth);
    // In the archive, which has seen more than the mark says.
    let stale = vec![put("s/kept", "5", mark(second))];
    assert!(matches!(
        running.append(Record { puts: stale, ..advanced(1, 1, 5) }),
        Fate::Conflict { .. }
    ));
    let puts = vec![put("s/kept", "5", mark(third)), put("s/gone", "5", mark(0))];
    let fifth = running.durable(Record { puts, ..advanced(1, 1, 5) });
    running.wait_applied(fifth);
    let stale = vec![put("s/gone", "6", mark(0))];
    assert!(matches!(
        running.append(Record { puts: stale, ..advanced(1, 1, 6) }),
        Fate::Conflict { .. }
    ));
    let puts = vec![put("s/kept", "6", mark(fifth)), deletes("s/gone", mark(fifth))];
    let sixth = running.durable(Record { puts, ..advanced(1, 1, 6) });
    running.close();

    // Only the archive remembers.
    let running = Running::open(&small(root.path()));
    for stale in [put("s/kept", "7", mark(fifth)), put("s/gone", "7", mark(fifth))] {
        let fate = running.append(Record { puts: vec![stale], ..advanced(1, 1, 7) });
        assert!(matches!(fate, Fate::Conflict { .. }));
    }
    let puts = vec![put("s/kept", "7", mark(sixth)), put("s/gone", "7", mark(0))];
    running.durable(Record { puts, ..advanced(1, 1, 7) });
    running.close();
}

#[test]
fn chunks_wait_when_the_archive_is_behind_and_singles_do_not() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let stopped = stop_applier(root.path());
    let mut items = 0;
    let waiting = loop {
        items += 1;
        assert!(items < 20, "20 segments' worth of chunks were taken by a log of 8");
        let chunk = running.send(writing(1, items, 50_000));
        let single = running.send(accepted(100 + items, "in"));
        let mut answered = Vec::new();
        while !answered.contains(&single) {
            let Report::Verdicts(verdicts) = running.report() else { panic!("no verdicts") };
            answered.extend(verdicts.into_iter().map(|verdict| verdict.ticket));
        }
        if !answered.contains(&chunk) {
            break chunk;
        }
    };
    assert!(items > 3, "half of the log is there for chunks");
    for number in 0..20 {
        running.durable(accepted(200 + number, vec![b'x'; 2_000]));
    }
    drop(stopped);
    assert!(all_durable(&running.fates(&[waiting])));
    running.close();
}

#[test]
fn a_chunk_that_waits_is_committed_before_an_orderly_end() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let stopped = stop_applier(root.path());
    running.durable(accepted_bulk(1, 100));
    let tickets: Vec<_> = (1..=6).map(|items| running.send(writing(1, items, 50_000))).collect();
    let single = running.send(accepted(2, "in"));
    let mut answered = Vec::new();
    while !answered.contains(&single) {
        let Report::Verdicts(verdicts) = running.report() else { panic!("no verdicts") };
        answered.extend(verdicts.into_iter().map(|verdict| verdict.ticket));
    }
    assert!(!answered.contains(&tickets[5]), "the last one waits: {answered:?}");
    drop(stopped);
    running.close();
    assert_eq!(cursor(&unfinished(&small(root.path()))[0]), Some("behind item 6"));
}

/// Four attempts, the third of which comes further than those before it.
fn attempts(number: u64, acceptance: Record) -> [Record; 11] {
    [
        acceptance,
        started(number, 1, 0),
        advanced(number, 1, 5),
        retrying(number, 1),
        started(number, 2, 0),
        advanced(number, 2, 5),
        retrying(number, 2),
        started(number, 3, 0),
        advanced(number, 3, 6),
        retrying(number, 3),
        retrying(number, 4),
    ]
}

#[test]
fn attempts_before_one_that_came_further_do_not_count_after_a_restart_either() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    let running = Running::open(&small(&alive));
    // One record a transaction, …
    for record in attempts(1, accepted(1, "in")) {
        let last = running.durable(record);
        running.wait_applied(last);
    }
    // … some of them in the log only, …
    let records = attempts(2, accepted(2, "in"));
    let last = running.append_all(records[..5].iter().cloned()).len();
    running.wait_applied(running.durable(records[last].clone()));
    let stopped = stop_applier(&alive);
    running.append_all(records[last + 1..].iter().cloned());
    // … or all of them, or in one transaction. A pass over items gets over some nearly always.
    running.append_all(attempts(3, accepted(3, "in")));
    running.append_all(attempts(4, accepted_bulk(4, 100)));
    copy_folder(&alive, &killed);
    drop(stopped);
    running.close();
    for folder in [&alive, &killed] {
        let found = unfinished(&small(folder));
        let counted: Vec<_> = found.iter().map(|found| (found.attempts, found.forgiven)).collect();
        assert_eq!(counted, [(4, 2), (4, 2), (4, 2), (4, 0)]);
    }
}

#[test]
fn a_restart_applies_the_chunks_that_a_crash_left_in_the_log() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    let running = Running::open(&small(&alive));
    let stopped = stop_applier(&alive);
    let puts =
        |from: usize| (from..from + 50).map(|n| put(&format!("s/{n}"), "x", NEVER)).collect();
    running.durable(Record { puts: puts(0), ..advanced(1, 1, 50) });
    running.durable(Record { puts: puts(50), ..advanced(1, 1, 100) });
    copy_folder(&alive, &killed);
    drop(stopped);
    running.close();

    let running = Running::open(&small(&killed));
    let last = running.durable(Record { puts: puts(100), ..advanced(1, 1, 150) });
    running.wait_applied(last);
    for number in [0, 99, 149] {
        let state = running.journal.store().state(format!("s/{number}").as_bytes()).unwrap();
        assert_eq!(state.value.unwrap(), "x");
    }
    running.close();
}
