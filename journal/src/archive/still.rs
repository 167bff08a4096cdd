//! The archive of a folder that is only looked at: no byte of its files is changed, and no file is
//! made beside them. Nothing else may write it meanwhile; that is its caller's to see to.
//!
//! A write-ahead log that a crash left is read with an index in this process's memory. SQLite would
//! otherwise keep that in the `-shm` file, and would move what the log holds into the archive when
//! it is closed.

use super::row::{self, Cells};
use super::{schema, vfs, wal, witness};
use crate::error::StoreError;
use overtime_protocol::{TaskId, TaskState};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::fs;
use std::path::{Path, PathBuf};

/// The file system of SQLite's that locks nothing: the folder is locked as a whole.
const NO_LOCKS: &str = "unix-none";

/// The most complaints of SQLite's own check that are told.
const COMPLAINTS_MAX: u32 = 20;

/// A row of a task as it is checked.
pub(crate) struct TaskRow {
    pub(crate) task: TaskId,
    pub(crate) kind: String,
    pub(crate) state: TaskState,
    /// The bytes that its payload has, here or in the spool.
    pub(crate) payload: Option<Kept>,
    /// The bytes of its product.
    pub(crate) product: u64,
    /// The highest LSN that the row names.
    pub(crate) lsn: u64,
}

/// Where a payload is, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Here(u64),
    Spooled(u64),
}

/// The archive.
pub(crate) struct StillArchive {
    connection: Connection,
    file: PathBuf,
}

/// Whether the pages that are read are held against their checksums.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Checks {
    Pages,
    Nothing,
}

impl StillArchive {
    /// Opens the archive.
    pub(crate) fn open(file: &Path) -> rusqlite::Result<Self> {
        Self::open_with(file, Checks::Pages)
    }

    /// Opens the archive for one who wants to see also what does not match its checksums.
    pub(crate) fn open_unchecked(file: &Path) -> rusqlite::Result<Self> {
        Self::open_with(file, Checks::Nothing)
    }

    /// The same archive without checksums.
    pub(crate) fn unchecked(&self) -> rusqlite::Result<Self> {
        Self::open_unchecked(&self.file)
    }

    fn open_with(file: &Path, checks: Checks) -> rusqlite::Result<Self> {
        let has_wal = fs::metadata(wal::of(file)).is_ok_and(|found| found.len() > 0);
        // One that lost its begin says nothing that fits the file any more.
        let has_wal = has_wal && witness::fits(file);
        let base = has_wal.then_some(NO_LOCKS);
        let how = if has_wal { "" } else { "&immutable=1" };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        let address = format!("file:{}?mode=ro{how}", escaped(file));
        let layer = vfs::over(base)?;
        let connection = match (checks, base) {
            (Checks::Pages, _) => {
                Connection::open_with_flags_and_vfs(address, flags, layer.as_c_str())?
            }
            (Checks::Nothing, Some(base)) => {
                Connection::open_with_flags_and_vfs(address, flags, base)?
            }
            (Checks::Nothing, None) => Connection::open_with_flags(address, flags)?,
        };
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update(None, "locking_mode", "exclusive")?;
        connection.pragma_update(None, "cell_size_check", true)?;
        Ok(Self { connection, file: file.to_owned() })
    }

    /// The connection, to walk its tables.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The format of its tables, and the one that this program reads.
    pub(crate) fn format(&self) -> rusqlite::Result<(i64, i64)> {
        let found = self.connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        Ok((found, schema::FORMAT))
    }

    /// The LSN up to which it has everything.
    pub(crate) fn watermark(&self) -> rusqlite::Result<u64> {
        let sql = "SELECT value FROM meta WHERE name = 'watermark'";
        self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
    }

    /// What SQLite finds wrong with its trees.
    pub(crate) fn complaints(&self) -> rusqlite::Result<Vec<String>> {
        let sql = format!("PRAGMA integrity_check({COMPLAINTS_MAX})");
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut complaints = Vec::new();
        while let Some(row) = rows.next()? {
            let complaint: String = row.get(0)?;
            complaints.extend(Some(complaint).filter(|complaint| complaint != "ok"));
        }
        Ok(complaints)
    }

