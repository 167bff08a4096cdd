//! Explanations: why a task is where it is, for a person who asks.

use crate::fault::Fault;
use crate::id::TaskId;
use crate::json::Json;
use crate::lane::Lane;
use crate::task::{Document, TaskState};
use crate::time::UnixMillis;
use std::sync::Arc;
use std::time::Duration;

/// Why a task is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Its id.
    pub id: TaskId,
    /// Where it stands.
    pub state: TaskState,
    /// The lane that its next attempt, or the one that runs, is charged to.
    pub lane: Lane,
    /// Whose it is.
    pub tenant: Arc<str>,
    /// One sentence for a person.
    pub reason: String,
    /// About how many of its lane are before it.
    pub position: Option<u64>,
    /// How many workers its lane keeps busy.
    pub lane_running: Option<u64>,
    /// How many it may keep busy.
    pub lane_limit: Option<u64>,
    /// When its next attempt is due.
    pub next_attempt_at: Option<UnixMillis>,
    /// How long that is from now.
    pub back_off: Option<Duration>,
    /// How many attempts were started.
    pub attempts: u32,
    /// After how many it is parked.
    pub attempts_max: Option<u32>,
    /// The worker that has it.
    pub worker: Option<String>,
    /// What it waits for.
    pub waits_for: Option<WaitsFor>,
    /// Callers who wait for it.
    pub waiters: u64,
    /// Why its latest attempt did not succeed.
    pub last_error: Option<Fault>,
}

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// A record of it is on its way to the disk.
    Disk,
    /// Its payload is on its way to a file.
    Spool,
    /// Others that are suspected to have ended the server have their turn first.
    Suspects,
    /// Others write the key that it wants.
    HotKey,
    /// A free worker.
    Worker,
    /// Memory for its payload, which is in a file.
    Memory,
    /// Its time.
    Time,
    /// Its upstream: that has its calls, or is not called for now.
    Upstream,
}

impl WaitsFor {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Spool => "spool",
            Self::Suspects => "suspects",
            Self::HotKey => "hot-key",
            Self::Worker => "worker",
            Self::Memory => "memory",
            Self::Time => "time",
            Self::Upstream => "upstream",
        }
    }
}

impl Explanation {
    /// What can be said of a task that is not live, from its document.
    pub fn of(document: Document) -> Self {
        let reason = rest(&document);
        let Document { id, state, lane, tenant, attempts, fault, .. } = document;
        Self {
            id,
            state,
            lane,
            tenant,
            reason,
            position: None,
            lane_running: None,
            lane_limit: None,
            next_attempt_at: document.next_attempt_at,
            back_off: None,
            attempts,
            attempts_max: None,
            worker: None,
            waits_for: None,
            waiters: 0,
            last_error: fault,
        }
    }

    /// Appends it as JSON.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let mut json = Json::object(out);
        json.text("id", &self.id.to_string());
        json.text("state", self.state.name());
        json.text("lane", self.lane.name());
        json.text("tenant", &self.tenant);
        json.text("reason", &self.reason);
        json.optional_number("position", self.position);
        json.optional_number("lane_running", self.lane_running);
        json.optional_number("lane_limit", self.lane_limit);
        let next = self.next_attempt_at.map(|at| at.to_string());
        json.optional_text("next_attempt_at", next.as_deref());
        json.optional_number("back_off_ms", self.back_off.map(millis));
        json.number("attempts", u64::from(self.attempts));
        json.optional_number("attempts_max", self.attempts_max.map(u64::from));
        json.optional_text("worker", self.worker.as_deref());
        json.optional_text("waits_for", self.waits_for.map(WaitsFor::name));
        json.number("waiters", self.waiters);
        match &self.last_error {
            None => json.null("last_error"),
            Some(fault) => json.nested("last_error", |json| fault.write_members(json)),
        }
        json.end();
    }
}

/// Why a task rests, or what a person can do about it.
fn rest(document: &Document) -> String {
    let cause = || document.fault.as_ref().map_or("it is not known why", |fault| &*fault.detail);
    match document.state {
        TaskState::Succeeded => "It has succeeded; its result is kept for a while.".to_owned(),
        TaskState::Failed => format!("Its input was wrong, and would be again: {}", cause()),
        TaskState::Cancelled => "A caller took it back. It does not run again.".to_owned(),
        TaskState::Parked => format!(
            "It rests after attempt {} until a person decides: POST …/retry has it run again, DELETE \
             discards it. The last error: {}",
            document.attempts,
            cause()
        ),
        TaskState::Queued | TaskState::Running | TaskState::Retrying | TaskState::Held => {
            "It is unfinished and not taken up: this server has no handler of its kind, or has just \
             started."
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::{Durability, KindName};

    #[test]
    fn a_parked_task_is_explained_by_its_document() {
        let document = Document {
            id: TaskId::from_key(1 << 40).unwrap(),
            kind: KindName::new("echo").unwrap(),
            lane: Lane::Interactive,
            state: TaskState::Parked,
            attempts: 25,
            created_at: UnixMillis(0),
            started_at: None,
            finished_at: None,
            next_attempt_at: None,
            progress: None,
            fault: Some(Fault::ephemeral("busy", "no answer")),
            tenant: "default".into(),
            durability: Durability::Disk,
        };
        let mut out = Vec::new();
        Explanation::of(document).write_json(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("It rests after attempt 25"), "{text}");
        let end = concat!(
            r#""position":null,"lane_running":null,"lane_limit":null,"next_attempt_at":null,"#,
            r#""back_off_ms":null,"attempts":25,"attempts_max":null,"worker":null,"#,
            r#""waits_for":null,"waiters":0,"last_error":{"code":"busy","detail":"no answer","#,
            r#""source":"task","class":"ephemeral"}}"#
        );
        assert!(text.ends_with(end), "{text}");
    }
}
