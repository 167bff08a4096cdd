//! Read connections of the archive. A read outside a transaction costs several system calls, so
//! each connection keeps a read transaction open for as long as it shows the newest state, and
//! gives it up for a checkpoint. It never writes.

mod affected;
mod events;
mod incidents;
mod ledger;
mod list;
mod parked;

pub(crate) use affected::Affected;
pub(crate) use incidents::damaged_incident;
pub(crate) use ledger::LedgerPlace;

use super::row::{self, Archived, Cells, HolderRow, KeptPayload};
use super::schema;
use crate::error::StoreError;
use crate::storage::Site;
use bytes::Bytes;
use overtime_protocol::{Clock, KeyHash, TaskId, TaskState, Unfinished};
use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, OptionalExtension};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Read connections that threads share.
pub(crate) struct Connections {
    readers: Vec<Mutex<Reader>>,
    turn: AtomicUsize,
}

/// One read connection.
pub(crate) struct Reader {
    connection: Connection,
    /// The watermark that the open read transaction shows.
    shows: Option<u64>,
    clock: Clock,
}

impl Connections {
    /// Opens `count` connections.
    pub(crate) fn open(site: &Site, count: usize) -> rusqlite::Result<Self> {
        let reader = || Ok(Mutex::new(Reader::open(site)?));
        let readers = (0..count).map(|_| reader()).collect::<rusqlite::Result<_>>()?;
        Ok(Self { readers, turn: AtomicUsize::new(0) })
    }

    /// A connection that nobody uses, or the wait for one.
    pub(crate) fn take(&self) -> MutexGuard<'_, Reader> {
        let free = self.readers.iter().find_map(Mutex::try_lock);
        free.unwrap_or_else(|| {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            self.readers[turn % self.readers.len()].lock()
        })
    }

    /// Ends the transactions that wait open, so that a checkpoint can take in everything and the
    /// next write can start the write-ahead log anew.
    pub(crate) fn rest(&self) -> rusqlite::Result<()> {
        self.readers.iter().try_for_each(|reader| reader.lock().end())
    }
}

impl Reader {
    /// Opens a connection.
    fn open(site: &Site) -> rusqlite::Result<Self> {
        Ok(Self { connection: schema::open_reader(site)?, shows: None, clock: site.clock })
    }

    /// Makes sure that what is read is not older than `watermark`.
    fn show(&mut self, watermark: u64) -> Result<(), StoreError> {
        if self.shows.is_some_and(|shown| shown >= watermark) {
            return Ok(());
        }
        self.end()?;
        self.connection.prepare_cached("BEGIN")?.execute([])?;
        let sql = "SELECT value FROM meta WHERE name = 'watermark'";
        let shown: i64 = self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        self.shows = Some(shown.cast_unsigned());
        Ok(())
    }

    fn end(&mut self) -> rusqlite::Result<()> {
        self.shows = None;
        if !self.connection.is_autocommit() {
            self.connection.prepare_cached("ROLLBACK")?.execute([])?;
        }
        Ok(())
    }

    /// The value of a state key and the LSN of its write.
    pub(crate) fn state(
        &mut self,
        key: &[u8],
        watermark: u64,
    ) -> Result<Option<(Bytes, u64)>, StoreError> {
        self.show(watermark)?;
        let sql = "SELECT value, crc, lsn FROM state WHERE key = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([key])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let mut cells = Cells::of(row);
        let value = cells.checked("value")?;
        let value = value.ok_or_else(|| StoreError::Damaged("a null value of state".to_owned()))?;
        Ok(Some((value, cells.unsigned()?)))
    }

    /// The LSN of the newest write of a state key; 0 if it has no value.
    pub(crate) fn state_lsn(&mut self, key: &[u8], watermark: u64) -> Result<u64, StoreError> {
        self.show(watermark)?;
        let sql = "SELECT lsn FROM state WHERE key = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let lsn = statement.query_row([key], |row| row.get::<_, i64>(0)).optional()?;
        Ok(lsn.unwrap_or(0).cast_unsigned())
    }

    /// A task's document.
    pub(crate) fn document(
        &mut self,
        task: TaskId,
        watermark: u64,
    ) -> Result<Option<Archived>, StoreError> {
        self.show(watermark)?;
        let sql = format!("SELECT {} FROM tasks WHERE id = ?1", row::DOCUMENT);
        self.one(&sql, task, |cells| {
            Ok(Archived { document: row::document(cells)?, product: None })
        })
    }

    /// A task's document and product.
    pub(crate) fn result(
        &mut self,
        task: TaskId,
        watermark: u64,
    ) -> Result<Option<Archived>, StoreError> {
        self.show(watermark)?;
        let (document, product) = (row::DOCUMENT, row::PRODUCT);
        let sql = format!("SELECT {document}, {product} FROM tasks WHERE id = ?1");
        self.one(&sql, task, |cells| {
            Ok(Archived { document: row::document(cells)?, product: row::product(cells)? })
        })
    }

    /// A task's payload; `None` if there is no such task or it needs its payload no more.
    pub(crate) fn payload(
        &mut self,
        task: TaskId,
        watermark: u64,
    ) -> Result<Option<KeptPayload>, StoreError> {
        self.show(watermark)?;
        let sql = "SELECT payload, payload_crc, spooled_len FROM tasks WHERE id = ?1";
        Ok(self.one(sql, task, row::payload)?.flatten())
    }

    /// The task that holds an idempotency key.
    pub(crate) fn holder(
        &mut self,
        key: KeyHash,
        watermark: u64,
    ) -> Result<Option<HolderRow>, StoreError> {
        self.show(watermark)?;
        let mut statement = self.connection.prepare_cached(row::HOLDER)?;
        let mut rows = statement.query([&key.0[..]])?;
        rows.next()?.map(|row| row::holder(&mut Cells::of(row))).transpose()
    }

    /// Where a task stands, whether or not the newest records are in the archive.
    pub(crate) fn task_state(&mut self, task: TaskId) -> Result<Option<TaskState>, StoreError> {
        self.one("SELECT state FROM tasks WHERE id = ?1", task, |cells| cells.state())
    }

    /// The next tasks that a restart takes up, by ascending id: those behind the id `after`, up to
    /// and with the id `last`.
    pub(crate) fn unfinished_between(
        &mut self,
        (after, last): (u64, u64),
        max: usize,
        watermark: u64,
    ) -> Result<Vec<Unfinished>, StoreError> {
        self.show(watermark)?;
        let columns = row::UNFINISHED;
        let sql = format!(
            "SELECT {columns} FROM tasks INDEXED BY tasks_unfinished \
             WHERE state < 4 AND id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([after.cast_signed(), last.cast_signed(), max as i64])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(row::unfinished(&mut Cells::of(row))?);
        }
        Ok(found)
    }

    /// The highest task id.
    pub(crate) fn highest(&mut self) -> Result<Option<TaskId>, StoreError> {
        let sql = "SELECT max(id) FROM tasks";
        let highest: Option<i64> = self.connection.query_row(sql, [], |row| row.get(0))?;
        Ok(highest.and_then(|key| TaskId::from_key(key.cast_unsigned())))
    }

    fn one<T>(
        &self,
        sql: &str,
        task: TaskId,
        read: impl FnOnce(&mut Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([task.key().cast_signed()])?;
        rows.next()?.map(|row| read(&mut Cells::of(row))).transpose()
    }
}
