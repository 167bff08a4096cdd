mod lives;
mod removal;

use super::*;
use crate::disk::Disk;
use crate::frame::Key;
use crate::log::{Found, Log};
use crate::memory_disk::MemoryDisk;
use crate::options::Options;
use crate::prepare;
use crate::recent::Recent;
use crate::retention::Retention;
use crate::storage::{ArchiveFiles, Site};
use crate::writer::{self, Batch};
use lives::Life;
use overtime_protocol::record::{Change, Put, ReadMark, Record};
use overtime_protocol::{Opener, TaskId, TaskState, UnixMillis};
use std::sync::OnceLock;

/// The length of a value that does not fit the pages that a new archive has.
const LONG: usize = 50_000;

/// A log, the end of it, and an applier, without threads.
struct Bench {
    log: Arc<Log>,
    writer: writer::Writer,
    applier: Applier,
    opener: Opener,
    folder: tempfile::TempDir,
    /// What was said of the strain.
    strains: std::sync::mpsc::Receiver<bool>,
}

/// The one opener of this crate's unit tests.
pub(crate) fn opener() -> Opener {
    static OPENER: OnceLock<Opener> = OnceLock::new();
    let mint = || Opener::mint().expect("no other unit test of this crate mints");
    OPENER.get_or_init(mint).clone()
}

impl Bench {
    /// With segments that two small records fill.
    fn new() -> Self {
        Self::with(4096 + 256)
    }

    fn with(segment_bytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let opener = opener();
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let log_max_bytes = 4 * segment_bytes;
        let options = Options { segment_bytes, log_max_bytes, ..Options::new("unused") };
        let found = Found { live: Vec::new(), free: Vec::new(), next_file: 1 };
        let log = Arc::new(Log::new(&options, Key(7), disk, found, 0));
        prepare::first(&log).unwrap();
        let writer = writer::Writer::new(Arc::clone(&log), None, 0);
        let (file, files) = (folder.path().join("archive.db"), ArchiveFiles::System);
        let site = Site { file, files, clock: options.clock };
        let archive = Writer::open(&site, opener.clone()).unwrap();
        let shared = Arc::new(Shared::new(Arc::clone(&log), Recent::default(), 0));
        let next = (1, SEGMENT_HEADER_BYTES);
        let (tell, strains) = std::sync::mpsc::channel();
        let deliver: Deliver = Arc::new(move |report| {
            if let Report::Strained(strained) = report {
                tell.send(strained).unwrap();
            }
        });
        let readers = Vec::new();
        let removal = Removal::new(Retention::default(), options.clock, &log.stats);
        let voice = Arc::new(Voice::new(Arc::clone(&deliver), Arc::clone(&log)));
        let unchecked = 0;
        let applier =
            Applier { shared, voice, archive, readers, next, deliver, removal, unchecked };
        Self { log, writer, applier, opener, folder, strains }
    }

    /// Commits one record; two fit a segment.
    fn commit(&mut self) -> u64 {
        self.commit_value("s/a", 60)
    }

    /// How often it was said that the disk is full.
    fn refusals(&self) -> u64 {
        self.log.state.lock().refusals
    }

    fn commit_value(&mut self, key: &'static str, len: usize) -> u64 {
        self.commit_puts(vec![put(key, len)])
    }

    fn commit_puts(&mut self, puts: Vec<Put>) -> u64 {
        let task = TaskId::from_key(1).unwrap();
        self.commit_record(Record { attempt: 1, run: 1, puts, ..Record::new(task, UnixMillis(0)) })
    }

    /// Commits the end of a task that was not seen before.
    fn commit_end(&mut self, task: TaskId, at: UnixMillis) -> u64 {
        let document = Life::new(task.key()).document(TaskState::Succeeded, None, at);
        let change = Some(Change::Finished(document, None));
        self.commit_record(Record { attempt: 1, run: 1, change, ..Record::new(task, at) })
    }

    fn commit_record(&mut self, record: Record) -> u64 {
        let mut batch = Batch::new();
        batch.push(|out| record::encode(&record, &self.opener, out)).unwrap();
        let bytes = batch.frame_bytes();
        let (at, _) = self.writer.place(&mut batch).unwrap();
        let segment = self.writer.commit(&mut batch, at).unwrap();
        self.log.grow(segment, crate::fold::writes(&record) as u64, bytes);
        segment.last
    }

    fn apply(&mut self) -> u64 {
        self.applier.apply_some(Patience::GivesUp).unwrap();
        self.applier.shared.applied()
    }

    fn spare(&self) {
        let mut state = self.log.state.lock();
        let file = crate::disk::FileId(state.next_file);
        state.next_file += 1;
        self.log.disk.create(file).unwrap();
        prepare::fill(&*self.log.disk, file, 0, self.log.segment_bytes).unwrap();
        state.free.push(file);
    }
}

fn put(key: impl Into<bytes::Bytes>, len: usize) -> Put {
    let read = ReadMark::At { lsn: 0, watermark: 0 };
    Put { key: key.into(), value: Some(vec![b'x'; len].into()), read }
}

#[test]
fn a_transaction_is_bounded_by_what_it_writes_and_not_by_records() {
    const PUTS: usize = APPLY_WRITES_MAX / 2 + 1;
    let mut bench = Bench::with(8 << 20);
    let chunk = |number: usize| {
        let key = |n: usize| format!("s/{}", (n * 7_919 + number) % APPLY_WRITES_MAX);
        (0..PUTS).map(|n| put(key(n), 1)).collect()
    };
    let lsns = [1, 2, 3].map(|number| bench.commit_puts(chunk(number)));
    assert_eq!(bench.apply(), lsns[1]);
    assert_eq!(bench.apply(), lsns[2]);
}

