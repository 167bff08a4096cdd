//! Task documents as they are read. What a newer server adds is passed over.

use overtime_protocol::{TaskId, TaskState};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// A task as the server shows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Task {
    /// Its id.
    #[serde(deserialize_with = "id")]
    pub id: TaskId,
    /// The name of its kind.
    pub kind: String,
    /// Its lane.
    pub lane: String,
    /// Where it stands.
    #[serde(deserialize_with = "state")]
    pub state: TaskState,
    /// How many attempts were started.
    pub attempts: u32,
    /// When it was accepted (RFC 3339, as are the others).
    pub created_at: String,
    /// When its latest attempt started.
    pub started_at: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// When its next attempt is due.
    pub next_attempt_at: Option<String>,
    /// How far it has come, for kinds that tell.
    pub progress: Option<TaskProgress>,
    /// Why its latest attempt did not succeed.
    pub error: Option<TaskFault>,
    /// Whose it is.
    pub tenant: String,
}

/// How far a task has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct TaskProgress {
    /// Units done.
    pub done: u64,
    /// Units in all, once known.
    pub total: Option<u64>,
}

/// Why an attempt did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TaskFault {
    /// Its slug.
    pub code: String,
    /// One sentence about it.
    pub detail: String,
}

/// Some of the tasks that a list has.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TaskPage {
    /// The newest first.
    pub tasks: Vec<Task>,
    /// What to ask for the tasks behind these with; `None` if these are the last.
    pub next: Option<String>,
}

fn id<'de, D: Deserializer<'de>>(from: D) -> Result<TaskId, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| D::Error::custom("no task has that id"))
}

fn state<'de, D: Deserializer<'de>>(from: D) -> Result<TaskState, D::Error> {
    let name = String::deserialize(from)?;
    TaskState::from_name(&name).ok_or_else(|| D::Error::custom("no task is in that state"))
}
