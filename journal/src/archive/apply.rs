//! Writes a fold into the tables of the archive, in the order of the trees, so that each page is
//! visited once. When it is committed is for its caller to say.

use crate::fold::{Fold, KeyFold, Rest, Run, TaskFold};
use bytes::Bytes;
use overtime_protocol::record::{Acceptance, Advance};
use overtime_protocol::{Claim, Document, Fault, Opener, Product, TaskId, TaskState, UnixMillis};
use rusqlite::{Statement, Transaction, params};

const PUT: &str = "REPLACE INTO state (key, value, lsn, crc) VALUES (?1, ?2, ?3, ?4)";

const DELETE: &str = "DELETE FROM state WHERE key = ?1";

/// The columns are unique: whoever held a key before lets go of it first.
const LET_GO: &str = "UPDATE tasks SET key = NULL, fingerprint = NULL WHERE key = ?1 AND id <> ?2";

const ACCEPT: &str = "INSERT INTO tasks (id, state, kind, lane, tenant, attempts, created_at, \
    due_at, urgency, content_type, traceparent, form, payload, payload_crc, spooled_len, \
    key, fingerprint) \
    VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) \
    ON CONFLICT (id) DO NOTHING";

const RUN: &str = "UPDATE tasks SET state = ?2, attempts = ?3, mark_at = ?4, mark_isolated = ?5, \
    crashes = coalesce(?6, crashes), started_at = coalesce(?7, started_at), next_at = ?8, \
    fault_retry_after_ms = iif(?9 IS NULL, fault_retry_after_ms, ?13), \
    fault_members = iif(?9 IS NULL, fault_members, ?14), \
    fault_code = coalesce(?9, fault_code), fault_detail = coalesce(?10, fault_detail), \
    fault_source = coalesce(?11, fault_source), fault_class = coalesce(?12, fault_class) \
    WHERE id = ?1 AND state < 5";

/// A task that advances does not rest any more, whatever was said of it.
const ADVANCE: &str = "UPDATE tasks SET cursor = ?2, progress_done = ?3, progress_total = ?4, \
    state = iif(state = 4, 0, state) WHERE id = ?1 AND state < 5";

/// State 4 is parked: such a task keeps its payload, and where it stood.
const REST: &str = "INSERT INTO tasks (id, state, kind, lane, tenant, attempts, created_at, \
    started_at, finished_at, progress_done, progress_total, fault_code, fault_detail, \
    fault_source, fault_class, fault_retry_after_ms, product_type, product, product_crc, \
    fault_members, key, fingerprint) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, \
    ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22) \
    ON CONFLICT (id) DO UPDATE SET state = ?2, attempts = ?6, started_at = ?8, finished_at = ?9, \
    progress_done = ?10, progress_total = ?11, fault_code = ?12, fault_detail = ?13, \
    fault_source = ?14, fault_class = ?15, fault_retry_after_ms = ?16, product_type = ?17, \
    product = ?18, product_crc = ?19, fault_members = ?20, key = coalesce(?21, key), \
    fingerprint = coalesce(?22, fingerprint), mark_at = NULL, mark_isolated = NULL, next_at = NULL, \
    payload = iif(?2 = 4, payload, NULL), payload_crc = iif(?2 = 4, payload_crc, NULL), \
    spooled_len = iif(?2 = 4, spooled_len, NULL), cursor = iif(?2 = 4, cursor, NULL) \
    WHERE tasks.state < 5";

/// Has whoever held the keys that are claimed let go of them.
pub(super) fn free_claims(transaction: &Transaction<'_>, fold: &Fold) -> rusqlite::Result<()> {
    let mut let_go = transaction.prepare_cached(LET_GO)?;
    let mut claims: Vec<_> = fold.claims.iter().collect();
    claims.sort_unstable();
    for (key, task) in claims {
        let_go.execute(params![&key.0[..], task.key().cast_signed()])?;
    }
    Ok(())
}

pub(super) fn write_tasks(
    transaction: &Transaction<'_>,
    opener: &Opener,
    fold: &Fold,
) -> rusqlite::Result<()> {
    let mut accept = transaction.prepare_cached(ACCEPT)?;
    let mut run = transaction.prepare_cached(RUN)?;
    let mut advance = transaction.prepare_cached(ADVANCE)?;
    let mut rest = transaction.prepare_cached(REST)?;
    let mut tasks: Vec<(&TaskId, &TaskFold)> = fold.tasks.iter().collect();
    tasks.sort_unstable_by_key(|(task, _)| **task);
    for (&task, change) in tasks {
        let ends = change.rest.as_ref().is_some_and(|rest| rest.document.state.is_final());
        // A task that has ended needs neither its payload nor how it was to be run.
        if let Some(acceptance) = change.acceptance.as_ref().filter(|_| !ends) {
            write_acceptance(&mut accept, task, (acceptance, change.claim), opener)?;
        }
        if let Some(change) = &change.run {
            write_run(&mut run, task, change)?;
        }
        if let Some(Advance { cursor, progress }) = &change.advance {
            let (done, total) = (progress.done.cast_signed(), progress.total.map(u64::cast_signed));
            advance.execute(params![task.key().cast_signed(), &cursor[..], done, total])?;
        }
        if let Some(rested) = &change.rest {
            write_rest(&mut rest, task, rested, change.claim)?;
        }
    }
    Ok(())
}

