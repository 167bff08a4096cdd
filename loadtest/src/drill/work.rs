//! The kinds of work that are sent: what each asks for, and what its result has to be. All of it
//! follows from the order's number, so that any result can be judged at any time.

use crate::contacts::{Contacts, Form};
use crate::document::{BulkResult, Contact, read};
use crate::random::Random;
use overtime_protocol::{Form as Scope, TaskState};
use serde::Deserialize;

/// What one order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Changes a contact that is changed over and over.
    Change { account: usize, value: u64 },
    /// Writes a contact of its own.
    Once,
    /// Has its bytes sent back; from 64 KiB on they are spooled.
    Echo { bytes: usize },
    /// Is bad input.
    Reject,
    /// Fails so often before it succeeds.
    Flaky { fail_times: u32 },
    /// Takes steps that are saved one by one.
    Steps { steps: u64, fail_at: Option<u64>, ms: u64 },
    /// Is not due for so long that it is always cancelled before.
    Later,
    /// Writes many contacts of its own; one item more is wrong, if one is to be.
    Bulk { form: Form, items: u32, wrong: bool },
}

/// How long [`Work::Later`] is not due.
pub(super) const LATER_MS: u64 = 3_600_000;

impl Work {
    /// The name of its kind.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Change { .. } | Self::Once | Self::Bulk { .. } => "contacts.upsert",
            Self::Echo { .. } | Self::Later => "echo",
            Self::Reject | Self::Flaky { .. } => "flaky",
            Self::Steps { .. } => "steps",
        }
    }

    pub(super) fn scope(self) -> Scope {
        match self {
            Self::Bulk { .. } => Scope::Bulk,
            _ => Scope::Single,
        }
    }

    pub(super) fn delay_ms(self) -> u64 {
        if self == Self::Later { LATER_MS } else { 0 }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Echo { .. } | Self::Later => "application/octet-stream",
            Self::Bulk { form, .. } => form.content_type(),
            _ => "application/json",
        }
    }

    /// How often it is to fail before it succeeds. An attempt that is interrupted, be it after what
    /// it wrote was kept, does not fail.
    pub(super) fn fail_times(self) -> u64 {
        match self {
            Self::Flaky { fail_times } => u64::from(fail_times),
            Self::Steps { fail_at, .. } => u64::from(fail_at.is_some()),
            _ => 0,
        }
    }

    /// The state in which it ends, unless it is cancelled.
    pub(super) fn end(self) -> TaskState {
        if self == Self::Reject { TaskState::Failed } else { TaskState::Succeeded }
    }
}

/// The order's own numbers and texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) seed: u64,
    /// No other order of the drill has it.
    pub(super) number: u64,
}

impl Mark {
    pub(super) fn key(self) -> String {
        format!("drill-{:x}-{}", self.seed, self.number)
    }

    /// The contact that [`Work::Once`] writes.
    pub(super) fn email(self) -> String {
        format!("once-{:x}-{}@drill.test", self.seed, self.number)
    }

    fn random(self) -> Random {
        Random::new(Random::new(self.seed ^ self.number.rotate_left(32)).next_u64())
    }

    /// The contacts of [`Work::Bulk`].
    pub(super) fn contacts(self, items: u32) -> Contacts {
        Contacts::fresh(items, self.random().next_u64())
    }

    /// The body of `work`; `email` names the contact that it changes.
    pub(super) fn body(self, work: Work, email: &str) -> Vec<u8> {
        match work {
            Work::Change { value, .. } => {
                format!("{{\"email\":\"{email}\",\"company\":\"{value}\"}}").into()
            }
            Work::Once => format!("{{\"email\":\"{}\"}}", self.email()).into(),
            Work::Echo { bytes } => self.bytes(bytes),
            Work::Later => self.bytes(100),
            Work::Reject => b"{\"reject\":true}".to_vec(),
            Work::Flaky { fail_times } => format!("{{\"fail_times\":{fail_times}}}").into(),
            Work::Steps { steps, fail_at, ms } => {
                let fail_at = fail_at.map_or("null".to_owned(), |step| step.to_string());
                format!("{{\"steps\":{steps},\"fail_at\":{fail_at},\"ms\":{ms}}}").into()
            }
            Work::Bulk { form, items, wrong } => {
                let whole = self.contacts(items).body(form, 0..items as usize, usize::MAX);
                let mut body = whole.map(|(body, _)| body).unwrap_or_default();
                if wrong {
                    body.extend_from_slice(b"no contact\n");
                }
                body
            }
        }
    }

