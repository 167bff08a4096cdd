//! The way to a server: one question, one reply, whichever protocol carries them. It never repeats
//! anything, and never decides what an answer means for the one who asked.

mod http;
mod native;
mod problem;

pub(crate) use http::Http;
pub(crate) use native::Native;

use crate::error::Refusal;
use crate::manners::{Answer, Said};
use crate::submission::Submission;
use bytes::Bytes;
use overtime_protocol::{Durability, Form, IdempotencyKey, TaskId};
use std::fmt;
use std::time::Duration;

/// Who asks, in the first frame and in `User-Agent`.
const CLIENT: &str = concat!("overtime-client/", env!("CARGO_PKG_VERSION"));

/// A server that does not take a connection within this is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// More than any result can be.
const ANSWER_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) question: Question<'a>,
    /// The tenant's key.
    pub(crate) key: Option<&'a str>,
    /// How long it may take in all.
    pub(crate) timeout: Duration,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Question<'a> {
    Submit(Order<'a>),
    Document {
        task: TaskId,
        hold: Duration,
    },
    Result(TaskId),
    Cancel(TaskId),
    Retry(TaskId),
    /// What stands behind the question mark of `GET /v1/tasks`.
    Tasks(&'a str),
}

/// A submission as it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order<'a> {
    pub(crate) submission: &'a Submission,
    pub(crate) form: Form,
    pub(crate) key: &'a IdempotencyKey,
    pub(crate) hold: Duration,
}

/// What was answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) said: Said,
    /// What a problem says, for people.
    pub(crate) refusal: Option<Refusal>,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Bytes,
    pub(crate) durability: Option<Durability>,
    pub(crate) replayed: bool,
}

/// Why nothing was answered.
#[derive(Clone, Debug)]
pub(crate) enum Silence {
    NotConnected(String),
    Lost(String),
}

/// What carries questions.
pub(crate) trait Transport: Send + Sync + fmt::Debug {
    fn ask(&self, ask: Ask<'_>) -> Result<Reply, Silence>;
}

impl Question<'_> {
    /// Whether an answer with that status is the document of a task.
    fn is_answered_by_document(&self, status: u16) -> bool {
        match self {
            Self::Submit(_) | Self::Result(_) => status == 202,
            Self::Document { .. } | Self::Cancel(_) | Self::Retry(_) => {
                matches!(status, 200 | 202)
            }
            Self::Tasks(_) => false,
        }
    }
}

/// What decides, of a reply or of none.
pub(crate) fn answer(reply: &Result<Reply, Silence>) -> Answer {
    match reply {
        Ok(reply) => Answer::Said(reply.said.clone()),
        Err(Silence::NotConnected(_)) => Answer::NotConnected,
        Err(Silence::Lost(_)) => Answer::Lost,
    }
}

/// Rounded up, so that nothing becomes nothing.
fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