fn write_acceptance(
    statement: &mut Statement<'_>,
    task: TaskId,
    (acceptance, claim): (&Acceptance, Option<Claim>),
    opener: &Opener,
) -> rusqlite::Result<()> {
    let spooled = acceptance.payload.is_spooled().then(|| acceptance.payload.len().cast_signed());
    let payload = opener.open(&acceptance.payload).map(<[Bytes]>::concat);
    statement.execute(params![
        task.key().cast_signed(),
        TaskState::Queued.number(),
        acceptance.kind.as_str(),
        acceptance.lane as u8,
        &*acceptance.tenant,
        integer(acceptance.created_at),
        acceptance.due_at.map(integer),
        acceptance.urgency,
        acceptance.content_type.as_deref(),
        acceptance.traceparent.as_deref(),
        acceptance.form.number(),
        payload,
        payload.as_deref().map(crc32c::crc32c),
        spooled,
        claim.as_ref().map(|claim| &claim.key.0[..]),
        claim.as_ref().map(|claim| &claim.fingerprint.0[..]),
    ])?;
    Ok(())
}

fn write_run(statement: &mut Statement<'_>, task: TaskId, run: &Run) -> rusqlite::Result<()> {
    let fault = run.fault.as_ref();
    statement.execute(params![
        task.key().cast_signed(),
        run.state().number(),
        run.attempts,
        run.mark.map(|mark| integer(mark.at)),
        run.mark.map(|mark| mark.isolated),
        run.crashes,
        run.started_at.map(integer),
        run.next_at.map(integer),
        fault.map(|fault| &*fault.code),
        fault.map(|fault| &*fault.detail),
        fault.map(|fault| fault.source as u8),
        fault.map(|fault| fault.class as u8),
        fault.and_then(retry_after_ms),
        fault.and_then(|fault| fault.members.as_deref()),
    ])?;
    Ok(())
}

fn write_rest(
    statement: &mut Statement<'_>,
    task: TaskId,
    rest: &Rest,
    claim: Option<Claim>,
) -> rusqlite::Result<()> {
    let Document { kind, lane, state, progress, fault, .. } = &*rest.document;
    let document = &rest.document;
    let (fault, product) = (fault.as_ref(), rest.product.as_ref());
    let body = product.map(|product: &Product| &product.body[..]);
    statement.execute(params![
        task.key().cast_signed(),
        state.number(),
        kind.as_str(),
        *lane as u8,
        &*document.tenant,
        document.attempts,
        integer(document.created_at),
        document.started_at.map(integer),
        document.finished_at.map(integer),
        progress.map(|progress| progress.done.cast_signed()),
        progress.and_then(|progress| progress.total).map(u64::cast_signed),
        fault.map(|fault| &*fault.code),
        fault.map(|fault| &*fault.detail),
        fault.map(|fault| fault.source as u8),
        fault.map(|fault| fault.class as u8),
        fault.and_then(retry_after_ms),
        product.and_then(|product| product.content_type.as_deref()),
        body,
        body.map(crc32c::crc32c),
        fault.and_then(|fault| fault.members.as_deref()),
        claim.as_ref().map(|claim| &claim.key.0[..]),
        claim.as_ref().map(|claim| &claim.fingerprint.0[..]),
    ])?;
    Ok(())
}

pub(super) fn write_keys(transaction: &Transaction<'_>, fold: &Fold) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(PUT)?;
    let mut delete = transaction.prepare_cached(DELETE)?;
    // In the order of the tree, so that each of its pages is visited once.
    let mut keys: Vec<(&Bytes, &KeyFold)> = fold.keys.iter().collect();
    keys.sort_unstable_by_key(|(key, _)| *key);
    for (key, KeyFold { lsn, value }) in keys {
        let key = &key[..];
        match value {
            None => delete.execute([key])?,
            Some(value) => {
                let crc = crc32c::crc32c(value);
                put.execute(params![key, &value[..], lsn.cast_signed(), crc])?
            }
        };
    }
    Ok(())
}

/// A point in time as the column keeps it.
fn integer(at: UnixMillis) -> i64 {
    at.0.cast_signed()
}

fn retry_after_ms(fault: &Fault) -> Option<i64> {
    fault.retry_after.map(|wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}