    /// Reads every task with all that is kept of it, by ascending id. What is wrong with one row
    /// is told instead of it; an error is one behind which nothing can be read.
    pub(crate) fn tasks(
        &self,
        visit: impl FnMut(Result<TaskRow, (i64, StoreError)>),
    ) -> rusqlite::Result<()> {
        Self::read_tasks(&self.connection, visit)
    }

    /// The same of an archive that is being built.
    pub(crate) fn read_tasks(
        connection: &Connection,
        mut visit: impl FnMut(Result<TaskRow, (i64, StoreError)>),
    ) -> rusqlite::Result<()> {
        let (document, product) = (row::DOCUMENT, row::PRODUCT);
        let sql = format!(
            "SELECT {document}, {product}, payload, payload_crc, spooled_len, \
             max(coalesce(accepted_lsn, 0), coalesce(ended_lsn, 0)), key, fingerprint \
             FROM tasks ORDER BY id"
        );
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(found) = rows.next()? {
            let id = found.get(0)?;
            visit(row::whole(&mut Cells::of(found)).map_err(|error| (id, error)));
        }
        Ok(())
    }

    /// Reads what a start takes up, and what a person may have taken up again. What is wrong with a row
    /// is told.
    pub(crate) fn read_unfinished(
        connection: &Connection,
        mut visit: impl FnMut(i64, StoreError),
    ) -> rusqlite::Result<()> {
        let sql = format!("SELECT {} FROM tasks WHERE state < 5 ORDER BY id", row::UNFINISHED);
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(found) = rows.next()? {
            let id = found.get(0)?;
            let read = row::unfinished(&mut Cells::of(found));
            read.err().into_iter().for_each(|error| visit(id, error));
        }
        Ok(())
    }

    /// Reads every key of state with its value, and gives the LSN of its write to `visit`.
    pub(crate) fn state(
        &self,
        visit: impl FnMut(&[u8], Result<u64, StoreError>),
    ) -> rusqlite::Result<()> {
        Self::read_state(&self.connection, visit)
    }

    /// The same of an archive that is being built.
    pub(crate) fn read_state(
        connection: &Connection,
        mut visit: impl FnMut(&[u8], Result<u64, StoreError>),
    ) -> rusqlite::Result<()> {
        let sql = "SELECT value, crc, lsn, key FROM state ORDER BY key";
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(found) = rows.next()? {
            let mut cells = Cells::of(found);
            let lsn = cells.checked("value").and_then(|_| cells.unsigned());
            visit(found.get_ref(3)?.as_bytes().unwrap_or_default(), lsn);
        }
        Ok(())
    }

    /// Reads every event, and gives it with its task to `visit`.
    pub(crate) fn events(
        &self,
        mut visit: impl FnMut(i64, Result<u64, StoreError>),
    ) -> rusqlite::Result<()> {
        let sql = format!("SELECT {}, task FROM events ORDER BY task, sequence", row::EVENT);
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(found) = rows.next()? {
            let event = row::event(&mut Cells::of(found)).map(|event| event.sequence);
            visit(found.get("task")?, event);
        }
        Ok(())
    }

    /// Tasks that events speak of and that are not there.
    pub(crate) fn events_of_nobody(&self) -> rusqlite::Result<Vec<i64>> {
        let sql = "SELECT DISTINCT task FROM events \
            WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE id = events.task) LIMIT ?1";
        let mut statement = self.connection.prepare(sql)?;
        statement.query_map([COMPLAINTS_MAX], |row| row.get(0))?.collect()
    }

    /// How many rows and bytes there are of each kind, as the archive keeps count of them.
    pub(crate) fn usage(&self) -> rusqlite::Result<Vec<(String, i64, i64)>> {
        let mut statement = self.connection.prepare("SELECT kind, rows, bytes FROM usage")?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
    }

    /// Where a task stands.
    pub(crate) fn task_state(&self, task: TaskId) -> Result<Option<TaskState>, StoreError> {
        let sql = "SELECT state FROM tasks WHERE id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let key = task.key().cast_signed();
        let state: Option<u8> = statement.query_row([key], |row| row.get(0)).optional()?;
        Ok(state.and_then(TaskState::from_number))
    }
}

/// A path as part of an address.
fn escaped(file: &Path) -> String {
    // What stands behind two slashes would be taken for the name of a host, unless one more follows.
    let mut text = if file.is_absolute() { "//".to_owned() } else { String::new() };
    for byte in file.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                text.push(char::from(*byte));
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}
