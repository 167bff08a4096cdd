//! Problem documents (RFC 9457) and task documents, as far as a client acts on them. What is missing
//! or strange is left open, because somebody between us and the server may have spoken.

use crate::error::Refusal;
use crate::manners::Verdict;
use overtime_protocol::{Submitted, TaskId, TaskState};
use serde::Deserialize;
use std::time::Duration;

/// The members that a client acts on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    status: Option<u16>,
    title: String,
    detail: String,
    code: Option<String>,
    retryable: Option<bool>,
    retry_after_ms: Option<u64>,
    task_id: Option<String>,
    submitted: Option<String>,
}

/// The members of a task's document that a client acts on.
#[derive(Debug, Deserialize)]
struct Standing {
    id: String,
    state: String,
}

impl Problem {
    pub(super) fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.status
    }

    pub(super) fn verdict(&self) -> Option<Verdict> {
        let submitted = match self.submitted.as_deref()? {
            "no" => Submitted::No,
            "yes" => Submitted::Yes,
            _ => Submitted::Unknown,
        };
        Some(Verdict { retryable: self.retryable?, submitted })
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after_ms.map(Duration::from_millis)
    }

    pub(super) fn task(&self) -> Option<TaskId> {
        self.task_id.as_deref()?.parse().ok()
    }

    pub(super) fn refusal(self, status: u16, retry_after: Option<Duration>) -> Refusal {
        let retryable = self.verdict().is_some_and(|verdict| verdict.retryable);
        let (title, detail) = (self.title, self.detail);
        let code = self.code.unwrap_or_default();
        Refusal { status, code, title, detail, retryable, retry_after }
    }
}

/// Which task a document is about, and how that stands.
pub(super) fn standing(body: &[u8]) -> Option<(TaskId, TaskState)> {
    let Standing { id, state } = serde_json::from_slice(body).ok()?;
    Some((id.parse().ok()?, TaskState::from_name(&state)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_read_as_the_server_writes_it() {
        use overtime_protocol::{Code, Problem as Written};
        let mut body = Vec::new();
        let task = TaskId::from_key(7);
        let written = Written { task, ..Written::new(Code::Undecided, "soon") };
        let submitted = Submitted::Unknown;
        Written { submitted, ..written }.after(Duration::from_millis(1500)).write_json(&mut body);
        let read = Problem::read(&body);
        assert_eq!(read.verdict(), Some(Verdict { retryable: true, submitted }));
        assert_eq!(read.status(), Some(503));
        assert_eq!((read.task(), read.retry_after()), (task, Some(Duration::from_millis(1500))));
        let refusal = read.refusal(503, None);
        assert_eq!((&*refusal.code, &*refusal.detail), ("undecided", "soon"));
    }

    #[test]
    fn what_is_no_problem_leaves_everything_open() {
        for body in [&b"<html>"[..], b"", b"{}", b"[]", br#"{"retryable":true}"#] {
            let read = Problem::read(body);
            assert_eq!((read.verdict(), read.task(), read.retry_after()), (None, None, None));
        }
        assert_eq!(standing(br#"{"id":"no","state":"queued"}"#), None);
    }
}
