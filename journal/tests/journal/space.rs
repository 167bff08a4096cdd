//! Room on the disk: what is taken is known, and it is told when there begins or ceases to be enough.

use crate::support::*;
use overtime_journal::{DiskLimits, Options, Space};
use overtime_protocol::record::ReadMark;
use overtime_protocol::{KindName, TaskState};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Instant;

fn limited(folder: &Path, disk: DiskLimits) -> Options {
    Options { disk, ..small(folder) }
}

/// What is told, until it is what is waited for: how full the disk of the tests is does not matter.
fn wait_told(running: &Running, is_right: impl Fn(&Space) -> bool) -> Space {
    let told = || running.spaces.recv_timeout(PATIENCE).expect("the journal tells");
    loop {
        let space = told();
        if is_right(&space) {
            return space;
        }
    }
}

fn wait_for(running: &Running, counter: &AtomicU64, is_right: impl Fn(u64) -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_right(counter.load(SeqCst)) {
        assert!(!running.journal.stats().poisoned.load(SeqCst));
        assert!(Instant::now() < until, "it is {}", counter.load(SeqCst));
        std::thread::yield_now();
    }
}

#[test]
fn a_kind_that_takes_more_than_its_share_is_told_and_so_is_its_return() {
    let root = tempfile::tempdir().unwrap();
    let echo = KindName::new("echo").unwrap();
    let disk = DiskLimits { kinds: [(echo.clone(), 10_000)].into_iter().collect(), whole: None };
    let running = Running::open(&limited(root.path(), disk));
    running.durable(accepted(1, vec![b'x'; 9_900]));
    let over = wait_told(&running, |space| !space.over.is_empty());
    assert_eq!(over.over, [echo]);
    assert!(over.used > 0);
    running.durable(finished(1, TaskState::Succeeded, None));
    wait_told(&running, |space| space.over.is_empty());
    running.close();
}

#[test]
fn a_journal_that_takes_more_than_it_may_says_so_at_once() {
    let root = tempfile::tempdir().unwrap();
    let disk = DiskLimits { whole: Some(1), ..DiskLimits::default() };
    let running = Running::open(&limited(root.path(), disk));
    let told = wait_told(&running, |space| space.is_low);
    assert!(told.used > 1, "{told:?}");
    running.close();
}

#[test]
fn what_is_taken_is_counted_with_the_spool_before_and_after_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    running.spool(1, vec!["large".into()]);
    running.spool(2, vec!["large".into()]);
    running.durable(accepted_bulk(1, 5));
    let stats = running.journal.stats();
    // A checksum of four bytes stands behind each payload.
    wait_for(&running, &stats.spool_bytes, |bytes| bytes == 2 * (5 + 4));
    let taken = stats.disk_used.load(SeqCst);
    assert!(taken > stats.log_bytes.load(SeqCst) && stats.disk_free.load(SeqCst) > 0, "{taken}");
    running.close();
    // No record refers to the second.
    let again = Running::open(&small(root.path()));
    let stats = again.journal.stats();
    wait_for(&again, &stats.spool_bytes, |bytes| bytes == 5 + 4);
    again.close();
}

#[test]
fn what_the_log_can_use_again_is_not_taken() {
    const MIB: u64 = 1024 * 1024;
    let root = tempfile::tempdir().unwrap();
    let roomy =
        |disk| Options { segment_bytes: MIB, log_max_bytes: 8 * MIB, ..limited(root.path(), disk) };
    let running = Running::open(&roomy(DiskLimits::default()));
    let stopped = stop_applier(root.path());
    let mut lsn = 0;
    for _ in 0..12 {
        let read = ReadMark::At { lsn, watermark: 0 };
        lsn = running.durable(writes(1, put("s/a", vec![b'x'; 500_000], read)));
    }
    drop(stopped);
    running.close();

    let echo = KindName::new("echo").unwrap();
    let disk = DiskLimits { kinds: [(echo, 10_000)].into_iter().collect(), whole: None };
    let again = Running::open(&roomy(disk));
    again.durable(accepted(1, vec![b'x'; 9_900]));
    let told = wait_told(&again, |space| !space.over.is_empty());
    let log = again.journal.stats().log_bytes.load(SeqCst);
    assert!(log >= 6 * MIB && told.used < 4 * MIB, "{log} bytes of log, {told:?}");
    again.close();
}

#[test]
fn what_was_removed_is_room_for_what_comes() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::open(&small(root.path()));
    let large: &'static str = Box::leak("x".repeat(30_000).into_boxed_str());
    let tasks = (1..=50).map(|number| finished(number, TaskState::Succeeded, Some(large)));
    running.append_all(tasks);
    running.close();
    let retention = overtime_journal::Retention {
        finished: std::time::Duration::from_secs(1),
        ..overtime_journal::Retention::default()
    };
    let again = Running::open(&Options { retention, ..small(root.path()) });
    let stats = again.journal.stats();
    wait_for(&again, &stats.archive_reusable_bytes, |bytes| bytes > 30_000 * 40);
    again.close();
}
