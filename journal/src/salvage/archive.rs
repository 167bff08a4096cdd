//! An archive built anew from one that is damaged: every row that can be read, and the name of every
//! task whose row cannot, as the indexes have it. What the log still has of the time before the
//! damage is written again when a server starts: the new archive ends where the log begins.

mod names;
mod walk;

pub(super) use names::Lost;

use super::Work;
use super::report::Report;
use crate::archive::{ROW_BYTES, StillArchive, explain, make_writer};
use crate::survey::Survey;
use overtime_protocol::TaskId;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use walk::Gap;

/// How many rows are written in one transaction.
const ROWS_MAX: u64 = 5_000;

/// The events of tasks that are lost.
const EVENTS_OF_NOBODY: &str =
    "DELETE FROM events WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE id = events.task)";

/// The new archive, without what only the log can say.
pub(super) struct Rebuilt {
    file: PathBuf,
    connection: Connection,
    /// Up to where the old one had everything, if it can be read.
    pub(super) watermark: Option<u64>,
    pub(super) lost: Lost,
}

/// The statements that write, and what waits to be committed.
struct Target<'a> {
    connection: &'a Connection,
    waiting: u64,
}

/// Builds the archive as far as the old one can be read.
pub(super) fn rebuild(work: &Work<'_>, report: &mut Report) -> io::Result<Rebuilt> {
    let file = work.staging.part("archive.db");
    let connection = make_writer(&file, work.options.clock).map_err(io::Error::other)?;
    let mut rebuilt = Rebuilt { file, connection, watermark: None, lost: Lost::default() };
    let Some(old) = open(&work.still.archive(), report) else {
        report.say("nothing of the archive can be read".to_owned());
        return Ok(rebuilt);
    };
    rebuilt.watermark = old.watermark().ok();
    if rebuilt.watermark.is_none() {
        report.say("up to where the archive had everything cannot be read".to_owned());
    }
    rebuilt.copy(&old, report).map_err(failed)?;
    rebuilt.drop_bad_rows(report)?;
    Ok(rebuilt)
}

/// Opens the old archive. If its first page is damaged nothing could be read of the others, so they
/// are read without their checksums then.
fn open(file: &Path, report: &mut Report) -> Option<StillArchive> {
    let can_be_read = |archive: &StillArchive| archive.format().is_ok();
    if let Some(archive) = StillArchive::open(file).ok().filter(can_be_read) {
        return Some(archive);
    }
    let archive = StillArchive::open_unchecked(file).ok().filter(can_be_read)?;
    report.say("the archive's first page is damaged: it was read without checksums".to_owned());
    Some(archive)
}

impl Rebuilt {
    fn copy(&mut self, old: &StillArchive, report: &mut Report) -> rusqlite::Result<()> {
        let from = old.connection();
        let mut target = Target::begin(&self.connection)?;
        let everything = (-1, i64::MAX);
        let gaps = walk::copy(from, walk::TASKS, everything, |row| target.add("tasks", row))?;
        note_gaps("tasks", &gaps, |key| name(*key), report);
        names::find(old, &self.connection, &mut self.lost, report)?;
        let gaps = walk::copy(from, walk::EVENTS, everything, |row| target.add("events", row))?;
        note_gaps("events", &gaps, |key| name(*key), report);
        let everything = (Vec::new(), vec![u8::MAX; 16]);
        let gaps = walk::copy(from, walk::STATE, everything, |row| target.add("state", row))?;
        note_gaps("state", &gaps, |key| String::from_utf8_lossy(key).into_owned(), report);
        self.lost.name_state(old, &self.connection, &gaps);
        for (table, sql) in [("errors", "SELECT * FROM errors"), ("meta", "SELECT * FROM meta")] {
            for order in ["", " ORDER BY 1 DESC"] {
                let copied =
                    walk::plain(from, &format!("{sql}{order}"), |row| target.add(table, row))?;
                if let (Err(error), "") = (copied, order) {
                    report.say(format!("not all of {table} can be read: {}", explain(&error)));
                }
            }
        }
        target.end()
    }

    /// Drops rows that are none of ours, though their pages are sound.
    fn drop_bad_rows(&mut self, report: &mut Report) -> io::Result<()> {
        let (mut tasks, mut keys) = (Vec::new(), Vec::new());
        StillArchive::read_tasks(&self.connection, |row| tasks.extend(row.err()))
            .map_err(failed)?;
        StillArchive::read_unfinished(&self.connection, |id, error| tasks.push((id, error)))
            .map_err(failed)?;
        StillArchive::read_state(&self.connection, |key, read| {
            if read.is_err() {
                keys.push(key.to_vec());
            }
        })
        .map_err(failed)?;
        for (id, error) in tasks {
            self.connection.execute("DELETE FROM tasks WHERE id = ?1", [id]).map_err(failed)?;
            self.lost.note(id, "unknown");
            report.say(format!("{} is not as it was written: {error}", name(id)));
        }
        for key in keys {
            self.connection.execute("DELETE FROM state WHERE key = ?1", [&key]).map_err(failed)?;
            self.lost.state.insert(key);
        }
        Ok(())
    }

    /// The highest LSN that a row names.
    pub(super) fn highest_lsn(&self) -> io::Result<u64> {
        let sql = "SELECT max(coalesce((SELECT max(lsn) FROM state), 0), \
            coalesce((SELECT max(max(coalesce(accepted_lsn, 0), coalesce(ended_lsn, 0))) \
            FROM tasks), 0), coalesce((SELECT max(sequence) FROM events), 0))";
        let highest: i64 = self.connection.query_row(sql, [], |row| row.get(0)).map_err(failed)?;
        Ok(highest.cast_unsigned())
    }

