//! The files of an archive with bits flipped in them, under SQLite's own reads and writes.

use super::pages::check_pages;
use super::schema::{open_reader, open_writer};
use super::vfs::{self, PAGE};
use super::wal::{self, Found, WriteAheadLog};
use super::witness::{self, Witness};
use super::writer::{Effort, Writer};
use crate::applier::opener;
use crate::storage::{ArchiveFiles, Beside, Site};
use overtime_protocol::Clock;
use rusqlite::Connection;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const ROWS: i64 = 300;

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("archive.db")
    }

    fn site(&self) -> Site {
        Site { file: self.file(), files: ArchiveFiles::System, clock: Clock::start() }
    }

    /// An archive with some pages, and with all of them in its file.
    fn filled() -> Self {
        let bench = Self::new();
        let writer = open_writer(&bench.site()).unwrap();
        fill(&writer, 1);
        checkpoint(&writer).unwrap();
        writer.close().unwrap();
        bench
    }

    fn pages(&self) -> u32 {
        (fs::metadata(self.file()).unwrap().len() / PAGE as u64) as u32
    }
}

fn fill(writer: &Connection, seed: i64) {
    let insert = "INSERT OR REPLACE INTO state (key, value, lsn, crc) VALUES (?1, ?2, ?3, 0)";
    let transaction = writer.unchecked_transaction().unwrap();
    for row in 0..ROWS {
        let (key, value) = (row.to_be_bytes(), vec![(row * seed) as u8; 500]);
        transaction.execute(insert, (&key[..], value, row)).unwrap();
    }
    // One that goes on in pages of its own.
    let long = vec![seed as u8; 5 * PAGE];
    transaction.execute(insert, (&b"long"[..], long, seed)).unwrap();
    transaction.commit().unwrap();
}

