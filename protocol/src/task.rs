//! The task document: a task as a caller sees it.

use crate::fault::Fault;
use crate::id::TaskId;
use crate::json::Json;
use crate::kind::{Durability, KindName};
use crate::lane::Lane;
use crate::time::UnixMillis;
use std::sync::Arc;

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskState {
    /// Waits for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// Waits for its next attempt.
    Retrying,
    /// Waits for its upstream.
    Held,
    /// Rests until a person decides: its attempts are used up, or its handler is wrong.
    Parked,
    /// Did what it was asked. Final.
    Succeeded,
    /// Its input was wrong. Final.
    Failed,
    /// A caller took it back. Final.
    Cancelled,
}

/// All states, in the order of their numbers in the archive.
const STATES: [TaskState; 8] = [
    TaskState::Queued,
    TaskState::Running,
    TaskState::Retrying,
    TaskState::Held,
    TaskState::Parked,
    TaskState::Succeeded,
    TaskState::Failed,
    TaskState::Cancelled,
];

impl TaskState {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Held => "held",
            Self::Parked => "parked",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with that name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        STATES.into_iter().find(|state| state.name() == name)
    }

    /// Whether the task has ended for good.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// The number that stands for the state on disk.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The state with that number.
    pub fn from_number(number: u8) -> Option<Self> {
        STATES.get(usize::from(number)).copied()
    }
}

/// How far a task has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Units done.
    pub done: u64,
    /// Units in all, once known.
    pub total: Option<u64>,
}

/// A task as a caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its id.
    pub id: TaskId,
    /// The name of its kind.
    pub kind: KindName,
    /// Its lane.
    pub lane: Lane,
    /// Where it stands.
    pub state: TaskState,
    /// How many attempts were started.
    pub attempts: u32,
    /// When it was accepted.
    pub created_at: UnixMillis,
    /// When its latest attempt started.
    pub started_at: Option<UnixMillis>,
    /// When it ended.
    pub finished_at: Option<UnixMillis>,
    /// When its next attempt is due.
    pub next_attempt_at: Option<UnixMillis>,
    /// How far it has come, for kinds that tell.
    pub progress: Option<Progress>,
    /// Why its latest attempt did not succeed.
    pub fault: Option<Fault>,
    /// Whose it is.
    pub tenant: Arc<str>,
    /// How safe it is.
    pub durability: Durability,
}

impl Document {
    /// Appends the document as JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let time = |at: Option<UnixMillis>| at.map(|at| at.to_string());
        let mut json = Json::object(out);
        json.text("id", &self.id.to_string());
        json.text("kind", self.kind.as_str());
        json.text("lane", self.lane.name());
        json.text("state", self.state.name());
        json.number("attempts", u64::from(self.attempts));
        json.text("created_at", &self.created_at.to_string());
        json.optional_text("started_at", time(self.started_at).as_deref());
        json.optional_text("finished_at", time(self.finished_at).as_deref());
        json.optional_text("next_attempt_at", time(self.next_attempt_at).as_deref());
        match self.progress {
            None => json.null("progress"),
            Some(Progress { done, total }) => json.nested("progress", |json| {
                json.number("done", done);
                json.optional_number("total", total);
            }),
        }
        match &self.fault {
            None => json.null("error"),
            Some(fault) => json.nested("error", |json| fault.write_members(json)),
        }
        json.text("tenant", &self.tenant);
        json.text("durability", self.durability.name());
        json.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_keep_their_numbers() {
        for (number, state) in STATES.into_iter().enumerate() {
            assert_eq!(usize::from(state.number()), number);
            assert_eq!(TaskState::from_number(state.number()), Some(state));
            assert_eq!(TaskState::from_name(state.name()), Some(state));
        }
        assert_eq!(TaskState::from_number(8), None);
    }

    #[test]
    fn a_document_is_written_whole() {
        let document = Document {
            id: TaskId::from_key(1 << 40).unwrap(),
            kind: KindName::new("echo").unwrap(),
            lane: Lane::Interactive,
            state: TaskState::Retrying,
            attempts: 2,
            created_at: UnixMillis(0),
            started_at: Some(UnixMillis(1)),
            finished_at: None,
            next_attempt_at: Some(UnixMillis(2_000)),
            progress: Some(Progress { done: 3, total: None }),
            fault: Some(Fault::ephemeral("busy", "a \"busy\" upstream")),
            tenant: "default".into(),
            durability: Durability::Disk,
        };
        let mut out = Vec::new();
        document.write_json(&mut out);
        let expected = concat!(
            r#"{"id":"01DXF6EC400000000000000000","kind":"echo","lane":"interactive","#,
            r#""state":"retrying","attempts":2,"created_at":"1970-01-01T00:00:00.000Z","#,
            r#""started_at":"1970-01-01T00:00:00.001Z","finished_at":null,"#,
            r#""next_attempt_at":"1970-01-01T00:00:02.000Z","progress":{"done":3,"total":null},"#,
            r#""error":{"code":"busy","detail":"a \"busy\" upstream","source":"task","#,
            r#""class":"ephemeral"},"tenant":"default","durability":"disk"}"#,
        );
        let id = document.id.to_string();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            expected.replace("01DXF6EC400000000000000000", &id)
        );
    }
}
