//! Rows of the archive as the values they stand for. It never writes.

mod event;
mod ledger;
mod whole;

pub(crate) use event::{EVENT, event};
pub(crate) use ledger::{LEDGER, LedgerEntry, ledger};
pub(crate) use whole::whole;

use crate::error::StoreError;
use bytes::Bytes;
use overtime_protocol::record::{Acceptance, StartMark};
use overtime_protocol::{
    Claim, Document, Durability, Fault, Fingerprint, Form, KeyHash, KindName, LANES, Lane, Payload,
    Product, Progress, Source, TaskId, TaskState, Timing, Unfinished, UnixMillis,
};
use rusqlite::Row;
use rusqlite::types::FromSql;
use std::sync::Arc;
use std::time::Duration;

/// The columns that [`document`] reads, in its order.
pub(crate) const DOCUMENT: &str = "id, kind, lane, tenant, attempts, created_at, fault_code, \
    fault_detail, fault_source, fault_class, fault_retry_after_ms, fault_members, next_at, state, \
    started_at, finished_at, progress_done, progress_total";

/// The columns that [`product`] reads, in its order.
pub(crate) const PRODUCT: &str = "product, product_crc, product_type";

/// The columns that [`unfinished`] reads, in its order.
pub(crate) const UNFINISHED: &str = "id, kind, lane, tenant, attempts, created_at, fault_code, \
    fault_detail, fault_source, fault_class, fault_retry_after_ms, fault_members, next_at, due_at, \
    urgency, content_type, traceparent, form, length(payload), spooled_len, mark_at, mark_isolated, \
    crashes, cursor, progress_done, progress_total, key, fingerprint, \
    forgiven, cancel_asked";

/// The cells of a row from left to right: looking each up by its name takes longer than reading
/// it, and a restart reads many.
pub(crate) struct Cells<'a> {
    row: &'a Row<'a>,
    next: usize,
}

/// A task that is in the archive, with what it made.
pub(crate) struct Archived {
    /// Its document.
    pub(crate) document: Document,
    /// Its product, if it was read and there is one.
    pub(crate) product: Option<Product>,
}

/// The payload of a task that is in the archive.
pub(crate) enum KeptPayload {
    /// Its bytes are in the archive too.
    Here(Bytes),
    /// It is in the spool and has this many.
    Spooled(u64),
}

/// What no row of ours holds.
fn malformed(what: &str) -> StoreError {
    StoreError::Damaged(format!("{what} of a task in the archive"))
}

impl<'a> Cells<'a> {
    /// The cells of `row`.
    pub(crate) fn of(row: &'a Row<'a>) -> Self {
        Self { row, next: 0 }
    }

    pub(crate) fn take<T: FromSql>(&mut self) -> Result<T, StoreError> {
        let index = self.next;
        self.next += 1;
        Ok(self.row.get(index)?)
    }

    /// An integer that was written as the same bits.
    pub(crate) fn unsigned(&mut self) -> Result<u64, StoreError> {
        Ok(self.take::<i64>()?.cast_unsigned())
    }

    /// The same, or null.
    pub(crate) fn maybe_unsigned(&mut self) -> Result<Option<u64>, StoreError> {
        Ok(self.take::<Option<i64>>()?.map(i64::cast_unsigned))
    }

    fn maybe_time(&mut self) -> Result<Option<UnixMillis>, StoreError> {
        Ok(self.maybe_unsigned()?.map(UnixMillis))
    }

    fn small<T: TryFrom<i64>>(&mut self, what: &str) -> Result<T, StoreError> {
        T::try_from(self.take()?).map_err(|_| malformed(what))
    }

    /// A blob, checked against the checksum beside it. `None` if it is null.
    pub(crate) fn checked(&mut self, what: &str) -> Result<Option<Bytes>, StoreError> {
        let (bytes, crc): (Option<Vec<u8>>, Option<u32>) = (self.take()?, self.take()?);
        match bytes {
            Some(bytes) if Some(crc32c::crc32c(&bytes)) != crc => Err(StoreError::Damaged(
                format!("a {what} in the archive does not match its checksum"),
            )),
            bytes => Ok(bytes.map(Bytes::from)),
        }
    }

    /// The id of a task.
    pub(crate) fn id(&mut self) -> Result<TaskId, StoreError> {
        TaskId::from_key(self.unsigned()?).ok_or_else(|| malformed("the id"))
    }

    fn kind(&mut self) -> Result<KindName, StoreError> {
        KindName::new(self.take::<Arc<str>>()?.as_ref()).ok_or_else(|| malformed("the kind"))
    }

    fn lane(&mut self) -> Result<Lane, StoreError> {
        let lane: usize = self.small("the lane")?;
        LANES.get(lane).copied().ok_or_else(|| malformed("the lane"))
    }

    fn form(&mut self) -> Result<Form, StoreError> {
        Form::from_number(self.small("the form")?).ok_or_else(|| malformed("the form"))
    }

    /// The state of a task.
    pub(crate) fn state(&mut self) -> Result<TaskState, StoreError> {
        TaskState::from_number(self.small("the state")?).ok_or_else(|| malformed("the state"))
    }

    fn claim(&mut self) -> Result<Option<Claim>, StoreError> {
        let (key, fingerprint): (Option<[u8; 16]>, Option<[u8; 16]>) = (self.take()?, self.take()?);
        Ok(key.zip(fingerprint).map(|(key, fingerprint)| Claim {
            key: KeyHash(key),
            fingerprint: Fingerprint(fingerprint),
        }))
    }

