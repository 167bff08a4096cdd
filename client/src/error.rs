//! Errors: what went wrong, and whether the work was submitted all the same. None of them holds a
//! payload or a key of a tenant.

use crate::manners::Why;
use overtime_protocol::{IdempotencyKey, Submitted, TaskId};
use std::fmt;
use std::time::Duration;

/// Why a call has no outcome.
#[derive(Clone, Debug)]
pub struct Error {
    /// What went wrong last.
    pub cause: Cause,
    /// Why it was not tried again; `None` if that could not have helped.
    pub given_up: Option<Why>,
    /// Whether the work was accepted, as far as all answers to this call tell.
    pub submitted: Submitted,
    /// The task, if one is known.
    pub task: Option<TaskId>,
    /// The key that the work was sent with: with it, the same submission is the same work.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// What went wrong.
#[derive(Clone, Debug)]
pub enum Cause {
    /// The server refused, or the work failed.
    Refused(Box<Refusal>),
    /// No connection came about.
    NotConnected(String),
    /// The connection broke, or time was up, before an answer was there.
    Lost(String),
    /// Nothing was sent: this cannot be said on the wire.
    Unsendable(&'static str),
    /// Nothing was sent: the deadline was over before.
    NoTime,
    /// Nothing was sent: nobody listens, and somebody looked only just now.
    NobodyListens(Duration),
    /// The answer is none that an overtime server gives.
    Strange(String),
}

/// What the server says about a request that it refused, or about work that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of HTTP.
    pub status: u16,
    /// The problem's slug; empty if somebody between us and the server spoke.
    pub code: String,
    /// What it is, in a few words.
    pub title: String,
    /// One sentence about this occurrence.
    pub detail: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// How long to wait before another request.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// What the server said, if it was the server.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.cause {
            Cause::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The status of HTTP, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.status)
    }

    /// The problem's slug, if there was an answer.
    pub fn code(&self) -> Option<&str> {
        self.refusal().map(|refusal| &*refusal.code)
    }

    /// How long to wait before another call, if that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match &self.cause {
            Cause::Refused(refusal) => refusal.retry_after,
            Cause::NobodyListens(probe_in) => Some(*probe_in),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)?;
        match self.given_up {
            Some(Why::Deadline) => f.write_str("; there is no time to try again"),
            Some(Why::Budget) => f.write_str("; the budget of repetitions is spent"),
            Some(Why::Unreachable(_) | Why::Parked) | None => Ok(()),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::NotConnected(why) => write!(f, "no server answers: {why}"),
            Self::Lost(why) => write!(f, "the answer is lost: {why}"),
            Self::Unsendable(what) => write!(f, "nothing was sent: {what}"),
            Self::NoTime => f.write_str("the deadline was over before anything was sent"),
            Self::NobodyListens(_) => f.write_str("nobody listens there; nothing was sent"),
            Self::Strange(what) => write!(f, "the answer is not an overtime server's: {what}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, code, title, detail, .. } = self;
        match code.is_empty() {
            true => write!(f, "the server answers {status}, and does not say why"),
            false => write!(f, "{title}: {detail} ({code})"),
        }
    }
}

impl std::error::Error for Error {}
