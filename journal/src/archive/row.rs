//! Rows of the archive as the values they stand for. It never writes.

use crate::error::StoreError;
use bytes::Bytes;
use overtime_protocol::record::{Acceptance, StartMark};
use overtime_protocol::{
    Class, Document, Durability, Fault, KindName, LANES, Lane, Payload, Product, Progress, Source,
    TaskId, TaskState, Unfinished, UnixMillis,
};
use rusqlite::Row;
use std::sync::Arc;
use std::time::Duration;

/// The columns that [`document`] reads.
pub(crate) const DOCUMENT: &str = "id, state, kind, lane, tenant, attempts, created_at, \
    started_at, finished_at, progress_done, progress_total, fault_code, fault_detail, \
    fault_source, fault_class, fault_retry_after_ms, next_at";

/// The columns that [`unfinished`] reads.
pub(crate) const UNFINISHED: &str = "id, kind, lane, tenant, attempts, created_at, due_at, \
    urgency, content_type, traceparent, length(payload) AS payload_len, mark_at, mark_isolated, \
    crashes, next_at, fault_code, fault_detail, fault_source, fault_class, fault_retry_after_ms";

/// A task that is in the archive, with what it made.
pub(crate) struct Archived {
    /// Its document.
    pub(crate) document: Document,
    /// Its product, if it was read and there is one.
    pub(crate) product: Option<Product>,
}

/// What no row of ours holds.
fn malformed(what: &str) -> StoreError {
    StoreError::Damaged(format!("{what} of a task in the archive"))
}

/// Reads an integer that was written as the same bits.
pub(crate) fn unsigned(row: &Row<'_>, column: &str) -> Result<u64, StoreError> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

fn small<T: TryFrom<i64>>(row: &Row<'_>, column: &str) -> Result<T, StoreError> {
    T::try_from(row.get::<_, i64>(column)?).map_err(|_| malformed(column))
}

fn time(row: &Row<'_>, column: &str) -> Result<Option<UnixMillis>, StoreError> {
    Ok(row.get::<_, Option<i64>>(column)?.map(|at| UnixMillis(at.cast_unsigned())))
}

fn text(row: &Row<'_>, column: &str) -> Result<Option<Arc<str>>, StoreError> {
    Ok(row.get::<_, Option<Arc<str>>>(column)?)
}

fn id(row: &Row<'_>) -> Result<TaskId, StoreError> {
    TaskId::from_key(unsigned(row, "id")?).ok_or_else(|| malformed("the id"))
}

fn kind(row: &Row<'_>) -> Result<KindName, StoreError> {
    let name: Arc<str> = row.get("kind")?;
    KindName::new(&name).ok_or_else(|| malformed("the kind"))
}

fn lane(row: &Row<'_>) -> Result<Lane, StoreError> {
    LANES.get(small::<usize>(row, "lane")?).copied().ok_or_else(|| malformed("the lane"))
}

fn state(row: &Row<'_>) -> Result<TaskState, StoreError> {
    TaskState::from_number(small(row, "state")?).ok_or_else(|| malformed("the state"))
}

fn fault(row: &Row<'_>) -> Result<Option<Fault>, StoreError> {
    let Some(code) = row.get::<_, Option<String>>("fault_code")? else {
        return Ok(None);
    };
    let source = match small(row, "fault_source")? {
        0 => Source::Server,
        1 => Source::Task,
        2 => Source::Upstream,
        _ => return Err(malformed("the fault's source")),
    };
    let class = match small(row, "fault_class")? {
        0 => Class::Ephemeral,
        1 => Class::Persistent,
        _ => return Err(malformed("the fault's class")),
    };
    let retry_after: Option<i64> = row.get("fault_retry_after_ms")?;
    Ok(Some(Fault {
        code: code.into(),
        detail: row.get("fault_detail")?,
        source,
        class,
        retry_after: retry_after.map(|ms| Duration::from_millis(ms.cast_unsigned())),
    }))
}

/// Reads a task's document.
pub(crate) fn document(row: &Row<'_>) -> Result<Document, StoreError> {
    let total: Option<i64> = row.get("progress_total")?;
    let done: Option<i64> = row.get("progress_done")?;
    Ok(Document {
        id: id(row)?,
        kind: kind(row)?,
        lane: lane(row)?,
        state: state(row)?,
        attempts: small(row, "attempts")?,
        created_at: UnixMillis(unsigned(row, "created_at")?),
        started_at: time(row, "started_at")?,
        finished_at: time(row, "finished_at")?,
        next_attempt_at: time(row, "next_at")?,
        progress: done.map(|done| Progress {
            done: done.cast_unsigned(),
            total: total.map(i64::cast_unsigned),
        }),
        fault: fault(row)?,
        tenant: row.get("tenant")?,
        durability: Durability::Disk,
    })
}

/// Reads a task's product, if it has one.
pub(crate) fn product(row: &Row<'_>) -> Result<Option<Product>, StoreError> {
    let body = checked(row, "product", "product_crc")?;
    let content_type = text(row, "product_type")?;
    Ok(body.map(|body| Product { content_type, body }))
}

/// Reads a blob and checks it. `None` if it is null.
pub(crate) fn checked(row: &Row<'_>, blob: &str, crc: &str) -> Result<Option<Bytes>, StoreError> {
    let Some(bytes) = row.get::<_, Option<Vec<u8>>>(blob)? else {
        return Ok(None);
    };
    if crc32c::crc32c(&bytes) == small::<u32>(row, crc)? {
        Ok(Some(bytes.into()))
    } else {
        Err(StoreError::Damaged(format!("a {blob} in the archive does not match its checksum")))
    }
}

/// Reads a task that a restart is to take up.
pub(crate) fn unfinished(row: &Row<'_>) -> Result<Unfinished, StoreError> {
    let payload_len: Option<i64> = row.get("payload_len")?;
    let crashes = row.get::<_, Option<i64>>("crashes")?.unwrap_or(0);
    let crashes = u8::try_from(crashes).map_err(|_| malformed("the crashes"))?;
    let isolated = row.get::<_, Option<bool>>("mark_isolated")?.unwrap_or(false);
    let mark = |at| StartMark { at, isolated, crashes };
    let acceptance = Acceptance {
        kind: kind(row)?,
        lane: lane(row)?,
        tenant: row.get("tenant")?,
        created_at: UnixMillis(unsigned(row, "created_at")?),
        due_at: time(row, "due_at")?,
        urgency: small(row, "urgency")?,
        content_type: text(row, "content_type")?,
        traceparent: text(row, "traceparent")?,
        payload: Payload::stored(payload_len.unwrap_or(0).unsigned_abs()),
    };
    Ok(Unfinished {
        task: id(row)?,
        acceptance,
        attempts: small(row, "attempts")?,
        started: time(row, "mark_at")?.map(mark),
        crashes,
        next_at: time(row, "next_at")?,
        fault: fault(row)?,
    })
}
