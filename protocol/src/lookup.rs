//! What is asked of the journal about what is not live, and what it finds. It reads nothing
//! itself.

use crate::answer::Answer;
use crate::append::{ReplyTo, Ticket, Unfinished};
use crate::event::TaskEvent;
use crate::history::HistoryFilter;
use crate::id::TaskId;
use crate::idempotency::{Fingerprint, KeyHash};
use crate::incident::IncidentId;
use crate::kind::KindName;
use crate::listing::Sheet;
use crate::payload::Payload;
use crate::task::TaskState;
use crate::tenant::Scope;
use crate::time::UnixMillis;
use bytes::Bytes;
use std::sync::Arc;

/// Something to look up.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// For a caller, who gets what is found as an answer.
    Read(Read),
    /// For the engine, which decides by it.
    Inquiry(Inquiry),
}

/// A read that live tasks cannot answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Whom the answer is for.
    pub reply_to: ReplyTo,
    /// Whose tasks whoever asks sees; others are answered like those that do not exist.
    pub scope: Scope,
    /// What is asked.
    pub query: Query,
}

/// What is asked of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// The document of a task that is not live.
    Document(TaskId),
    /// Why a task that is not live is where it is, as a JSON document.
    Explanation(TaskId),
    /// The result of a task that is not live.
    Result(TaskId),
    /// Why items of a bulk task failed, as NDJSON.
    Errors {
        /// Which task.
        task: TaskId,
        /// Whether it is known to exist, and to be one that whoever asks sees.
        live: bool,
    },
    /// The durable events of a task, answered with [`Answer::Events`].
    Events {
        /// Which task.
        task: TaskId,
        /// Only those behind this one.
        after: u64,
    },
    /// A page of tasks: as a JSON document if no live ones can be on it, and otherwise as
    /// [`Answer::Sighted`].
    List(Box<TaskFilter>),
    /// That page, as a JSON document.
    Sheet(Box<Sheet>),
    /// The ledger of errors, as a JSON document.
    Ledger(Box<LedgerFilter>),
    /// The tenants that were hurt in a span of time, as a JSON document.
    Affected(Box<AffectedFilter>),
    /// A page of incidents, as a JSON document.
    Incidents(IncidentFilter),
    /// One incident, as a JSON document.
    Incident(IncidentId),
    /// The hours that an upstream had, as a JSON document.
    History(Box<HistoryFilter>),
    /// The value at a state key, answered as `application/json`.
    State {
        /// The key.
        key: Bytes,
        /// What an absent key is called.
        absent: crate::Code,
    },
}

/// Which tasks a list shows: those that have all that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFilter {
    /// Their state.
    pub state: Option<TaskState>,
    /// Their kind.
    pub kind: Option<KindName>,
    /// The only kinds that can be in that state now, if that is known.
    pub among: Option<Arc<[KindName]>>,
    /// Whose they are.
    pub tenant: Option<Arc<str>>,
    /// The most that a page holds.
    pub limit: u32,
    /// Only those older than this one, which need not exist: the page before ended there.
    pub after: Option<TaskId>,
}

impl TaskFilter {
    /// All tasks, in pages of the usual length.
    pub fn everything() -> Self {
        Self { state: None, kind: None, among: None, tenant: None, limit: 100, after: None }
    }
}

/// Which entries of the ledger are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerFilter {
    /// Their kind.
    pub kind: Option<KindName>,
    /// The most that a page holds.
    pub limit: u32,
    /// Where the page before ended, in its own words.
    pub after: Option<String>,
}

/// Which tenants that were hurt are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedFilter {
    /// From when on; a day before the end unless it is said.
    pub from: Option<UnixMillis>,
    /// Until when; now unless it is said.
    pub to: Option<UnixMillis>,
    /// The most that a page holds.
    pub limit: u32,
    /// Only those behind this one, by name: the page before ended there.
    pub after: Option<String>,
}

/// Which incidents are shown, the newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncidentFilter {
    /// The most that a page holds.
    pub limit: u32,
    /// Only those older than this one, which need not exist: the page before ended there.
    pub after: Option<IncidentId>,
}