    fn bytes(self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.random().fill(&mut bytes);
        bytes
    }

    /// Whether `body` is what `work` has to answer, but for the version of a contact that is changed
    /// over and over.
    pub(super) fn is_answered_by(self, work: Work, body: &[u8]) -> bool {
        match work {
            Work::Change { .. } => version(body).is_some(),
            Work::Once => read::<Upserted>(body).is_ok_and(|upserted| {
                upserted.email == self.email() && upserted.version == 1 && upserted.created
            }),
            Work::Echo { .. } | Work::Later => self.body(work, "") == body,
            Work::Reject => read::<Problem>(body).is_ok_and(|problem| problem.code == "rejected"),
            Work::Flaky { fail_times } => {
                read::<Tried>(body).is_ok_and(|tried| tried.attempt > fail_times)
            }
            Work::Steps { steps, fail_at, .. } => {
                let made = steps + u64::from(fail_at.is_some());
                body == format!("{{\"steps\":{steps},\"made\":{made}}}").as_bytes()
            }
            Work::Bulk { items, wrong, .. } => {
                let (succeeded, failed) = (u64::from(items), u64::from(wrong));
                let expected = BulkResult { items: succeeded + failed, succeeded, failed };
                read::<BulkResult>(body).is_ok_and(|result| result == expected)
            }
        }
    }
}

/// The version that an upsert has answered.
pub(super) fn version(body: &[u8]) -> Option<u64> {
    read::<Contact>(body).ok().map(|contact| contact.version)
}

#[derive(Deserialize)]
struct Upserted {
    email: String,
    version: u64,
    created: bool,
}

#[derive(Deserialize)]
struct Tried {
    attempt: u32,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark { seed: 7, number: 3 };

    #[test]
    fn each_work_knows_its_own_result_from_others() {
        let bulk = |wrong| Work::Bulk { form: Form::Ndjson, items: 2, wrong };
        for (work, right, wrong) in [
            (
                Work::Once,
                r#"{"email":"once-7-3@drill.test","version":1,"created":true}"#,
                r#"{"email":"once-7-3@drill.test","version":2,"created":false}"#,
            ),
            (Work::Flaky { fail_times: 2 }, r#"{"attempt":3}"#, r#"{"attempt":2}"#),
            (
                Work::Steps { steps: 5, fail_at: Some(2), ms: 0 },
                r#"{"steps":5,"made":6}"#,
                r#"{"steps":5,"made":7}"#,
            ),
            (
                bulk(true),
                r#"{"items":3,"succeeded":2,"failed":1}"#,
                r#"{"items":3,"succeeded":3,"failed":0}"#,
            ),
            (
                bulk(false),
                r#"{"items":2,"succeeded":2,"failed":0}"#,
                r#"{"items":2,"succeeded":1,"failed":1}"#,
            ),
            (Work::Reject, r#"{"code":"rejected"}"#, r#"{"code":"internal"}"#),
        ] {
            assert!(MARK.is_answered_by(work, right.as_bytes()), "{work:?}");
            assert!(!MARK.is_answered_by(work, wrong.as_bytes()), "{work:?}");
        }
    }

    #[test]
    fn an_echo_is_its_own_bytes_and_nobody_elses() {
        let work = Work::Echo { bytes: 20 };
        let other = Mark { number: 4, ..MARK };
        assert!(MARK.is_answered_by(work, &MARK.body(work, "")));
        assert!(!MARK.is_answered_by(work, &other.body(work, "")));
    }
}
