//! The reader threads: answer what live tasks cannot. They never write and never wait for the
//! commit thread; for the applier they wait only where the log has no index of what is asked, and
//! not for long.

mod absent;
mod affected;
mod alarm;
mod events;
mod history;
mod incidents;
mod keys;
mod ledger;
mod lists;
mod parked;

pub(crate) use absent::Past;
pub(crate) use alarm::Alarm;

use crate::archive::{Archived, Connections};
use crate::courtesy;
use crate::error::StoreError;
use crate::journal::{Deliver, Report};
use crate::recent::{Place, RestPlace};
use crate::shared::Shared;
use crate::spool::Spool;
use crossbeam_channel::Receiver;
use overtime_protocol::record::{self, Acceptance, Change, Record};
use overtime_protocol::{
    Account, Answer, Clock, Code, Document, Durability, Explanation, Finding, Idempotency, Inquiry,
    Lookup, Opener, Problem, Query, Question, Read, Scope, Submitted, TaskId, TaskState, bulk,
};
use std::sync::Arc;
use std::time::Duration;

/// When to ask again for the result of a task that rests or waits: a person has to decide.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// What the reader threads share.
pub(crate) struct Reader {
    /// What all threads share.
    pub(crate) shared: Arc<Shared>,
    /// Read connections.
    pub(crate) archive: Arc<Connections>,
    /// Large payloads.
    pub(crate) spool: Arc<Spool>,
    /// Opens payloads that are asked about.
    pub(crate) opener: Opener,
    /// What the time is.
    pub(crate) clock: Clock,
    /// Which tasks there can have been.
    pub(crate) past: Past,
    /// How long to wait for the archive.
    pub(crate) catch_up_max: Duration,
    /// How long a key is kept after its task has ended.
    pub(crate) key_keep: Duration,
    /// Who hears.
    pub(crate) deliver: Deliver,
    /// What was told of damage.
    pub(crate) alarm: Alarm,
}

/// How much of a task is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Document,
    Result,
}

impl Reader {
    /// Answers until every sender is gone.
    pub(crate) fn run(&self, lookups: &Receiver<Lookup>) {
        courtesy::begin();
        lookups.iter().for_each(|lookup| self.serve(lookup));
    }

    /// Answers one.
    pub(crate) fn serve(&self, lookup: Lookup) {
        (self.deliver)(match lookup {
            Lookup::Read(Read { reply_to, scope, query }) => {
                let failed = |error| Problem::new(Code::Internal, self.unreadable(&error)).into();
                let answer = self.answer(query, &scope).unwrap_or_else(failed);
                Report::Answer(reply_to, answer)
            }
            Lookup::Inquiry(Inquiry { ticket, question }) => {
                let finding = self.find_out(question);
                let failed = |error| Finding::Failed(self.unreadable(&error));
                Report::Found(ticket, finding.unwrap_or_else(failed))
            }
        });
    }

    fn unreadable(&self, error: &StoreError) -> String {
        self.alarm.hear(error, &self.shared.log.stats, &self.deliver);
        format!("the journal could not be read: {error}")
    }

    fn find_out(&self, question: Question) -> Result<Finding, StoreError> {
        match question {
            Question::Key { key, payload, content_type } => {
                self.key(key, &payload, content_type.as_deref())
            }
            Question::Fingerprint { payload, content_type } => {
                Ok(self.fingerprint(&payload, content_type.as_deref()).map_or_else(
                    || Finding::Failed("the payload is not in memory".to_owned()),
                    |fingerprint| Finding::Key { fingerprint, holder: None },
                ))
            }
            Question::Parked(task) => self.parked(task),
            Question::ParkedBy { kind, print, after, limit } => {
                self.parked_by(&kind, print, after, limit)
            }
        }
    }

    fn answer(&self, query: Query, scope: &Scope) -> Result<Answer, StoreError> {
        match query {
            Query::Document(task) => {
                let found = self.find_seen(task, Extent::Document, scope)?;
                Ok(found.map_or_else(
                    || self.absent(task),
                    |found| Answer::Document(Box::new(found.document)),
                ))
            }
            Query::Explanation(task) => {
                let found = self.find_seen(task, Extent::Document, scope)?;
                Ok(found.map_or_else(
                    || self.absent(task),
                    |found| Explanation::of(found.document).into(),
                ))
            }
            Query::Result(task) => {
                let found = self.find_seen(task, Extent::Result, scope)?;
                Ok(found.map_or_else(
                    || self.absent(task),
                    |found| result(found, Idempotency::default()),
                ))
            }
            Query::Errors { task, live } => self.errors(task, live, scope),
            Query::Events { task, after } => self.events(task, after, scope),
            Query::List(filter) => self.list(*filter, scope),
            Query::Sheet(sheet) => self.sheet(*sheet),
            Query::Ledger(filter) => self.ledger(&filter),
            Query::Affected(filter) => self.affected(&filter),
            Query::Incidents(filter) => self.incidents(filter),
            Query::Incident(id) => self.incident(id),
            Query::History(filter) => self.history(&filter),
            Query::State { key, absent } => {
                let state = self.shared.state(&key, &self.archive)?;
                let value = |body| Answer::Value { content_type: "application/json", body };
                Ok(state.value.map_or_else(|| Problem::new(absent, absent.title()).into(), value))
            }
        }
    }