/// A question of the engine.
#[derive(Clone, Debug)]
pub struct Inquiry {
    /// Chosen by the engine, meaningless to the journal.
    pub ticket: Ticket,
    /// What is asked.
    pub question: Question,
}

/// What the engine asks.
#[derive(Clone, Debug)]
pub enum Question {
    /// Who holds an idempotency key, and what stands for a payload.
    Key {
        /// The key.
        key: KeyHash,
        /// The payload, whose bytes must be in memory.
        payload: Payload,
        /// Its content type.
        content_type: Option<Arc<str>>,
    },
    /// What stands for a payload whose key is known to be held.
    Fingerprint {
        /// The payload, whose bytes must be in memory.
        payload: Payload,
        /// Its content type.
        content_type: Option<Arc<str>>,
    },
    /// A parked task, with all that is needed to run it again.
    Parked(TaskId),
    /// The next parked tasks whose fault has that print, by ascending id.
    ParkedBy {
        /// Their kind.
        kind: KindName,
        /// The print of their fault.
        print: u64,
        /// Only those behind this one.
        after: Option<TaskId>,
        /// The most that are wanted.
        limit: u32,
    },
}

/// What was found.
#[derive(Clone, Debug)]
pub enum Finding {
    /// About a key.
    Key {
        /// What stands for the payload that was asked about.
        fingerprint: Fingerprint,
        /// Who holds the key, if anybody does.
        holder: Option<Box<Holder>>,
    },
    /// The parked task, or what stands in the way.
    Parked(Result<Box<Unfinished>, Box<Unsteerable>>),
    /// Ids of parked tasks.
    ParkedBy(Vec<TaskId>),
    /// The journal could not be read; it says why, in a sentence.
    Failed(String),
}

/// A task that a caller cannot have run again or end: it is not there, or not parked.
#[derive(Clone, Debug)]
pub struct Unsteerable {
    /// Whose it is, if it is there.
    pub tenant: Option<Arc<str>>,
    /// What those are told who see it.
    pub answer: Answer,
}

/// A task that holds a key.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The task.
    pub task: TaskId,
    /// What stands for the payload that it came with.
    pub fingerprint: Fingerprint,
    /// How it is replayed: its result, the problem that it ended with, or 202 if it is parked.
    /// `None` if it has neither ended nor is parked: then it is live, or nobody handles its kind.
    pub replay: Option<Answer>,
}

/// The durable events of a task that are known to the journal.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// The task.
    pub task: TaskId,
    /// By ascending sequence number.
    pub events: Vec<TaskEvent>,
    /// Whether there are more behind the last.
    pub more: bool,
}

impl Query {
    /// Whether it may look at many rows.
    pub fn is_long(&self) -> bool {
        match self {
            Self::List(_)
            | Self::Sheet(_)
            | Self::Ledger(_)
            | Self::Affected(_)
            | Self::Incidents(_)
            | Self::History(_)
            | Self::Errors { .. } => true,
            Self::Document(_)
            | Self::Explanation(_)
            | Self::Incident(_)
            | Self::Result(_)
            | Self::Events { .. }
            | Self::State { .. } => false,
        }
    }
}

impl Lookup {
    /// Whether it may take long: such lookups have a thread of their own, so that they do not
    /// stand in front of short ones.
    pub fn is_long(&self) -> bool {
        match self {
            Self::Read(read) => read.query.is_long(),
            Self::Inquiry(Inquiry { question, .. }) => match question {
                Question::Key { payload, .. } | Question::Fingerprint { payload, .. } => {
                    payload.len() >= LONG_PAYLOAD_BYTES
                }
                // These may wait for the archive.
                Question::Parked(_) | Question::ParkedBy { .. } => true,
            },
        }
    }
}

/// To hash a payload of this size takes about as long as a read of the archive.
const LONG_PAYLOAD_BYTES: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_many_rows_does_not_stand_before_what_reads_one() {
        let task = TaskId::from_key(1).expect("small numbers are task ids");
        let is_long = |query| {
            let (reply_to, scope) = (ReplyTo(1), Scope::All);
            Lookup::Read(Read { reply_to, scope, query }).is_long()
        };
        assert!(is_long(Query::Errors { task, live: false }));
        assert!(!is_long(Query::Result(task)));
    }
}
