//! Payloads in files of their own: there before a record says so, and gone after the end.

use crate::support::*;
use bytes::Bytes;
use overtime_journal::StoreError;
use overtime_protocol::{SpoolOrder, Spooled, TaskState};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Text that differs from place to place, in segments of 64 KiB.
fn text(len: usize) -> Vec<Bytes> {
    let text: String = (0..len / 8 + 1).map(|n| format!("{n:>8}")).collect();
    let text = Bytes::from(text).slice(..len);
    (0..len).step_by(65_536).map(|at| text.slice(at..len.min(at + 65_536))).collect()
}

fn file(folder: &Path, number: u64) -> PathBuf {
    folder.join("spool").join(task(number).to_string())
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder.join("spool")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Takes up what is in the folder: each unfinished task, and whether its payload is lost.
fn found(folder: &Path) -> Vec<(u64, bool)> {
    let found = unfinished_in(&small(folder)).into_iter();
    found.map(|found| (found.task.key(), found.payload_lost)).collect()
}

#[test]
fn a_large_payload_is_read_back_wherever_its_record_is() {
    const LEN: usize = 20_000_000;
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let payload = text(LEN);
    assert_eq!(running.spool(1, payload.clone()), Spooled::Written);
    let read = |running: &Running| running.journal.store().payload(task(1));
    let check = |running: &Running| {
        let read = read(running).unwrap();
        assert!(read.iter().all(|segment| segment.len() <= 1024 * 1024));
        assert!(read.concat() == payload.concat(), "the payload is not what was sent");
    };
    let stopped = stop_applier(root.path());
    let accepted = running.durable(accepted_bulk(1, LEN as u64));
    check(&running);
    drop(stopped);
    running.wait_applied(accepted);
    check(&running);
    running.close();
    assert_eq!(found(root.path()), [(1, false)]);

    let running = Running::open(&small(root.path()));
    check(&running);
    let last = running.durable(finished(1, TaskState::Succeeded, None));
    running.journal.spool().send(SpoolOrder::Remove(task(1))).unwrap();
    running.wait_applied(last);
    assert!(matches!(read(&running), Err(StoreError::Unknown)));
    running.close();
    assert!(!file(root.path(), 1).exists());
    let mut spares = fs::read_dir(root.path().join("spares")).unwrap();
    assert!(spares.next().is_none(), "nothing is kept of it when the journal is closed");
}

/// Spools and accepts tasks that end, park and go on, and leaves what a crash may leave.
fn leave_files(alive: &Path, killed: &Path) {
    let running = Running::open(&small(alive));
    for number in 1..=7 {
        assert_eq!(running.spool(number, text(1_000)), Spooled::Written);
        if number <= 6 {
            running.durable(accepted_bulk(number, 1_000));
        }
    }
    running.durable(finished(1, TaskState::Succeeded, None));
    let last = running.durable(parked(2));
    running.wait_applied(last);
    let stopped = stop_applier(alive);
    running.durable(finished(3, TaskState::Failed, None));
    running.durable(parked(4));
    running.durable(retrying(5, 1));
    copy_folder(alive, killed);
    drop(stopped);
    running.close();
}

#[test]
fn a_start_keeps_what_is_needed_and_removes_what_a_crash_left() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    leave_files(&alive, &killed);
    let foreign = ["README", &task(8).to_string().to_lowercase()].map(str::to_owned);
    let needed = [2, 4, 5, 6].map(|number| task(number).to_string());
    for folder in [&alive, &killed] {
        for part in [6, 9] {
            fs::write(file(folder, part).with_extension("part"), "half of it").unwrap();
        }
        for name in &foreign {
            fs::write(folder.join("spool").join(name), "not the spool's").unwrap();
        }
        assert_eq!(found(folder), [(5, false), (6, false)]);
        let expected = needed.iter().chain(&foreign).cloned().collect();
        assert_eq!(names(folder), expected, "{}", folder.display());
    }
}

#[test]
fn a_record_whose_file_is_gone_or_cut_is_told() {
    let root = tempfile::tempdir().unwrap();
    let (alive, killed) = (root.path().join("alive"), root.path().join("killed"));
    leave_files(&alive, &killed);
    for folder in [&alive, &killed] {
        fs::remove_file(file(folder, 5)).unwrap();
        fs::OpenOptions::new().write(true).open(file(folder, 6)).unwrap().set_len(900).unwrap();
        assert_eq!(found(folder), [(5, true), (6, true)]);
        let running = Running::open(&small(folder));
        for number in [5, 6] {
            let read = running.journal.store().payload(task(number));
            assert!(matches!(read, Err(StoreError::PayloadLost)), "{read:?}");
        }
        running.close();
    }
}

#[test]
fn what_goes_wrong_with_one_file_is_told_and_harms_no_other() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    symlink("/dev/full", file(root.path(), 1).with_extension("part")).unwrap();
    assert_eq!(running.spool(1, text(100_000)), Spooled::DiskFull);
    fs::create_dir(file(root.path(), 2).with_extension("part")).unwrap();
    let failed = running.spool(2, text(100_000));
    assert!(matches!(failed, Spooled::Failed(_)), "{failed:?}");
    assert_eq!(running.spool(3, text(100_000)), Spooled::Written);
    // A payload that is not in memory is the program's error, and told as well.
    let payload = overtime_protocol::Payload::stored(3);
    let order = SpoolOrder::Write { task: task(4), payload };
    running.journal.spool().send(order).unwrap();
    let report = running.report();
    let is_failed = |outcome: &Spooled| matches!(outcome, Spooled::Failed(_));
    match report {
        overtime_journal::Report::Spooled(_, outcome) if is_failed(&outcome) => {}
        other => panic!("{other:?}"),
    }
    fs::remove_dir(file(root.path(), 2).with_extension("part")).unwrap();
    running.durable(accepted(5, "nothing is poisoned"));
    assert_eq!(names(root.path()), [task(3).to_string()].into());
    running.close();
}

#[test]
fn who_reads_while_the_file_is_removed_reads_all_or_nothing() {
    const LEN: usize = 3_000_000;
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let payload = text(LEN).concat();
    for number in 1..=10 {
        assert_eq!(running.spool(number, text(LEN)), Spooled::Written);
        running.durable(accepted_bulk(number, LEN as u64));
        let store = running.journal.store();
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                loop {
                    match store.payload(task(number)) {
                        Ok(read) => assert!(read.concat() == payload),
                        Err(error) => return error,
                    }
                }
            });
            running.journal.spool().send(SpoolOrder::Remove(task(number))).unwrap();
            assert!(matches!(reading.join().unwrap(), StoreError::PayloadLost));
        });
    }
    running.close();
}
