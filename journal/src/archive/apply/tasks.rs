//! Writes what became of tasks: a row each.

use super::events::Events;
use super::retry_after_ms;
use super::tally::Tally;
use crate::courtesy;
use crate::fold::{Fold, Rest, Run, TaskFold};
use bytes::Bytes;
use overtime_protocol::record::{Acceptance, Advance};
use overtime_protocol::{
    Claim, Document, Fault, Form, KindName, News, Opener, Product, TaskId, TaskState, UnixMillis,
};
use rusqlite::{CachedStatement, OptionalExtension, ToSql, Transaction, params};

const ACCEPT: &str = "INSERT INTO tasks (id, state, kind, lane, tenant, attempts, created_at, \
    due_at, urgency, content_type, traceparent, form, payload, payload_crc, spooled_len, \
    key, fingerprint, accepted_lsn) \
    VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) \
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
    forgiven = iif(?5 IS NULL, forgiven, max(coalesce(forgiven, 0), ?5)), \
    state = iif(state = 4, 0, state) WHERE id = ?1 AND state < 5";

/// How far a task has come that has not ended.
const PROGRESS: &str = "SELECT form, progress_done FROM tasks WHERE id = ?1 AND state < 5";

/// Most tasks that end here were not seen before.
const REST: &str = "INSERT INTO tasks (id, state, kind, lane, tenant, attempts, created_at, \
    started_at, finished_at, progress_done, progress_total, fault_code, fault_detail, \
    fault_source, fault_class, fault_retry_after_ms, product_type, product, product_crc, \
    fault_members, fault_print, key, fingerprint, accepted_lsn, ended_lsn, form) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, \
    ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26) ON CONFLICT (id) DO NOTHING";

/// The bytes that an unfinished task takes beside its row.
const PAYLOAD: &str = "SELECT coalesce(length(payload), 0) + coalesce(spooled_len, 0) \
    FROM tasks WHERE id = ?1 AND state < 5";

/// The same for a task that has a row. State 4 is parked: such a task keeps its payload, and where
/// it stood.
const COME_TO_REST: &str = "UPDATE tasks SET state = ?2, attempts = ?6, started_at = ?8, \
    finished_at = ?9, progress_done = ?10, progress_total = ?11, fault_code = ?12, \
    fault_detail = ?13, fault_source = ?14, fault_class = ?15, fault_retry_after_ms = ?16, \
    product_type = ?17, product = ?18, product_crc = ?19, fault_members = ?20, \
    fault_print = ?21, key = coalesce(?22, key), fingerprint = coalesce(?23, fingerprint), \
    accepted_lsn = coalesce(accepted_lsn, ?24), ended_lsn = ?25, form = coalesce(form, ?26), \
    mark_at = NULL, mark_isolated = NULL, next_at = NULL, \
    payload = iif(?2 = 4, payload, NULL), payload_crc = iif(?2 = 4, payload_crc, NULL), \
    spooled_len = iif(?2 = 4, spooled_len, NULL), cursor = iif(?2 = 4, cursor, NULL) \
    WHERE id = ?1 AND state < 5";

/// The kind of a task that has not ended.
const KIND: &str = "SELECT kind FROM tasks WHERE id = ?1 AND state < 5";

/// What it did before counts no more.
const RESUME: &str = "UPDATE tasks SET state = 0, forgiven = attempts, crashes = 0, \
    next_at = NULL, mark_at = NULL, mark_isolated = NULL, cancel_asked = NULL \
    WHERE id = ?1 AND state < 5";

const CLAIM: &str = "UPDATE tasks SET key = ?2, fingerprint = ?3 WHERE id = ?1";

const ASK_TO_CANCEL: &str = "UPDATE tasks SET cancel_asked = 1 WHERE id = ?1 AND state < 5";

