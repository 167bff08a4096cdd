//! What a server says, whichever protocol it says it in. It never judges.

use crate::document::{Problem, read};
use crate::response::Response;
use overtime_protocol::native::{Answered, Failed};
use overtime_protocol::{Durability, Submitted, TaskId};
use std::hash::{DefaultHasher, Hash, Hasher};

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The task that it is about.
    pub(super) task: Option<TaskId>,
    /// Whether it says that it answers a repetition.
    pub(super) is_replayed: bool,
    /// Whether what it tells is on disk.
    pub(super) is_on_disk: bool,
    /// What a problem says about whether the request happened.
    pub(super) submitted: Option<Submitted>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn of_http(response: &Response<'_>) -> Self {
        let task = response.header("overtime-task").and_then(|text| text.parse().ok());
        let submitted = (response.status >= 400).then(|| submitted_of(response.body));
        Self {
            status: response.status,
            task,
            is_replayed: response.header("idempotency-replayed") == Some("true"),
            is_on_disk: response.header("overtime-durability") != Some("memory"),
            submitted: submitted.flatten(),
            body: response.body.to_vec(),
        }
    }

    pub(super) fn of_answered(answered: &Answered, body: &[u8]) -> Self {
        let spent = answered.spent;
        Self {
            status: answered.status,
            task: answered.task.and_then(id_of),
            is_replayed: spent.is_some_and(|spent| spent.replayed),
            is_on_disk: spent.is_none_or(|spent| spent.durability == Durability::Disk),
            submitted: None,
            body: body.to_vec(),
        }
    }

    pub(super) fn of_failed(failed: &Failed, body: &[u8]) -> Self {
        Self {
            status: failed.status,
            task: failed.task.and_then(id_of),
            is_replayed: failed.spent.is_some_and(|spent| spent.replayed),
            is_on_disk: true,
            submitted: Some(failed.submitted),
            body: body.to_vec(),
        }
    }

    /// What a repetition must say again.
    pub(super) fn fingerprint(&self) -> (u16, u64) {
        let mut hasher = DefaultHasher::new();
        self.body.hash(&mut hasher);
        (self.status, hasher.finish())
    }

    /// For people: the status and the start of the body.
    pub(super) fn told(&self) -> String {
        let start = &self.body[..self.body.len().min(200)];
        format!("{} {}", self.status, String::from_utf8_lossy(start))
    }
}

fn id_of(ulid: [u8; 26]) -> Option<TaskId> {
    str::from_utf8(&ulid).ok()?.parse().ok()
}

fn submitted_of(problem: &[u8]) -> Option<Submitted> {
    match read::<Problem>(problem).ok()?.submitted?.as_str() {
        "no" => Some(Submitted::No),
        "yes" => Some(Submitted::Yes),
        "unknown" => Some(Submitted::Unknown),
        _ => None,
    }
}
