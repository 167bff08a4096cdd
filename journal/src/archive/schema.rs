//! The tables of the archive, and how its connections are set up.

use super::vfs;
use crate::error::OpenError;
use crate::options::{ARCHIVE_PAGE_BYTES, READER_CACHE_KIB, WRITER_CACHE_KIB};
use crate::storage::{ArchiveFiles, Site};
use overtime_protocol::Clock;
use rusqlite::{Connection, ErrorCode, OpenFlags, params};
use std::path::Path;

/// The schema that is written, and the latest that is read.
pub(super) const FORMAT: i64 = 1;

/// More statements than a connection uses: each is prepared once.
const STATEMENTS: usize = 64;

/// What may be long stands last, so that a row is read without it. A finished task's payload is null, and so is one that is spooled: then its length is beside it.
/// `mark_at` and the columns beside it are the mark of an attempt whose end is not known. Checksums
/// are CRC-32C of the blob beside them. `key` is the hash of the idempotency key that the task
/// holds, and `fingerprint` stands for the request that it came with. `forgiven` is how many attempts
/// count no more: those that there were when a person last had it run again, or before the one that
/// came further, `fault_print` the print of a parked task's fault.
/// An event is known by the LSN of its record. The acceptance and the end of a task are told by its
/// row (`accepted_lsn`, `ended_lsn`), so that one that ends in its first record has no other event.
const TABLES: &str = "
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE tasks (
    id INTEGER PRIMARY KEY,
    state INTEGER NOT NULL,
    kind TEXT NOT NULL,
    tenant TEXT NOT NULL,
    lane INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    accepted_lsn INTEGER,
    ended_lsn INTEGER,
    key BLOB,
    fingerprint BLOB,
    progress_done INTEGER,
    progress_total INTEGER,
    fault_code TEXT,
    fault_detail TEXT,
    fault_source INTEGER,
    fault_class INTEGER,
    fault_retry_after_ms INTEGER,
    fault_print INTEGER,
    due_at INTEGER,
    urgency INTEGER,
    content_type TEXT,
    traceparent TEXT,
    form INTEGER,
    spooled_len INTEGER,
    mark_at INTEGER,
    mark_isolated INTEGER,
    crashes INTEGER,
    next_at INTEGER,
    forgiven INTEGER,
    cancel_asked INTEGER,
    fault_members TEXT,
    cursor BLOB,
    product_type TEXT,
    payload_crc INTEGER,
    product_crc INTEGER,
    payload BLOB,
    product BLOB
);
CREATE UNIQUE INDEX tasks_key ON tasks (key) WHERE key IS NOT NULL;
CREATE INDEX tasks_unfinished ON tasks (id) WHERE state < 4;
CREATE INDEX tasks_parked ON tasks (id) WHERE state = 4;
CREATE INDEX tasks_failed ON tasks (id) WHERE state = 6;
CREATE INDEX tasks_cancelled ON tasks (id) WHERE state = 7;
CREATE INDEX tasks_finished ON tasks (kind, finished_at) WHERE state > 4;
CREATE INDEX tasks_parked_by ON tasks (kind, fault_print, id) WHERE state = 4;
CREATE TABLE events (
    task INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    state INTEGER,
    next_at INTEGER,
    progress_done INTEGER,
    progress_total INTEGER,
    fault_code TEXT,
    fault_detail TEXT,
    fault_source INTEGER,
    fault_class INTEGER,
    fault_retry_after_ms INTEGER,
    fault_members TEXT,
    PRIMARY KEY (task, sequence)
) WITHOUT ROWID;
CREATE TABLE errors (
    kind TEXT NOT NULL,
    class INTEGER NOT NULL,
    print INTEGER NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    last_task INTEGER NOT NULL,
    PRIMARY KEY (kind, class, print)
) WITHOUT ROWID;
CREATE TABLE usage (
    kind TEXT PRIMARY KEY,
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE state (
    key BLOB PRIMARY KEY,
    value BLOB NOT NULL,
    lsn INTEGER NOT NULL,
    crc INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('epoch', 0), ('watermark', 0), ('clean', 1);
";

const SET_CREATED: &str = "INSERT INTO meta (name, value) VALUES ('created_at', ?1)";

/// Opens the archive for writing and makes its tables if it is new.
pub(crate) fn open_writer(site: &Site) -> Result<Connection, OpenError> {
    let file = &site.file;
    let connected = site.connect(OpenFlags::default());
    let mut connection = connected.map_err(|error| damaged(file, &error))?;
    let found = prepare(&mut connection, site).map_err(|error| damaged(file, &error))?;
    if found > FORMAT {
        let (file, found, known) = (file.to_owned(), found.unsigned_abs(), FORMAT.unsigned_abs());
        return Err(OpenError::Newer { file, found, known });
    }
    Ok(connection)
}

/// Makes an archive that is to take another's place.
pub(crate) fn make_writer(file: &Path, clock: Clock) -> Result<Connection, OpenError> {
    open_writer(&Site { file: file.to_owned(), files: ArchiveFiles::System, clock })
}

/// Opens the archive for reading; a writer has it open.
pub(crate) fn open_reader(site: &Site) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = site.connect(flags)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Sets the connection up; the format that was found, or made.
fn prepare(connection: &mut Connection, site: &Site) -> rusqlite::Result<i64> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "page_size", ARCHIVE_PAGE_BYTES.cast_signed())?;
    vfs::reserve(connection)?;
    begin_write_ahead(connection)?;
    // Checkpoints are the applier's decision.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    // Every change but the epoch's is in the log until it is checkpointed.
    connection.pragma_update(None, "synchronous", "normal")?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found == 0 {
        let transaction = connection.transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.execute(SET_CREATED, params![site.clock.now().unix.0.cast_signed()])?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
        transaction.commit()?;
        return Ok(FORMAT);
    }
    Ok(found)
}

/// Has changes written ahead of the archive's file. SQLite answers with the mode first, and only then
/// writes that down; or it fails by going on with what it did before.
fn begin_write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("PRAGMA journal_mode = wal")?;
    let mut answers = statement.query([])?;
    let mut mode = String::new();
    while let Some(answer) = answers.next()? {
        mode = answer.get(0)?;
    }
    if mode == "wal" {
        return Ok(());
    }
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR);
    let detail = "its write-ahead log could not be begun: is the disk full, or broken?".to_owned();
    Err(rusqlite::Error::SqliteFailure(code, Some(detail)))
}

/// Says of an error whether the archive is damaged or cannot be reached.
pub(crate) fn damaged(file: &Path, error: &rusqlite::Error) -> OpenError {
    let detail = match error.sqlite_error() {
        Some(code) if code.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE => {
            format!("{error}: its index could not grow: is the disk full?")
        }
        _ => vfs::explain(error),
    };
    match error.sqlite_error_code() {
        _ if vfs::is_damage(error) => OpenError::ArchiveDamaged { file: file.to_owned(), detail },
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly)
        | Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::DatabaseBusy) => {
            let action = format!("open {}", file.display());
            OpenError::io(action)(std::io::Error::other(detail))
        }
        _ => OpenError::ArchiveDamaged { file: file.to_owned(), detail },
    }
}