/// The statements that write tasks.
struct Tasks<'a> {
    opener: &'a Opener,
    accept: CachedStatement<'a>,
    claim: CachedStatement<'a>,
    run: CachedStatement<'a>,
    advance: CachedStatement<'a>,
    progress: CachedStatement<'a>,
    rest: CachedStatement<'a>,
    payload: CachedStatement<'a>,
    come_to_rest: CachedStatement<'a>,
    kind: CachedStatement<'a>,
    resume: CachedStatement<'a>,
    ask_to_cancel: CachedStatement<'a>,
    events: Events<'a>,
    tally: Tally,
}

/// Writes what became of each task, and tells what that adds up to.
pub(super) fn write_tasks(
    transaction: &Transaction<'_>,
    opener: &Opener,
    fold: &Fold,
) -> rusqlite::Result<Tally> {
    let mut statements = Tasks {
        opener,
        accept: transaction.prepare_cached(ACCEPT)?,
        claim: transaction.prepare_cached(CLAIM)?,
        run: transaction.prepare_cached(RUN)?,
        advance: transaction.prepare_cached(ADVANCE)?,
        progress: transaction.prepare_cached(PROGRESS)?,
        rest: transaction.prepare_cached(REST)?,
        payload: transaction.prepare_cached(PAYLOAD)?,
        come_to_rest: transaction.prepare_cached(COME_TO_REST)?,
        kind: transaction.prepare_cached(KIND)?,
        resume: transaction.prepare_cached(RESUME)?,
        ask_to_cancel: transaction.prepare_cached(ASK_TO_CANCEL)?,
        events: Events::new(transaction)?,
        tally: Tally::default(),
    };
    let mut tasks: Vec<(&TaskId, &TaskFold)> = fold.tasks.iter().collect();
    tasks.sort_unstable_by_key(|(task, _)| **task);
    for (&task, change) in tasks {
        courtesy::step();
        statements.count_faults(task, change)?;
        statements.write(task, change)?;
    }
    Ok(statements.tally)
}

