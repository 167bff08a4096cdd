//! The one connection that writes the archive.

use super::apply::{self, Applied};
use super::schema;
use super::settler::Settler;
use super::wal;
use super::witness::{self, Witness};
use crate::disk::is_full;
use crate::error::OpenError;
use crate::fold::Fold;
use crate::options::ARCHIVE_PAGE_BYTES;
use crate::stats::Usage;
use crate::storage::Site;
use foldhash::HashMap;
use overtime_protocol::{KindName, Opener, UnixMillis};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior, params};
use std::io;
use std::path::Path;

const SET_META: &str = "UPDATE meta SET value = ?2 WHERE name = ?1";

const CLEAR_MARKS: &str = "UPDATE tasks SET mark_at = NULL, mark_isolated = NULL \
    WHERE state < 4 AND mark_at IS NOT NULL";

/// What a checkpoint did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checkpoint {
    /// Everything that was committed is in the archive's file, and synced.
    Whole,
    /// A reader stood in the way of some of it.
    Partial,
}

/// How far a checkpoint goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Beside readers.
    Passive,
    /// With nobody else there; the write-ahead log becomes empty.
    Truncate,
}

/// The writing connection.
pub(crate) struct Writer {
    pub(super) connection: Connection,
    opener: Opener,
    database: Settler,
    write_ahead_log: Settler,
    witness: Witness,
    notes: Vec<String>,
}

impl Writer {
    /// Opens the archive, and makes it if it is not there.
    pub(crate) fn open(site: &Site, opener: Opener) -> Result<Self, OpenError> {
        let file = &site.file;
        let notes = witness::check_of(&site.files, file)?.into_iter().collect();
        let action = OpenError::io(format!("write {} again", wal::of(file).display()));
        wal::write_again(&site.files, file).map_err(action)?;
        let connection = schema::open_writer(site)?;
        // Whoever closes it without an end in order leaves everything as it is.
        let damaged = |error| schema::damaged(file, &error);
        leave_at_close(&connection, true).map_err(damaged)?;
        let open = |path: &Path| {
            let action = format!("open {} for write-back", path.display());
            site.settler(path).map_err(OpenError::io(action))
        };
        let database = open(file)?;
        // A former process may have died between a checkpoint and its sync.
        database.settle().map_err(OpenError::io(format!("sync {}", file.display())))?;
        let write_ahead_log = open(&wal::of(file))?;
        let action = OpenError::io(format!("open the witness beside {}", file.display()));
        let witness = Witness::open(site).map_err(action)?;
        Ok(Self { connection, opener, database, write_ahead_log, witness, notes })
    }

    /// What a person should know of the archive as it was found, a sentence each.
    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// The connection, for tests that bring it into trouble.
    #[cfg(test)]
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// A number kept in the archive.
    fn meta(&self, name: &str) -> rusqlite::Result<u64> {
        let sql = "SELECT value FROM meta WHERE name = ?1";
        let value: i64 = self.connection.query_row(sql, [name], |row| row.get(0))?;
        Ok(value.cast_unsigned())
    }

    /// The LSN up to which the archive has everything.
    pub(crate) fn watermark(&self) -> rusqlite::Result<u64> {
        self.meta("watermark")
    }

    /// How many bytes of the archive's file are free for what comes.
    pub(crate) fn reusable_bytes(&self) -> rusqlite::Result<u64> {
        let mut statement = self.connection.prepare_cached("PRAGMA freelist_count")?;
        let pages: i64 = statement.query_row([], |row| row.get(0))?;
        Ok(pages.unsigned_abs() * ARCHIVE_PAGE_BYTES)
    }

    /// When the archive was made.
    pub(crate) fn created_at(&self) -> rusqlite::Result<UnixMillis> {
        self.meta("created_at").map(UnixMillis)
    }