#[test]
fn the_applier_goes_on_behind_a_segment_that_was_released_under_it() {
    let mut bench = Bench::new();
    bench.spare();
    bench.commit();
    let second = bench.commit();
    assert_eq!(bench.apply(), second);
    // The segment gets its successor only now, and is released before the applier looks again.
    let third = bench.commit();
    bench.log.release(second);
    assert!(bench.log.live(1).is_none(), "two records fill a segment");
    assert_eq!(bench.apply(), third);
}

/// The archive's file has no room beyond what it has, or all the room it wants.
fn limit_pages(bench: &Bench, has_room: bool) {
    let connection = bench.applier.archive.connection();
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    let most = if has_room { 1_000_000 } else { pages };
    connection.pragma_update_and_check(None, "max_page_count", most, |_| Ok(())).unwrap();
}

#[test]
fn a_full_disk_under_the_archive_is_waited_for_and_loses_nothing() {
    let mut bench = Bench::with(256 * 1024);
    limit_pages(&bench, false);
    let long = bench.commit_value("s/long", LONG);
    let refused = bench.refusals();
    assert!(!bench.applier.apply_some(Patience::GivesUp).unwrap());
    assert_eq!(bench.applier.shared.applied(), 0);
    // Whoever waits for room in the log learns of it.
    assert_eq!(bench.refusals(), refused + 1);
    let later = bench.commit_value("s/later", LONG);
    limit_pages(&bench, true);
    assert_eq!((bench.apply(), later > long), (later, true));
    for key in ["s/long", "s/later"] {
        let sql = "SELECT length(value) FROM state WHERE key = ?1";
        let connection = bench.applier.archive.connection();
        let len: i64 = connection.query_row(sql, [key.as_bytes()], |row| row.get(0)).unwrap();
        assert_eq!(len, LONG as i64);
    }
}

#[test]
fn an_index_of_the_archive_that_cannot_grow_passes_and_a_failed_write_does_not() {
    use rusqlite::ffi::{self, SQLITE_IOERR_FSYNC, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE};
    let error = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
    assert!(is_passing(&error(SQLITE_IOERR_SHMSIZE)));
    assert!(!is_passing(&error(SQLITE_IOERR_WRITE)));
    assert!(!is_passing(&error(SQLITE_IOERR_FSYNC)));
}

#[test]
fn an_archive_that_cannot_be_written_for_now_ends_without_a_failure_and_not_as_clean() {
    let mut bench = Bench::new();
    bench.commit();
    bench.apply();
    let file = bench.folder.path().join("archive.db");
    let other = rusqlite::Connection::open(file).unwrap();
    other.execute_batch("UPDATE meta SET value = 0 WHERE name = 'clean'; BEGIN IMMEDIATE").unwrap();
    bench.applier.archive.connection().busy_timeout(Duration::ZERO).unwrap();
    bench.applier.close().unwrap();
    other.execute_batch("ROLLBACK").unwrap();
    let sql = "SELECT value FROM meta WHERE name = 'clean'";
    assert_eq!(other.query_row(sql, [], |row| row.get(0)), Ok(0));
}

#[test]
fn that_the_log_has_room_again_is_told_also_if_nothing_more_comes() {
    let mut bench = Bench::new();
    (0..3).for_each(|_| bench.spare());
    (0..5).for_each(|_| assert!(bench.commit() > 0));
    bench.apply();
    assert_eq!(bench.strains.try_iter().collect::<Vec<_>>(), [true], "three segments of four");
    bench.applier.checkpoint(Effort::Passive).unwrap();
    assert_eq!(bench.strains.try_iter().collect::<Vec<_>>(), [false]);
}

#[test]
fn room_is_asked_for_again_while_a_stranger_reads_the_archive() {
    let mut bench = Bench::new();
    (0..3).for_each(|_| bench.spare());
    let stranger = rusqlite::Connection::open(bench.folder.path().join("archive.db")).unwrap();
    stranger.execute_batch("BEGIN; SELECT count(*) FROM tasks").unwrap();
    (0..5).for_each(|_| assert!(bench.commit() > 0));
    bench.apply();
    bench.applier.checkpoint(Effort::Passive).unwrap();
    assert_eq!(bench.strains.try_iter().collect::<Vec<_>>(), [true]);
    assert_eq!(bench.log.wait_for_work(bench.log.clock.monotonic()), Wake::MakeRoom);
    stranger.execute_batch("ROLLBACK").unwrap();
    bench.applier.checkpoint(Effort::Passive).unwrap();
    assert_eq!(bench.strains.try_iter().collect::<Vec<_>>(), [false]);
}

#[test]
fn a_wait_for_better_times_ends_with_the_log_and_not_with_more_records() {
    let bench = Bench::new();
    let segment = crate::log::Segment {
        file: crate::disk::FileId(1),
        sequence: 1,
        end: SEGMENT_HEADER_BYTES,
        last: 1,
        capacity: bench.log.segment_bytes,
    };
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| bench.log.pause(Duration::from_secs(3600)));
        for _ in 0..1_000 {
            bench.log.grow(segment, APPLY_WRITES_MAX as u64, 0);
            std::thread::yield_now();
            assert!(!waiting.is_finished());
        }
        bench.log.end();
        assert!(!waiting.join().unwrap());
    });
}