impl Tasks<'_> {
    /// Counts why attempts failed that did not end the task.
    fn count_faults(&mut self, task: TaskId, change: &TaskFold) -> rusqlite::Result<()> {
        let mut faults = change.events.iter().filter_map(|event| match &event.news {
            News::Retrying(_, fault) | News::Faulted(_, fault) => Some((event.at, &**fault)),
            News::State(_) | News::Progress(_) | News::CancelAsked => None,
        });
        let Some(first) = faults.next() else {
            return Ok(());
        };
        let kind = match change.kind() {
            Some(kind) => Some(kind.clone()),
            None => self.archived_kind(task)?,
        };
        // Without a kind it has ended, and stays as it ended.
        let Some(kind) = kind else {
            return Ok(());
        };
        for (at, fault) in std::iter::once(first).chain(faults) {
            self.tally.fault(&kind, fault, (task, at));
        }
        Ok(())
    }

    fn archived_kind(&mut self, task: TaskId) -> rusqlite::Result<Option<KindName>> {
        let found: Option<String> =
            self.kind.query_row([task.key().cast_signed()], |row| row.get(0)).optional()?;
        Ok(found.as_deref().and_then(KindName::new))
    }

    fn write(&mut self, task: TaskId, change: &TaskFold) -> rusqlite::Result<()> {
        let key = task.key().cast_signed();
        // A task that has ended needs neither its payload nor how it was to be run.
        if let Some(acceptance) = change.acceptance.as_ref().filter(|_| !change.has_ended()) {
            self.accept(task, acceptance, change)?;
        }
        if let Some(resumed) = &change.resumed {
            resumed.parked.iter().try_for_each(|parked| self.rest(task, parked, change))?;
            self.resume.execute([key])?;
        }
        if change.cancel_asked {
            self.ask_to_cancel.execute([key])?;
        }
        if let Some(run) = &change.run {
            self.run(task, run)?;
        }
        if let Some(advance) = &change.advance {
            self.advance(task, advance, change)?;
        }
        change.events.iter().try_for_each(|event| self.events.write(task, event))?;
        change.rest.iter().try_for_each(|rest| self.rest(task, rest, change))
    }

    fn accept(
        &mut self,
        task: TaskId,
        acceptance: &Acceptance,
        change: &TaskFold,
    ) -> rusqlite::Result<()> {
        let spooled =
            acceptance.payload.is_spooled().then(|| acceptance.payload.len().cast_signed());
        let payload = self.opener.open(&acceptance.payload).map(<[Bytes]>::concat);
        let written = self.accept.execute(params![
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
            change.claim.as_ref().map(|claim| &claim.key.0[..]),
            change.claim.as_ref().map(|claim| &claim.fingerprint.0[..]),
            change.accepted_lsn.map(u64::cast_signed),
        ])?;
        if written > 0 {
            self.tally.row(&acceptance.kind, acceptance.payload.len());
            return Ok(());
        }
        self.claim(task, change)
    }

    /// Gives a task that has a row the key that it claimed: what is written again after a loss took
    /// it away for a former holder first.
    fn claim(&mut self, task: TaskId, change: &TaskFold) -> rusqlite::Result<()> {
        let Some(Claim { key, fingerprint }) = &change.claim else { return Ok(()) };
        let key = params![task.key().cast_signed(), &key.0[..], &fingerprint.0[..]];
        self.claim.execute(key).map(drop)
    }

    fn run(&mut self, task: TaskId, run: &Run) -> rusqlite::Result<()> {
        let fault = run.fault.as_ref();
        self.run.execute(params![
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

    fn advance(
        &mut self,
        task: TaskId,
        Advance { cursor, progress }: &Advance,
        change: &TaskFold,
    ) -> rusqlite::Result<()> {
        let key = task.key().cast_signed();
        let before = self.progress.query_row([key], |row| {
            Ok((row.get::<_, Option<u8>>(0)?, row.get::<_, Option<i64>>(1)?))
        });
        let got_over = before.optional()?.and_then(|(form, done)| {
            change.got_over(Form::from_number(form?)?, done.map_or(0, i64::cast_unsigned))
        });
        let (done, total) = (progress.done.cast_signed(), progress.total.map(u64::cast_signed));
        self.advance.execute(params![key, &cursor[..], done, total, got_over])?;
        Ok(())
    }

    fn rest(&mut self, task: TaskId, rest: &Rest, change: &TaskFold) -> rusqlite::Result<()> {
        let Document { kind, lane, state, progress, fault, .. } = &*rest.document;
        let document = &rest.document;
        let (fault, product) = (fault.as_ref(), rest.product.as_ref());
        let body = product.map(|product: &Product| &product.body[..]);
        let key = task.key().cast_signed();
        let print = fault.filter(|_| *state == TaskState::Parked).map(Fault::print);
        let values: &[&dyn ToSql] = params![
            key,
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
            print.map(u64::cast_signed),
            change.claim.as_ref().map(|claim| &claim.key.0[..]),
            change.claim.as_ref().map(|claim| &claim.fingerprint.0[..]),
            change.accepted_lsn.map(u64::cast_signed),
            change.ended_lsn.map(u64::cast_signed),
            change.acceptance.as_ref().map(|acceptance| acceptance.form.number()),
        ];
        let made = body.map_or(0, <[u8]>::len) as u64;
        // A task that is parked and has no row was lost with its payload: it could never run again.
        if state.is_final() && self.rest.execute(values)? > 0 {
            self.tally.row(kind, made);
        } else {
            let had = self.payload.query_row([key], |row| row.get::<_, i64>(0)).optional()?;
            let Some(had) = had.map(i64::cast_unsigned) else {
                return self.claim(task, change);
            };
            self.come_to_rest.execute(values)?;
            let gone = if state.is_final() { had } else { 0 };
            self.tally.bytes(kind, made.cast_signed() - gone.cast_signed());
        }
        if let (true, Some(at)) = (state.is_final(), document.finished_at) {
            self.tally.end(kind, at);
        }
        if let (TaskState::Failed, Some(fault)) = (state, fault) {
            self.tally.fault(kind, fault, (task, document.finished_at.unwrap_or_default()));
        }
        Ok(())
    }
}

/// A point in time as the column keeps it.
fn integer(at: UnixMillis) -> i64 {
    at.0.cast_signed()
}