    /// Says that the log goes on with it behind `watermark`, and has all of it on disk.
    pub(super) fn finish(self, watermark: u64) -> io::Result<()> {
        let connection = &self.connection;
        finish_meta(connection, watermark).map_err(failed)?;
        let usage = "DELETE FROM usage; INSERT INTO usage (kind, rows, bytes) SELECT kind, count(*), \
            sum(ROW_BYTES + coalesce(length(payload), 0) + coalesce(spooled_len, 0) + \
            coalesce(length(product), 0)) FROM tasks GROUP BY kind";
        let usage = usage.replace("ROW_BYTES", &ROW_BYTES.to_string());
        connection.execute_batch(&usage).map_err(failed)?;
        connection.execute_batch(EVENTS_OF_NOBODY).map_err(failed)?;
        let moved = |row: &Row<'_>| row.get::<_, i64>(0);
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], moved).map_err(failed)?;
        self.connection.close().map_err(|(_, error)| failed(error))?;
        // Everything is in the file itself, which alone changes places.
        ["-wal", "-shm"].iter().try_for_each(|beside| remove_beside(&self.file, beside))
    }
}

fn remove_beside(file: &Path, ending: &str) -> io::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    match fs::remove_file(PathBuf::from(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// What the archive knows of the folder's life: what is not there is replaced by what is surely not
/// too little.
fn finish_meta(connection: &Connection, watermark: u64) -> rusqlite::Result<()> {
    let bounds = "SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM tasks";
    let (first, last): (i64, i64) =
        connection.query_row(bounds, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let meta = "SELECT value FROM meta WHERE name = ?1";
    let read =
        |name: &str| connection.query_row(meta, [name], |row| row.get::<_, i64>(0)).optional();
    let created_at = TaskId::from_key(first.cast_unsigned()).map_or(0, |task| task.minted_at().0);
    // Ids have the lowest six bits of the epoch; a higher one than ever was parts them all the same.
    let epoch = ((last >> 16) & 0x3f) + 64;
    let values = [
        ("watermark", watermark.cast_signed()),
        ("clean", 0),
        ("created_at", read("created_at")?.unwrap_or(created_at.cast_signed())),
        ("epoch", read("epoch")?.unwrap_or(epoch)),
    ];
    for (name, value) in values {
        connection
            .execute("REPLACE INTO meta (name, value) VALUES (?1, ?2)", params![name, value])?;
    }
    Ok(())
}

impl<'a> Target<'a> {
    /// What stands in a new archive is not what stood in the old one.
    fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection.pragma_update(None, "wal_autocheckpoint", 1_000)?;
        connection.execute_batch("BEGIN; DELETE FROM meta")?;
        Ok(Self { connection, waiting: 0 })
    }

    fn add(&mut self, table: &str, row: &Row<'_>) -> rusqlite::Result<()> {
        insert(self.connection, table, row)?;
        self.waiting += 1;
        if self.waiting >= ROWS_MAX {
            self.waiting = 0;
            self.connection.execute_batch("COMMIT; BEGIN")?;
        }
        Ok(())
    }

    fn end(self) -> rusqlite::Result<()> {
        self.connection.execute_batch("COMMIT")
    }
}

/// Writes a row as it is, unless it is there already.
fn insert(connection: &Connection, table: &str, row: &Row<'_>) -> rusqlite::Result<()> {
    let columns = row.as_ref().column_count();
    let values = (0..columns).map(|column| row.get(column));
    let values: Vec<Value> = values.collect::<rusqlite::Result<_>>()?;
    let places = vec!["?"; columns].join(", ");
    let sql = format!("INSERT OR IGNORE INTO {table} VALUES ({places})");
    connection.prepare_cached(&sql)?.execute(params_from_iter(values))?;
    Ok(())
}

fn note_gaps<K>(table: &str, gaps: &[Gap<K>], name: impl Fn(&K) -> String, report: &mut Report) {
    for Gap { after, before } in gaps {
        let (after, before) = (name(after), name(before));
        report.say(format!(
            "of {table}, nothing can be read of what is behind {after:?} and before {before:?}"
        ));
    }
}

/// A task by the key of its row.
fn name(id: i64) -> String {
    let task = TaskId::from_key(id.cast_unsigned()).filter(|_| id != i64::MAX);
    task.map_or_else(
        || if id < 0 { "the first" } else { "the end" }.to_owned(),
        |task| task.to_string(),
    )
}

fn failed(error: rusqlite::Error) -> io::Error {
    io::Error::other(explain(&error))
}

/// Where the new archive ends: the log goes on with it from there without a gap. What it writes again
/// comes out as it is, and what was lost comes back with it.
pub(super) fn new_watermark(rebuilt: &Rebuilt, whole_log: Option<&Survey>) -> io::Result<u64> {
    let whole = whole_log.filter(|log| log.breach.is_none()).map(|log| log.floor);
    match (whole, rebuilt.watermark) {
        (Some(base), Some(watermark)) => Ok(base.min(watermark)),
        (Some(base), None) => Ok(base),
        (None, Some(watermark)) => Ok(watermark),
        (None, None) => rebuilt.highest_lsn(),
    }
}