    /// Why items of a bulk task failed: its blocks, one after the other.
    fn errors(&self, task: TaskId, live: bool, scope: &Scope) -> Result<Answer, StoreError> {
        // Blocks do not say whose they are.
        if !live && *scope != Scope::All && !self.is_seen(task, scope)? {
            return Ok(self.absent(task));
        }
        let mut body = Vec::new();
        for block in 0.. {
            let key = bulk::errors_key(task, block);
            let Some(value) = self.shared.state(&key, &self.archive)?.value else { break };
            body.extend_from_slice(&value);
        }
        if body.is_empty() && !live && self.find(task, Extent::Document)?.is_none() {
            return Ok(self.absent(task));
        }
        Ok(Answer::Value { content_type: "application/x-ndjson", body: body.into() })
    }

    /// A task, if whoever asks sees it.
    fn find_seen(
        &self,
        task: TaskId,
        extent: Extent,
        scope: &Scope,
    ) -> Result<Option<Archived>, StoreError> {
        let found = self.find(task, extent)?;
        Ok(found.filter(|found| scope.sees(&found.document.tenant)))
    }

    /// Whether the task is there for whoever asks.
    fn is_seen(&self, task: TaskId, scope: &Scope) -> Result<bool, StoreError> {
        Ok(self.find_seen(task, Extent::Document, scope)?.is_some())
    }

    /// A task, from the log if it is not in the archive yet.
    fn find(&self, task: TaskId, extent: Extent) -> Result<Option<Archived>, StoreError> {
        let applied = self.shared.applied();
        let entry = self.shared.recent.task(task, applied);
        let goes_on = entry.as_ref().is_some_and(|entry| entry.rest == RestPlace::Over);
        let newest = entry.and_then(|entry| match entry.rest {
            RestPlace::Ended(_, place) | RestPlace::Parked(place) => Some(place),
            // The archive knows more of a task whose acceptance it has.
            RestPlace::Elsewhere | RestPlace::Over => {
                let accepted = entry.acceptance.filter(|accepted| accepted.lsn > applied);
                accepted.map(|accepted| accepted.record)
            }
        });
        let in_log = newest.map_or(Ok(None), |place| self.decode(place))?;
        // What has left the log is in the archive by now.
        let found = match in_log {
            Some(found) => Some(found),
            None => self.find_archived(task, extent)?,
        };
        Ok(found.map(|found| if goes_on { queued_again(found) } else { found }))
    }

    fn find_archived(&self, task: TaskId, extent: Extent) -> Result<Option<Archived>, StoreError> {
        let applied = self.shared.applied();
        let mut archive = self.archive.take();
        match extent {
            Extent::Document => archive.document(task, applied),
            Extent::Result => archive.result(task, applied),
        }
    }

    fn decode(&self, place: Place) -> Result<Option<Archived>, StoreError> {
        let Some(record) = self.record(place)? else {
            return Ok(None);
        };
        let Record { task, acceptance, change, .. } = record;
        Ok(Some(match (change, acceptance) {
            (Some(Change::Finished(document, product)), _) => {
                Archived { document: *document, product }
            }
            (Some(Change::Parked(document)), _) => Archived { document: *document, product: None },
            (_, Some(acceptance)) => {
                Archived { document: queued(task, &acceptance), product: None }
            }
            (_, None) => return Err(StoreError::Damaged("a record of no task".to_owned())),
        }))
    }

    /// A record; `None` if it has left the log, and so is in the archive.
    fn record(&self, place: Place) -> Result<Option<Record>, StoreError> {
        let Some(bytes) = place.read(&self.shared.log)? else {
            return Ok(None);
        };
        let decoded = record::decode(&bytes);
        let (record, _) = decoded.map_err(|error| StoreError::Damaged(error.to_string()))?;
        Ok(Some(record))
    }
}

/// A task that was parked, and that a person had run again.
fn queued_again(mut found: Archived) -> Archived {
    if found.document.state == TaskState::Parked {
        found.document.state = TaskState::Queued;
    }
    found
}

/// The document of a task of which only the acceptance is known.
fn queued(id: TaskId, acceptance: &Acceptance) -> Document {
    Document {
        id,
        kind: acceptance.kind.clone(),
        lane: acceptance.lane,
        state: TaskState::Queued,
        attempts: 0,
        created_at: acceptance.created_at,
        started_at: None,
        finished_at: None,
        next_attempt_at: None,
        progress: None,
        fault: None,
        tenant: Arc::clone(&acceptance.tenant),
        durability: Durability::Disk,
    }
}

/// What a caller who wants the result gets.
fn result(found: Archived, idempotency: Idempotency) -> Answer {
    let Archived { document, product } = found;
    let (task, account) = (document.id, Account { idempotency, ..Account::of(&document) });
    match document.state {
        TaskState::Succeeded => {
            Answer::Result { task, product: product.unwrap_or_default(), account }
        }
        TaskState::Failed => {
            let fault = document.fault.unwrap_or_else(|| {
                overtime_protocol::Fault::input("invalid-input", "the input is wrong")
            });
            Problem::of_task(Code::InvalidInput, task, fault, account).into()
        }
        TaskState::Cancelled => Problem {
            task: Some(task),
            submitted: Submitted::Yes,
            account: Some(Box::new(account)),
            ..Problem::new(Code::Cancelled, "the task was cancelled before it ended")
        }
        .into(),
        TaskState::Queued
        | TaskState::Running
        | TaskState::Retrying
        | TaskState::Held
        | TaskState::Parked => Answer::Accepted {
            document: Box::new(document),
            retry_after: ASK_AGAIN,
            replayed: idempotency.replayed,
        },
    }
}