    fn fault(&mut self) -> Result<Option<Fault>, StoreError> {
        let (code, detail): (Option<String>, Option<String>) = (self.take()?, self.take()?);
        let (source, class): (Option<u8>, Option<u8>) = (self.take()?, self.take()?);
        let retry_after = self.maybe_unsigned()?.map(Duration::from_millis);
        let members = self.take::<Option<String>>()?.map(String::into_boxed_str);
        let Some(code) = code else {
            return Ok(None);
        };
        let source = match source {
            Some(0) => Source::Server,
            Some(1) => Source::Task,
            Some(2) => Source::Upstream,
            _ => return Err(malformed("the fault's source")),
        };
        let class = class.and_then(ledger::class).ok_or_else(|| malformed("the fault's class"))?;
        let detail = detail.unwrap_or_default();
        Ok(Some(Fault { code: code.into(), detail, source, class, retry_after, members }))
    }
}

/// Reads a task's document.
pub(crate) fn document(cells: &mut Cells<'_>) -> Result<Document, StoreError> {
    // The fields are read in the order in which they stand here.
    Ok(Document {
        id: cells.id()?,
        kind: cells.kind()?,
        lane: cells.lane()?,
        tenant: cells.take()?,
        attempts: cells.small("the attempts")?,
        created_at: UnixMillis(cells.unsigned()?),
        fault: cells.fault()?,
        next_attempt_at: cells.maybe_time()?,
        state: cells.state()?,
        started_at: cells.maybe_time()?,
        finished_at: cells.maybe_time()?,
        progress: progress(cells.maybe_unsigned()?, cells.maybe_unsigned()?),
        durability: Durability::Disk,
    })
}

fn progress(done: Option<u64>, total: Option<u64>) -> Option<Progress> {
    done.map(|done| Progress { done, total })
}

/// Reads a task's product, if it has one.
pub(crate) fn product(cells: &mut Cells<'_>) -> Result<Option<Product>, StoreError> {
    let body = cells.checked("product")?;
    let content_type = cells.take()?;
    Ok(body.map(|body| Product { content_type, body }))
}

/// The query whose row [`holder`] reads. It is asked for each repetition, so it asks for no more
/// than most of them need.
pub(crate) const HOLDER: &str = "SELECT id, fingerprint, state, created_at, started_at, \
    finished_at, product, product_crc, product_type FROM tasks WHERE key = ?1";

/// The task that holds an idempotency key, as far as its result needs it.
pub(crate) struct HolderRow {
    /// The task.
    pub(crate) task: TaskId,
    /// What stands for the request that it came with.
    pub(crate) fingerprint: Fingerprint,
    /// Where it stands.
    pub(crate) state: TaskState,
    /// Where its time went.
    pub(crate) timing: Timing,
    /// When it ended.
    pub(crate) finished_at: Option<UnixMillis>,
    /// What it made.
    pub(crate) product: Option<Product>,
}

/// Reads who holds a key, and for which request.
pub(crate) fn holder(cells: &mut Cells<'_>) -> Result<HolderRow, StoreError> {
    let (task, fingerprint, state) = (cells.id()?, Fingerprint(cells.take()?), cells.state()?);
    let (created, started) = (UnixMillis(cells.unsigned()?), cells.maybe_time()?);
    let finished_at = cells.maybe_time()?;
    let timing = Timing::between(created, started, finished_at);
    Ok(HolderRow { task, fingerprint, state, timing, finished_at, product: product(cells)? })
}

/// Reads a task's payload, or where it is. `None` if the task needs it no more.
pub(crate) fn payload(cells: &mut Cells<'_>) -> Result<Option<KeptPayload>, StoreError> {
    let stored = cells.checked("payload")?.map(KeptPayload::Here);
    let spooled = cells.maybe_unsigned()?.map(KeptPayload::Spooled);
    Ok(stored.or(spooled))
}

/// Where a payload is of which the row has so many bytes, or the spool so many.
fn reference(stored: Option<u64>, spooled: Option<u64>) -> Payload {
    spooled.map_or_else(|| Payload::stored(stored.unwrap_or(0)), Payload::spooled)
}

/// Reads a task that a restart is to take up.
pub(crate) fn unfinished(cells: &mut Cells<'_>) -> Result<Unfinished, StoreError> {
    // In the order of the columns.
    let (task, kind, lane) = (cells.id()?, cells.kind()?, cells.lane()?);
    let (tenant, attempts) = (cells.take()?, cells.small("the attempts")?);
    let created_at = UnixMillis(cells.unsigned()?);
    let (fault, next_at) = (cells.fault()?, cells.maybe_time()?);
    let acceptance = Acceptance {
        kind,
        lane,
        tenant,
        created_at,
        due_at: cells.maybe_time()?,
        urgency: cells.small("the urgency")?,
        content_type: cells.take()?,
        traceparent: cells.take()?,
        form: cells.form()?,
        payload: reference(cells.maybe_unsigned()?, cells.maybe_unsigned()?),
    };
    let (at, isolated) = (cells.maybe_time()?, cells.take::<Option<bool>>()?.unwrap_or(false));
    let crashes = cells.take::<Option<u8>>()?.unwrap_or(0);
    let started = at.map(|at| StartMark { at, isolated, crashes });
    let cursor = cells.take::<Option<Vec<u8>>>()?.map(Bytes::from);
    let progress = progress(cells.maybe_unsigned()?, cells.maybe_unsigned()?);
    Ok(Unfinished {
        task,
        acceptance,
        attempts,
        started,
        crashes,
        next_at,
        fault,
        cursor,
        progress,
        payload_lost: false,
        claim: cells.claim()?,
        forgiven: cells.take::<Option<u32>>()?.unwrap_or(0),
        cancel_asked: cells.take::<Option<bool>>()?.unwrap_or(false),
    })
}
