//! Disks that are full, and disks that fail.

use crate::faulty_disk::{FaultyDisk, Mood};
use crate::support::*;
use overtime_journal::{Options, Report};
use overtime_protocol::Fate;
use overtime_protocol::record::{self, Change, Record};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

fn stored(running: &Running, key: &str) -> Option<String> {
    let value = running.journal.store().state(key.as_bytes()).unwrap().value;
    value.map(|value| String::from_utf8(value.to_vec()).unwrap())
}

/// What a crash leaves on the disk, recovered.
fn after_crash(folder: &Path, disk: &FaultyDisk) -> (tempfile::TempDir, Running) {
    let root = tempfile::tempdir().unwrap();
    // The log can be read with the key of its folder only.
    fs::copy(folder.join("FORMAT"), root.path().join("FORMAT")).unwrap();
    let options = small(root.path());
    let running = Running::open_on(&options, Arc::new(disk.copy()));
    (root, running)
}

#[test]
fn a_full_disk_refuses_and_later_takes_again() {
    // With a little room the first record of the batch is whole on disk when the write fails.
    for mood in [Mood::Full { room: 0 }, Mood::Full { room: 1_000 }] {
        let root = tempfile::tempdir().unwrap();
        let disk = Arc::new(FaultyDisk::default());
        let running = Running::open_on(&small(root.path()), Arc::clone(&disk) as _);
        let stopped = stop_applier(root.path());
        running.durable(writes(1, put("s/a", "before", NEVER)));
        let held = running.hold();
        disk.set(mood);
        let refused = [
            running.send(writes(2, put("s/b", "refused", NEVER))),
            running.send(writes(2, put("s/d", vec![b'x'; 6_000], NEVER))),
        ];
        drop(held);
        assert_eq!(running.fates(&refused), [Fate::DiskFull; 2]);
        assert_eq!(stored(&running, "s/b"), None);
        let (_refused_root, refused) = after_crash(root.path(), &disk);
        assert_eq!(stored(&refused, "s/a").as_deref(), Some("before"));
        assert_eq!(stored(&refused, "s/b"), None, "{mood:?}");
        refused.close();

        disk.set(Mood::Works);
        running.durable(writes(3, put("s/c", "after", NEVER)));
        let (_again_root, again) = after_crash(root.path(), &disk);
        assert_eq!(stored(&again, "s/b"), None);
        assert_eq!(stored(&again, "s/c").as_deref(), Some("after"));
        again.close();
        drop(stopped);
        running.close();
    }
}

#[test]
fn a_disk_too_full_for_another_segment_refuses_and_later_takes_again() {
    let root = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let running = Running::open_on(&small(root.path()), Arc::clone(&disk) as _);
    let stopped = stop_applier(root.path());
    disk.set(Mood::NoNewFiles);
    let mut taken = 0;
    while running.append(accepted(taken + 1, vec![b'x'; 5_000])) != Fate::DiskFull {
        taken += 1;
    }
    assert!(taken > 5, "the first segment held {taken}");
    disk.set(Mood::Works);
    running.durable(accepted(taken + 1, vec![b'x'; 5_000]));
    drop(stopped);
    running.close();
}

fn wait_for_segments(running: &Running, count: u64) {
    let stats = running.journal.stats();
    while stats.log_bytes.load(SeqCst) < count * 64 * 1024 {
        std::thread::yield_now();
    }
}

#[test]
fn a_failed_write_or_sync_poisons_and_nothing_is_acknowledged_after_it() {
    for mood in [Mood::WriteFails, Mood::SyncFails] {
        let root = tempfile::tempdir().unwrap();
        let disk = Arc::new(FaultyDisk::default());
        let running = Running::open_on(&small(root.path()), Arc::clone(&disk) as _);
        running.durable(writes(1, put("s/a", "before", NEVER)));
        // Or making the spare one is what fails first.
        wait_for_segments(&running, 2);
        disk.set(mood);
        running.send(writes(2, put("s/b", "lost", NEVER)));
        match running.report() {
            Report::Failed(_) => {}
            other => panic!("{mood:?}: {other:?}"),
        }
        disk.set(Mood::Works);
        assert!(running.journal.stats().poisoned.load(SeqCst));
        running.send(writes(3, put("s/c", "too late", NEVER)));
        let reports = running.reports.clone();
        assert!(running.close_failed().starts_with("the log could not be "), "{mood:?}");
        assert!(reports.try_recv().is_err(), "{mood:?}");

        let (_again_root, again) = after_crash(root.path(), &disk);
        assert_eq!(stored(&again, "s/a").as_deref(), Some("before"));
        assert_eq!(stored(&again, "s/c"), None);
        again.close();
    }
}

#[test]
fn a_record_that_turns_out_longer_than_expected_goes_into_the_next_batch() {
    let root = tempfile::tempdir().unwrap();
    let options = small(root.path());
    let running = Running::open(&options);
    let mut long = parked(2);
    let Some(Change::Parked(document)) = &mut long.change else { unreachable!() };
    let detail = usize::try_from(options.record_bytes_max()).unwrap() - 200;
    document.fault.as_mut().unwrap().detail = "x".repeat(detail);
    let held = running.hold();
    let tickets = [running.send(accepted(1, "short")), running.send(long)];
    drop(held);
    let fates = running.fates(&tickets);
    assert!(fates.iter().all(|fate| matches!(fate, Fate::Durable { .. })), "{fates:?}");
    running.close();
}

/// A record that is `len` bytes long when it is encoded.
fn plain_of(number: u64, len: usize) -> Record {
    let with = |value_len| writes(number, put("s/long", vec![b'x'; value_len], NEVER));
    let mut out = Vec::new();
    let rough = len - 100;
    record::encode(&with(rough), &opener(), &mut out).unwrap();
    with(rough + len - out.len())
}

#[test]
fn a_record_longer_than_a_segment_is_refused_alone() {
    let root = tempfile::tempdir().unwrap();
    let options = small(root.path());
    let running = Running::open(&options);
    let longest = usize::try_from(options.record_bytes_max()).unwrap();
    let held = running.hold();
    let tickets = [
        running.send(accepted(1, "short")),
        running.send(plain_of(2, longest + 1)),
        running.send(plain_of(3, longest)),
        running.send(accepted(4, "short")),
    ];
    drop(held);
    let fates = running.fates(&tickets);
    let refused: Vec<_> = fates.iter().map(|fate| *fate == Fate::TooLarge).collect();
    assert_eq!(refused, [false, true, false, false]);
    assert_eq!(running.journal.stats().oversized.load(SeqCst), 1);
    let found = running.journal.store().state(b"s/long").unwrap().value.unwrap();
    assert!(longest - found.len() < 32, "{} of {longest}", found.len());
    running.close();
}

#[test]
fn a_record_that_could_not_be_read_back_is_refused_alone() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&Options::new(root.path()));
    let cursor = vec![b'c'; record::CURSOR_MAX_BYTES + 1].into();
    let advance = record::Advance { cursor, progress: Default::default() };
    let long_cursor = Record { change: Some(Change::Advanced(advance)), ..plain(1) };
    let long_key = writes(2, put(&"k".repeat(17 << 20), "", NEVER));
    let fates = [accepted(3, "short"), long_cursor, long_key, accepted(4, "short")]
        .map(|record| running.append(record) == Fate::TooLarge);
    assert_eq!(fates, [false, true, true, false]);
    assert_eq!(running.journal.stats().oversized.load(SeqCst), 2);
    running.close();
}