fn checkpoint(writer: &Connection) -> rusqlite::Result<()> {
    writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// Everything that is in the state, in one number.
fn read_all(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT sum(lsn) + sum(length(hex(value))) FROM state";
    connection.query_row(sql, [], |row| row.get(0))
}

fn flip(file: &Path, byte: u64, bit: u8) {
    let file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut at = [0];
    file.read_exact_at(&mut at, byte).unwrap();
    file.write_all_at(&[at[0] ^ (1 << bit)], byte).unwrap();
}

#[test]
fn every_page_has_a_checksum_and_any_sqlite_reads_them() {
    let bench = Bench::filled();
    assert_eq!(fs::read(bench.file()).unwrap()[20], vfs::RESERVED_BYTES);
    assert!(bench.pages() > 20);
    assert_eq!(check_pages(&bench.file()).unwrap(), []);
    let sound = read_all(&open_reader(&bench.site()).unwrap()).unwrap();
    let stranger = Connection::open(bench.file()).unwrap();
    assert_eq!(read_all(&stranger).unwrap(), sound);
    let verdict: String = stranger.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

#[test]
fn a_vacuumed_archive_keeps_its_checksums() {
    let bench = Bench::filled();
    let writer = open_writer(&bench.site()).unwrap();
    writer.execute("DELETE FROM state WHERE lsn % 2 = 0", []).unwrap();
    writer.execute_batch("VACUUM").unwrap();
    checkpoint(&writer).unwrap();
    assert_eq!(check_pages(&bench.file()).unwrap(), []);
    assert_eq!(fs::read(bench.file()).unwrap()[20], vfs::RESERVED_BYTES);
}

#[test]
fn a_page_with_a_flipped_bit_is_named_and_never_read() {
    let bench = Bench::filled();
    for number in 1..=bench.pages() {
        let byte = u64::from(number - 1) * PAGE as u64 + u64::from(number) * 997 % PAGE as u64;
        flip(&bench.file(), byte, (number % 8) as u8);
        assert_eq!(check_pages(&bench.file()).unwrap(), [number]);
        let read =
            open_writer(&bench.site()).map_err(|error| error.to_string()).and_then(|found| {
                let sql = "PRAGMA integrity_check";
                let sound: rusqlite::Result<String> = found.query_row(sql, [], |row| row.get(0));
                sound.map_err(|error| vfs::explain(&error))
            });
        let told = format!("page {number} does not match its checksum");
        match read {
            // The check goes on where it can, and tells what it could not read.
            Ok(found) => assert_ne!(found, "ok", "page {number}"),
            Err(found) => assert!(found.contains(&told), "{found}"),
        }
        flip(&bench.file(), byte, (number % 8) as u8);
    }
    assert!(read_all(&open_reader(&bench.site()).unwrap()).is_ok());
}

#[test]
fn a_torn_page_that_the_write_ahead_log_has_whole_is_no_damage() {
    let bench = Bench::filled();
    let writer = open_writer(&bench.site()).unwrap();
    let sound = read_all(&writer).unwrap();
    // It stands in the first page, as SQLite's own tables do.
    writer.execute_batch("CREATE TABLE another (id INTEGER)").unwrap();
    let file = OpenOptions::new().write(true).open(bench.file()).unwrap();
    file.write_all_at(&[0x55; PAGE / 2], PAGE as u64 / 2).unwrap();
    let reader = open_reader(&bench.site()).map_err(|error| vfs::explain(&error)).unwrap();
    assert_eq!(read_all(&reader).map_err(|error| vfs::explain(&error)), Ok(sound));
}

#[test]
fn a_page_in_the_place_of_another_is_found() {
    let bench = Bench::filled();
    let file = OpenOptions::new().read(true).write(true).open(bench.file()).unwrap();
    let mut page = [0; PAGE];
    file.read_exact_at(&mut page, 4 * PAGE as u64).unwrap();
    file.write_all_at(&page, 6 * PAGE as u64).unwrap();
    assert_eq!(check_pages(&bench.file()).unwrap(), [7]);
}

#[test]
fn a_flipped_bit_in_the_write_ahead_log_is_neither_read_nor_moved_on() {
    let bench = Bench::filled();
    let writer = open_writer(&bench.site()).unwrap();
    let sound = read_all(&writer).unwrap();
    fill(&writer, 2);
    let Found::Log(WriteAheadLog { frames, lost: 0, .. }) = wal::read(&bench.file()).unwrap()
    else {
        panic!("{:?}", wal::read(&bench.file()));
    };
    assert!(frames > 20);
    let middle = 32 + u64::from(frames / 2) * (24 + PAGE as u64) + 24 + 4000;
    flip(&wal::of(&bench.file()), middle, 5);
    let told = format!("frame {} of the write-ahead log is not as it was written", frames / 2);
    // With caches that hold nothing yet.
    let reader = open_reader(&bench.site()).unwrap();
    for failed in [read_all(&reader).unwrap_err(), checkpoint(&writer).unwrap_err()] {
        assert!(vfs::is_damage(&failed), "{failed}");
        assert_eq!(vfs::explain(&failed), told);
    }
    drop(reader);
    flip(&wal::of(&bench.file()), middle, 5);
    checkpoint(&writer).unwrap();
    assert_ne!(read_all(&writer).unwrap(), sound);
    assert_eq!(check_pages(&bench.file()).unwrap(), []);
}

#[test]
fn a_large_transaction_reads_its_own_pages_again() {
    let bench = Bench::new();
    let writer = open_writer(&bench.site()).unwrap();
    writer.pragma_update(None, "cache_size", 10).unwrap();
    for seed in 1..5 {
        fill(&writer, seed);
    }
    let all = read_all(&writer).unwrap();
    drop(writer);
    let writer = open_writer(&bench.site()).unwrap();
    assert_eq!(read_all(&writer).unwrap(), all);
    assert_eq!(check_pages(&bench.file()).unwrap(), []);
}

#[test]
fn a_write_ahead_log_says_how_far_it_is_whole() {
    let bench = Bench::new();
    let writer = open_writer(&bench.site()).unwrap();
    assert!(matches!(wal::read(&bench.file()).unwrap(), Found::Log(_)), "the tables are in it");
    checkpoint(&writer).unwrap();
    assert_eq!(wal::read(&bench.file()).unwrap(), Found::Nothing);
    fill(&writer, 1);
    fill(&writer, 2);
    let path = wal::of(&bench.file());
    let read = || match wal::read(&bench.file()).unwrap() {
        Found::Log(log) => (log.frames, log.lost),
        other => panic!("{other:?}"),
    };
    let (whole, lost) = read();
    assert_eq!(lost, 0);
    let bytes = fs::metadata(&path).unwrap().len();
    assert_eq!(bytes, 32 + u64::from(whole) * (24 + PAGE as u64));
    flip(&path, bytes - 1, 0);
    let (committed, lost) = read();
    assert!(committed > 0 && committed < whole - 1 && lost == 1, "{committed} {lost}");
    flip(&path, bytes - 1, 0);
    flip(&path, 33, 0);
    assert_eq!(read(), (0, whole));
    flip(&path, 33, 0);
    for byte in 0..32 {
        flip(&path, byte, 3);
        assert_eq!(wal::read(&bench.file()).unwrap(), Found::Unreadable, "byte {byte}");
        flip(&path, byte, 3);
    }
}

fn refused(bench: &Bench) -> String {
    witness::check(&bench.file()).unwrap_err().to_string()
}

#[test]
fn a_write_ahead_log_that_lost_what_was_moved_is_refused_and_one_that_lost_more_is_not() {
    let bench = Bench::new();
    let writer = open_writer(&bench.site()).unwrap();
    let witness = Witness::open(&bench.site()).unwrap();
    assert_eq!(witness::check(&bench.file()).unwrap(), None);
    fill(&writer, 1);
    let Found::Log(log) = wal::read(&bench.file()).unwrap() else { panic!("a log") };
    witness.note(log.frames).unwrap();
    fill(&writer, 2);
    let path = wal::of(&bench.file());
    let at = |frame: u32| 32 + u64::from(frame) * (24 + PAGE as u64) + 1000;
    for frame in [0, log.frames / 2, log.frames - 1] {
        flip(&path, at(frame), 1);
        let told = refused(&bench);
        assert!(told.contains("archive.db-wal is damaged: of "), "{told}");
        flip(&path, at(frame), 1);
    }
    flip(&path, at(log.frames), 1);
    let note = witness::check(&bench.file()).unwrap().unwrap();
    assert!(note.contains("not whole and were dropped"), "{note}");
    flip(&path, at(log.frames), 1);
    flip(&path, 9, 1);
    assert!(refused(&bench).contains("its header"));
    flip(&path, 9, 1);
    flip(&bench.file().with_extension("moved"), 9, 1);
    assert!(refused(&bench).contains("archive.moved is damaged"));
    flip(&bench.file().with_extension("moved"), 9, 1);
    // It does not matter once nothing is left of the log that it was of.
    fs::rename(&path, path.with_extension("away")).unwrap();
    flip(&bench.file().with_extension("moved"), 9, 1);
    assert_eq!(witness::check(&bench.file()).unwrap(), None);
    fs::rename(path.with_extension("away"), &path).unwrap();
    Witness::open(&bench.site()).unwrap();
    assert_eq!(witness::check(&bench.file()).unwrap(), None);
    // What was begun anew has nothing to do with what was moved before.
    checkpoint(&writer).unwrap();
    fill(&writer, 3);
    flip(&path, at(1), 1);
    assert!(witness::check(&bench.file()).unwrap().is_some());
}

/// The archive's files as they are, on a disk that has no room for the witness.
struct Full;

impl Beside for Full {
    fn settle(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        fs::read(file)
    }

    fn write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

#[test]
fn a_checkpoint_that_cannot_be_announced_on_a_full_disk_is_tried_again() {
    let bench = Bench::new();
    let files = ArchiveFiles::Named { vfs: "unix".to_owned(), beside: Arc::new(Full) };
    let site = Site { files, ..bench.site() };
    let mut writer = Writer::open(&site, opener()).unwrap();
    let error = writer.checkpoint(Effort::Passive).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull), "{error}");
}
