//! Events: what happened to a task, as its durable records tell it. The log sequence number of
//! the record is the event's place: a reader who knows it goes on exactly behind it.

use crate::fault::Fault;
use crate::id::TaskId;
use crate::json::Json;
use crate::record::{Change, Record};
use crate::task::{Document, Progress, TaskState};
use crate::time::UnixMillis;

/// One event of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskEvent {
    /// The log sequence number of the record that tells it.
    pub sequence: u64,
    /// When it happened.
    pub at: UnixMillis,
    /// The attempt that it is about; 0 before the first.
    pub attempt: u32,
    /// What happened.
    pub news: News,
}

/// What an event tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The task is in this state now.
    State(TaskState),
    /// An attempt failed; the next is due then.
    Retrying(UnixMillis, Box<Fault>),
    /// The task is parked or failed, for this reason.
    Faulted(TaskState, Box<Fault>),
    /// So much is done.
    Progress(Progress),
    /// A caller asked for its end.
    CancelAsked,
}

impl TaskEvent {
    /// The event that a record stands for, if it says something of its task.
    pub fn of(sequence: u64, record: &Record) -> Option<Self> {
        let news = match &record.change {
            None => {
                let acceptance = record.acceptance.as_ref()?;
                return Some(Self::accepted(sequence, acceptance.created_at));
            }
            Some(Change::Finished(document, _)) => return Some(Self::ended(sequence, document)),
            Some(Change::Started(_)) => News::State(TaskState::Running),
            Some(Change::Retrying { next_at, fault }) => {
                News::Retrying(*next_at, Box::new(fault.clone()))
            }
            Some(Change::Advanced(advance)) => News::Progress(advance.progress),
            Some(Change::Parked(document)) => News::of(document),
            Some(Change::Resumed) => News::State(TaskState::Queued),
            Some(Change::CancelAsked) => News::CancelAsked,
        };
        Some(Self { sequence, at: record.at, attempt: record.attempt, news })
    }

    /// That a task was accepted. The journal keeps no more of it than this.
    pub fn accepted(sequence: u64, created_at: UnixMillis) -> Self {
        Self { sequence, at: created_at, attempt: 0, news: News::State(TaskState::Queued) }
    }

    /// That a task has ended, as its document tells it. The journal keeps no more of it than this.
    pub fn ended(sequence: u64, document: &Document) -> Self {
        let at = document.finished_at.unwrap_or(document.created_at);
        Self { sequence, at, attempt: document.attempts, news: News::of(document) }
    }

    /// Whether nothing comes behind it.
    pub fn is_final(&self) -> bool {
        match &self.news {
            News::State(state) | News::Faulted(state, _) => state.is_final(),
            News::Retrying(..) | News::Progress(_) | News::CancelAsked => false,
        }
    }

    /// The name of its kind on the wire.
    pub fn name(&self) -> &'static str {
        match self.news {
            News::State(_) | News::Retrying(..) | News::Faulted(..) => "state",
            News::Progress(_) => "progress",
            News::CancelAsked => "cancel-asked",
        }
    }

    /// Appends it as JSON.
    pub fn write_json(&self, task: TaskId, out: &mut Vec<u8>) {
        let mut json = Json::object(out);
        json.text("task", &task.to_string());
        json.number("sequence", self.sequence);
        json.text("at", &self.at.to_string());
        json.number("attempt", u64::from(self.attempt));
        match &self.news {
            News::State(state) => json.text("state", state.name()),
            News::Retrying(next_at, fault) => {
                json.text("state", TaskState::Retrying.name());
                json.text("next_attempt_at", &next_at.to_string());
                json.nested("error", |json| fault.write_members(json));
            }
            News::Faulted(state, fault) => {
                json.text("state", state.name());
                json.nested("error", |json| fault.write_members(json));
            }
            News::Progress(Progress { done, total }) => json.nested("progress", |json| {
                json.number("done", *done);
                json.optional_number("total", *total);
            }),
            News::CancelAsked => json.boolean("cancel_asked", true),
        }
        json.end();
    }
}

impl News {
    /// Where a task stands, and why.
    fn of(document: &Document) -> Self {
        match &document.fault {
            Some(fault) => Self::Faulted(document.state, Box::new(fault.clone())),
            None => Self::State(document.state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Advance, StartMark};

    fn json(change: Option<Change>) -> String {
        let task = TaskId::from_key(1 << 40).unwrap();
        let record = Record { change, attempt: 2, ..Record::new(task, UnixMillis(1)) };
        let event = TaskEvent::of(7, &record).unwrap();
        let mut out = Vec::new();
        event.write_json(task, &mut out);
        let text = String::from_utf8(out).unwrap();
        let head = format!(
            r#"{{"task":"{task}","sequence":7,"at":"1970-01-01T00:00:00.001Z","attempt":2,"#
        );
        format!("{}:{}", event.name(), text.strip_prefix(&head).expect("every event has this"))
    }

    #[test]
    fn each_change_has_its_event() {
        let mark = StartMark { at: UnixMillis(1), isolated: false, crashes: 0 };
        assert_eq!(json(Some(Change::Started(mark))), r#"state:"state":"running"}"#);
        let progress = Progress { done: 3, total: Some(4) };
        let advance = Advance { cursor: "c".into(), progress };
        assert_eq!(
            json(Some(Change::Advanced(advance))),
            r#"progress:"progress":{"done":3,"total":4}}"#
        );
        let fault = Fault::ephemeral("busy", "later");
        let retrying = Change::Retrying { next_at: UnixMillis(5), fault };
        assert_eq!(
            json(Some(retrying)),
            concat!(
                r#"state:"state":"retrying","next_attempt_at":"1970-01-01T00:00:00.005Z","#,
                r#""error":{"code":"busy","detail":"later","source":"task","class":"ephemeral"}}"#
            )
        );
        assert_eq!(json(Some(Change::CancelAsked)), r#"cancel-asked:"cancel_asked":true}"#);
        assert_eq!(json(Some(Change::Resumed)), r#"state:"state":"queued"}"#);
    }

    #[test]
    fn a_record_of_state_alone_is_no_event() {
        let task = TaskId::from_key(1).unwrap();
        assert_eq!(TaskEvent::of(1, &Record::new(task, UnixMillis(1))), None);
    }
}
