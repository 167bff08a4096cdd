//! Answers: what goes back to a caller, before it is bytes.

use crate::explanation::Explanation;
use crate::id::TaskId;
use crate::job::Product;
use crate::kind::Durability;
use crate::listing::Sighted;
use crate::lookup::EventPage;
use crate::problem::Problem;
use crate::repair::RepairProgress;
use crate::task::Document;
use crate::time::UnixMillis;
use bytes::Bytes;
use std::time::Duration;

/// Where a task's time went, for `Server-Timing`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// From acceptance to the start of the handler.
    pub queue: Duration,
    /// In the handler.
    pub exec: Duration,
    /// From the end of the handler until the record was on disk.
    pub journal: Duration,
}

impl Timing {
    /// The timing of a task that was accepted, started and finished then, to the millisecond.
    pub fn between(
        created: UnixMillis,
        started: Option<UnixMillis>,
        finished: Option<UnixMillis>,
    ) -> Self {
        let queue = started.map(|started| started.since(created));
        let exec = finished.zip(started).map(|(finished, started)| finished.since(started));
        Self {
            queue: queue.unwrap_or_default(),
            exec: exec.unwrap_or_default(),
            journal: Duration::ZERO,
        }
    }
}

/// What every answer to a task tells beside its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The level reached before the answer leaves.
    pub durability: Durability,
    /// Where the time went so far.
    pub timing: Timing,
    /// What is to be told of its idempotency key.
    pub idempotency: Idempotency,
}

/// What an answer tells of the idempotency key of its request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Idempotency {
    /// Until when the key is kept, once that is known.
    pub expires: Option<UnixMillis>,
    /// Whether this answers a repetition.
    pub replayed: bool,
}

impl Account {
    /// The account of a task whose request had no idempotency key.
    pub fn new(durability: Durability, timing: Timing) -> Self {
        Self { durability, timing, idempotency: Idempotency::default() }
    }

    /// The account of a task as far as its document tells it, to the millisecond.
    pub fn of(document: &Document) -> Self {
        let Document { created_at, started_at, finished_at, durability, .. } = document;
        Self::new(*durability, Timing::between(*created_at, *started_at, *finished_at))
    }
}

/// What goes back to a caller.
#[derive(Clone, Debug)]
pub enum Answer {
    /// 200 with the handler's bytes.
    Result {
        /// The task that made it.
        task: TaskId,
        /// The bytes and their type.
        product: Product,
        /// How safe it is, and what it took.
        account: Account,
    },
    /// 202: accepted, on disk, and not finished.
    Accepted {
        /// The task as it stands.
        document: Box<Document>,
        /// When to ask again.
        retry_after: Duration,
        /// Whether this answers a repetition.
        replayed: bool,
    },
    /// 200 with the task's document.
    Document(Box<Document>),
    /// 200 with a stored value, such as a contact.
    Value {
        /// Its content type.
        content_type: &'static str,
        /// Its bytes.
        body: Bytes,
    },
    /// 202: a repair of errors is under way.
    Repairing {
        /// The print of the fault.
        print: u64,
        /// How far it is.
        progress: Box<RepairProgress>,
    },
    /// The durable events of a task, for whoever follows them.
    Events(Box<EventPage>),
    /// What a page of tasks may show, for whoever knows the live ones.
    Sighted(Box<Sighted>),
    /// A problem document.
    Problem(Box<Problem>),
}

impl From<Explanation> for Answer {
    fn from(explanation: Explanation) -> Self {
        let mut body = Vec::new();
        explanation.write_json(&mut body);
        Self::Value { content_type: "application/json", body: body.into() }
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}