    /// Begins another life of the folder, on disk when this returns: its epoch, and whether the
    /// former life ended in order. It has not if the log has records that the archive has not got,
    /// whatever a write-ahead log that lost its end says.
    pub(crate) fn begin_epoch(&mut self, has_all: bool) -> rusqlite::Result<(u64, bool)> {
        let (epoch, clean) = (self.meta("epoch")? + 1, has_all && self.meta("clean")? == 1);
        self.connection.pragma_update(None, "synchronous", "full")?;
        let transaction = self.connection.transaction()?;
        transaction.execute(SET_META, params!["epoch", epoch.cast_signed()])?;
        transaction.execute(SET_META, params!["clean", 0])?;
        if clean {
            // What ran at an orderly end is under no suspicion, in no later life either.
            transaction.execute(CLEAR_MARKS, [])?;
        }
        transaction.commit()?;
        self.connection.pragma_update(None, "synchronous", "normal")?;
        Ok((epoch, clean))
    }

    /// Notes that this life ends in order.
    pub(crate) fn end_clean(&mut self) -> rusqlite::Result<()> {
        self.connection.execute(SET_META, params!["clean", 1]).map(drop)
    }

    /// Writes everything of `fold` and the new watermark, or nothing.
    pub(crate) fn apply(&mut self, fold: &Fold) -> rusqlite::Result<Applied> {
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behavior)?;
        let applied = apply::write(&transaction, &self.opener, fold)?;
        let mut set = transaction.prepare_cached(SET_META)?;
        set.execute(params!["watermark", fold.last.cast_signed()])?;
        drop(set);
        transaction.commit()?;
        Ok(applied)
    }

    /// How much there is of each kind.
    pub(crate) fn usage(&self) -> rusqlite::Result<HashMap<KindName, Usage>> {
        apply::read_usage(&self.connection)
    }

    /// How many bytes of the write-ahead log wait for a checkpoint.
    pub(crate) fn waiting_bytes(&self) -> rusqlite::Result<u64> {
        let (frames, moved) = self.frames()?;
        Ok((frames - moved).max(0).unsigned_abs() * ARCHIVE_PAGE_BYTES)
    }

    /// How many frames the write-ahead log has, and of how many the pages were moved.
    fn frames(&self) -> rusqlite::Result<(i64, i64)> {
        let sql = "PRAGMA wal_checkpoint(NOOP)";
        self.connection.query_row(sql, [], |row| Ok((row.get(1)?, row.get(2)?)))
    }

    /// Moves what was committed into the archive's file.
    ///
    /// SQLite would sync the write-ahead log before and the file after it, each at once. Both
    /// syncs are made here instead, in the same order and in small pieces: nothing is written to
    /// the archive between this call's begin and end, so the write-ahead log is not begun anew
    /// before the file is on disk.
    pub(crate) fn checkpoint(&mut self, effort: Effort) -> rusqlite::Result<Checkpoint> {
        self.write_ahead_log.settle().map_err(not_written)?;
        let (frames, _) = self.frames()?;
        self.witness.note(u32::try_from(frames).unwrap_or(0)).map_err(not_noted)?;
        if effort == Effort::Truncate {
            let moved = self.move_pages("PRAGMA wal_checkpoint(TRUNCATE)")?;
            leave_at_close(&self.connection, moved != Checkpoint::Whole)?;
            return Ok(moved);
        }
        self.connection.pragma_update(None, "synchronous", "off")?;
        let moved = self.move_pages("PRAGMA wal_checkpoint(PASSIVE)");
        self.connection.pragma_update(None, "synchronous", "normal")?;
        self.database.settle().map_err(not_written)?;
        moved
    }

    fn move_pages(&self, sql: &str) -> rusqlite::Result<Checkpoint> {
        let whole = self.connection.query_row(sql, [], |row| {
            let (busy, frames, moved): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(busy == 0 && frames == moved)
        })?;
        Ok(if whole { Checkpoint::Whole } else { Checkpoint::Partial })
    }
}

/// Whether the write-ahead log stays as it is when the last connection is closed.
fn leave_at_close(connection: &Connection, leaves: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leaves).map(drop)
}

/// That a checkpoint could not be announced: nothing of it was done, so a full disk passes.
fn not_noted(error: io::Error) -> rusqlite::Error {
    if !is_full(&error) {
        return not_written(error);
    }
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
    rusqlite::Error::SqliteFailure(code, Some(error.to_string()))
}

/// A sync that failed, in the words that SQLite would have used.
fn not_written(error: io::Error) -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
    rusqlite::Error::SqliteFailure(code, Some(error.to_string()))
}
