//! The documents that a server answers with, as far as a scenario checks them. Members that are
//! not named here are of no concern.

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A task, as `GET /v1/tasks/{id}` shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// What handles it.
    pub kind: Option<String>,
    /// Where it stands.
    pub state: String,
    /// How many attempts were started.
    pub attempts: u32,
    /// How far it has come, if it says so.
    pub progress: Option<Progress>,
}

/// How far a task has come.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Progress {
    /// What is done.
    pub done: u64,
}

impl Task {
    /// Whether it did what it was asked.
    pub fn is_succeeded(&self) -> bool {
        self.state == "succeeded"
    }

    /// Whether nothing more will happen to it by itself.
    pub fn is_at_rest(&self) -> bool {
        matches!(self.state.as_str(), "succeeded" | "failed" | "cancelled" | "parked")
    }
}

/// A contact, as `GET /v1/contacts/{email}` shows it, and as an upsert answers.
#[derive(Clone, Debug, Deserialize)]
pub struct Contact {
    /// How many upserts took effect.
    pub version: u64,
    /// The member that scenarios change.
    pub company: Option<String>,
}

/// The counters that a bulk body is answered with.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub struct BulkResult {
    /// Items read.
    pub items: u64,
    /// Of them, those that took effect.
    pub succeeded: u64,
    /// And those that did not.
    pub failed: u64,
}

/// What a problem says.
#[derive(Clone, Debug, Deserialize)]
pub struct Problem {
    /// Which one.
    pub code: Option<String>,
    /// Whether the request happened: `no`, `yes` or `unknown`.
    pub submitted: Option<String>,
}

/// Reads a document.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(body)
        .with_context(|| format!("not the document expected: {}", String::from_utf8_lossy(body)))
}
