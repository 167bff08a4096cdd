//! Calls: what a request asks for, read from its head alone. The body is never looked at.

use crate::id::TaskId;
use crate::idempotency::IdempotencyKey;
use crate::incident::IncidentId;
use crate::job::Form;
use crate::kind::KindName;
use crate::lookup::{AffectedFilter, IncidentFilter, LedgerFilter, TaskFilter};
use crate::repair::RepairOrder;
use crate::upstream::UpstreamOrder;
use std::time::Duration;

mod host;
mod origin;
mod pairs;
mod parse;
mod percent;
mod prefer;
mod priority;
mod query;
mod steer;
mod upstreams;

pub use host::Hosts;
pub use origin::check_origin;
pub(crate) use parse::check_bulk_format;
pub use parse::parse;
pub(crate) use steer::{error_list, task_list};

/// The longest wait that is read, in seconds; the server caps it far below.
pub(crate) const SECONDS_MAX: u64 = 1 << 31;

/// The longest delay of a first start: 366 days.
pub(crate) const DELAY_MAX: Duration = Duration::from_hours(366 * 24);

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `POST /v1/tasks/{kind}` and `POST /v1/bulk/{kind}`
    Submit {
        /// The kind, of which it is not yet known whether anybody handles it.
        kind: KindName,
        /// Whether the body is one input of the kind or many.
        form: Form,
        /// How.
        options: SubmitOptions,
        /// The key by which a repetition is told from a new request.
        key: Option<IdempotencyKey>,
    },
    /// `GET /v1/tasks/{id}`
    Task {
        /// Which.
        id: TaskId,
        /// How long to wait for its end (a long poll), uncapped; zero without `Prefer: wait`.
        wait: Duration,
    },
    /// `GET /v1/tasks/{id}/result`
    TaskResult {
        /// Which.
        id: TaskId,
    },
    /// `GET /v1/tasks/{id}/errors`
    TaskErrors {
        /// Which.
        id: TaskId,
    },
    /// `GET /v1/tasks/{id}/events`
    TaskEvents {
        /// Which.
        id: TaskId,
        /// Only those behind this one.
        after: u64,
    },
    /// `GET /v1/tasks/{id}/explain`
    Explain {
        /// Which.
        id: TaskId,
    },
    /// `DELETE /v1/tasks/{id}`
    Cancel {
        /// Which.
        id: TaskId,
    },
    /// `POST /v1/tasks/{id}/retry`
    Retry {
        /// Which.
        id: TaskId,
    },
    /// `GET /v1/tasks`
    Tasks(Box<TaskFilter>),
    /// `GET /v1/errors`
    Errors(Box<LedgerFilter>),
    /// `GET /v1/errors/{fingerprint}`
    Repaired {
        /// The fingerprint.
        print: u64,
    },
    /// `POST /v1/errors/{fingerprint}/retry` and `…/discard`
    Repair(Box<RepairOrder>),
    /// `GET /v1/tenants/affected`
    Affected(Box<AffectedFilter>),
    /// `GET /v1/incidents`
    Incidents(IncidentFilter),
    /// `GET /v1/incidents/{id}`
    Incident {
        /// Which.
        id: IncidentId,
    },
    /// `GET /v1/upstreams`, `GET /v1/upstreams/{name}` and its `history`, and `POST` to its `hold` and
    /// `release`
    Upstreams(UpstreamOrder),
    /// `GET /v1/contacts/{email}`
    Contact {
        /// Percent-decoded and case-folded, UTF-8.
        email: String,
    },
}

/// How long the caller is prepared to have the connection held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Nothing was said: the server's default.
    Default,
    /// This long, uncapped; zero asks for 202 as soon as the task is on disk.
    For(Duration),
}

/// What a caller may say about a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubmitOptions {
    /// How long to hold the connection.
    pub wait: Wait,
    /// Whether the wait came from `Prefer` and must be told in `Preference-Applied` (RFC 7240).
    pub wait_preferred: bool,
    /// RFC 9218 urgency, 0 (first) to 7; 3 unless said.
    pub urgency: u8,
    /// The first start is no earlier than this.
    pub delay: Duration,
    /// `Prefer: handling=strict`.
    pub strict: bool,
}

impl Default for SubmitOptions {
    fn default() -> Self {
        Self {
            wait: Wait::Default,
            wait_preferred: false,
            urgency: 3,
            delay: Duration::ZERO,
            strict: false,
        }
    }
}

#[cfg(test)]
mod tests;
