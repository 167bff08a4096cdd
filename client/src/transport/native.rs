//! The native protocol: all threads of a client share a connection, with as many requests in flight
//! as the server takes, and another for long payloads, which would stand in front of everybody's
//! requests there. A connection that broke or was said goodbye on is replaced at the next question.

mod session;

use super::problem::{self, Problem};
use super::{Ask, Question, Reply, Silence, millis};
use crate::manners::{Said, Verdict};
use bytes::Bytes;
use overtime_protocol::TaskId;
use overtime_protocol::native::{Answered, Failed, Get, Listing, Named, Part, Reply as Frame};
use overtime_protocol::native::{Request, Spent, Submit};
use session::{NotOpened, Session};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// From this size on a payload has to go over the other connection.
const LONG_MIN_BYTES: usize = 64 * 1024;

/// The way to one server.
#[derive(Debug)]
pub(crate) struct Native {
    address: String,
    short: Line,
    long: Line,
}

/// A connection, once somebody needed it.
type Line = Mutex<Option<Arc<Session>>>;

impl Native {
    /// The way to the server at that address, which is not tried yet.
    pub(crate) fn to(address: String) -> Self {
        Self { address, short: Mutex::new(None), long: Mutex::new(None) }
    }

    /// A connection that takes requests. While there is none, each thread makes one, and the first
    /// to be welcomed is the one that all use: nobody waits for somebody else's attempt.
    fn session(&self, ask: &Ask<'_>, line: &Line) -> Result<Arc<Session>, NotOpened> {
        let current = line.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(session) = current.filter(|session| session.takes_requests_with(ask.key)) {
            return Ok(session);
        }
        let session = Session::open(&self.address, ask.key, ask.timeout)?;
        let mut current = line.lock().unwrap_or_else(PoisonError::into_inner);
        match &*current {
            Some(faster) if faster.takes_requests_with(ask.key) => Ok(faster.clone()),
            _ => Ok(current.insert(session).clone()),
        }
    }
}

impl super::Transport for Native {
    fn ask(&self, ask: Ask<'_>) -> Result<Reply, Silence> {
        let until = Instant::now() + ask.timeout;
        let payload = match ask.question {
            Question::Submit(order) => order.submission.payload.clone(),
            _ => Bytes::new(),
        };
        let line = if payload.len() < LONG_MIN_BYTES { &self.short } else { &self.long };
        let session = match self.session(&ask, line) {
            Ok(session) => session,
            Err(NotOpened::Refused(problem)) => return refused_hello(problem),
            Err(NotOpened::Unreachable(error)) => {
                return Err(Silence::NotConnected(error.to_string()));
            }
        };
        let (frame, body) = session.ask(&request(ask.question), &payload, until)?;
        match frame {
            Frame::Answered(answered) => Ok(answered_reply(&ask.question, answered, body)),
            Frame::Failed(failed) => Ok(failed_reply(failed, body)),
            other => Err(Silence::Lost(format!("the server answers {other:?}"))),
        }
    }
}

fn request(question: Question<'_>) -> Request {
    let get = |task: TaskId, part, wait_ms| {
        Request::Get(Get { task: task.to_ulid(), part, wait_ms, known_tag: None })
    };
    let named = |task: TaskId| Named { task: task.to_ulid() };
    match question {
        Question::Submit(order) => {
            let submission = order.submission;
            Request::Submit(Box::new(Submit {
                form: order.form,
                wait_ms: Some(millis(order.hold)),
                urgency: submission.urgency.unwrap_or(3),
                delay_ms: submission.delay.map_or(0, millis),
                content_type: submission.content_type.as_deref().map(Into::into),
                traceparent: submission.traceparent.as_deref().map(Into::into),
                idempotency_key: Some(order.key.as_str().into()),
                ..Submit::to(&submission.kind)
            }))
        }
        Question::Document { task, hold } => get(task, Part::Document, Some(millis(hold))),
        Question::Result(task) => get(task, Part::Result, None),
        Question::Cancel(task) => Request::Cancel(named(task)),
        Question::Retry(task) => Request::Retry(named(task)),
        Question::Tasks(query) => Request::List(Listing { query: query.into() }),
    }
}

fn answered_reply(question: &Question<'_>, answered: Answered, body: Bytes) -> Reply {
    let mut said = Said {
        retry_after: answered.retry_after_ms.map(Duration::from_millis),
        task: answered.task.and_then(task),
        ..Said::of(answered.status)
    };
    if question.is_answered_by_document(answered.status)
        && let Some((task, state)) = problem::standing(&body)
    {
        (said.task, said.state) = (Some(task), Some(state));
    }
    let content_type = answered.content_type.map(|text| text.to_string());
    with_spent(said, answered.spent, Reply { content_type, ..empty(body) })
}

fn failed_reply(failed: Failed, body: Bytes) -> Reply {
    let (retryable, submitted) = (failed.retryable, failed.submitted);
    let retry_after = failed.retry_after_ms.map(Duration::from_millis);
    let said = Said {
        retry_after,
        task: failed.task.and_then(task),
        verdict: Some(Verdict { retryable, submitted }),
        ..Said::of(failed.status)
    };
    let refusal = Some(Problem::read(&body).refusal(failed.status, retry_after));
    let content_type = Some("application/problem+json".to_owned());
    with_spent(said, failed.spent, Reply { refusal, content_type, ..empty(body) })
}

/// What a connection that was not taken says of the request that was to go over it.
fn refused_hello(body: Bytes) -> Result<Reply, Silence> {
    let problem = Problem::read(&body);
    let (retry_after, verdict) = (problem.retry_after(), problem.verdict());
    let Some(status) = problem.status() else {
        return Err(Silence::NotConnected("the server refuses the connection".to_owned()));
    };
    let said = Said { retry_after, verdict, ..Said::of(status) };
    let refusal = Some(problem.refusal(status, retry_after));
    Ok(Reply { said, refusal, ..empty(body) })
}

fn with_spent(said: Said, spent: Option<Spent>, reply: Reply) -> Reply {
    let durability = spent.map(|spent| spent.durability);
    Reply { said, durability, replayed: spent.is_some_and(|spent| spent.replayed), ..reply }
}

fn empty(body: Bytes) -> Reply {
    let said = Said::of(0);
    Reply { said, refusal: None, content_type: None, body, durability: None, replayed: false }
}

fn task(ulid: [u8; 26]) -> Option<TaskId> {
    str::from_utf8(&ulid).ok()?.parse().ok()
}
