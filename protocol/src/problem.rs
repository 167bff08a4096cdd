//! Problems: every answer that is not a result, as RFC 9457 problem details.

use crate::answer::Account;
use crate::fault::{Class, Fault, Source};
use crate::id::TaskId;
use crate::json::Json;
use crate::rate_limit::RateLimit;
use std::borrow::Cow;
use std::time::Duration;

/// Whether the work was accepted, so that a caller always knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It was not, and will not happen because of this request.
    No,
    /// It was.
    Yes,
    /// It may or may not have been.
    Unknown,
}

impl Submitted {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::Unknown => "unknown",
        }
    }

    /// The number that stands for it on the wire.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The one with that number.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::No, Self::Yes, Self::Unknown].get(usize::from(number)).copied()
    }
}

macro_rules! codes {
    ($($variant:ident $slug:literal $status:literal $title:literal $retryable:literal;)*) => {
        /// Every problem the server itself can state.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $slug, "`, ", stringify!($status), ": ", $title, ".")] $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The stable slug.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)* }
            }

            /// The HTTP status (RFC 9110 and RFC 6585).
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// The title: the same for every problem of this code.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// Whether the same request may succeed later.
            pub fn is_retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)* }
            }
        }
    };
}

codes! {
    // Framing (RFC 9112): the connection is closed behind each of these.
    MalformedRequest "malformed-request" 400 "The request is not well-formed HTTP/1.1" false;
    AmbiguousFraming "ambiguous-framing" 400 "The request's length is ambiguous" false;
    MalformedHost "malformed-host" 400 "The Host field is absent, doubled or malformed" false;
    MalformedChunk "malformed-chunk" 400 "The chunked body is malformed" false;
    RequestTimeout "request-timeout" 408 "The request did not arrive in time" true;
    LengthRequired "length-required" 411 "The request needs a length" false;
    PayloadTooLarge "payload-too-large" 413 "The payload is too large" false;
    UnsupportedMediaType "unsupported-media-type" 415 "The content type is not supported" false;
    TargetTooLong "target-too-long" 414 "The request target is too long" false;
    HeadTooLarge "head-too-large" 431 "The request head is too large" false;
    TransferCodingUnknown "transfer-coding-unknown" 501 "The transfer coding is not implemented" false;
    VersionUnsupported "version-unsupported" 505 "The version of the protocol is not supported" false;
    ExpectationFailed "expectation-failed" 417 "The expectation cannot be met" false;
    // The native protocol.
    MalformedFrame "malformed-frame" 400 "The frame is malformed" false;
    RequestIdInUse "request-id-in-use" 409 "A request with this id is in flight" false;
    TooManyInFlight "too-many-in-flight" 429 "Too many requests of this connection are in flight" true;
    // Routing and parameters.
    MalformedParameter "malformed-parameter" 400 "A parameter is malformed" false;
    NotFound "not-found" 404 "There is nothing at this address" false;
    UnknownKind "unknown-kind" 404 "No handler has this kind" false;
    NotInBulk "not-in-bulk" 400 "This kind does not take many inputs at once" false;
    UnknownTask "unknown-task" 404 "No task has this id" false;
    Gone "gone" 410 "The task was removed: its time was over" false;
    UnknownUpstream "unknown-upstream" 404 "No upstream has this name" false;
    UnknownContact "unknown-contact" 404 "No contact has this email" false;
    MethodNotAllowed "method-not-allowed" 405 "The method is not allowed here" false;
    // Who may call.
    Unauthorized "unauthorized" 401 "The request needs a key that counts" false;
    ForbiddenLane "forbidden-lane" 403 "The key may not use this lane" false;
    RateLimited "rate-limited" 429 "The tenant is over its rate" true;
    Concurrency "concurrency" 429 "The tenant has too much under way" true;
    CrossOrigin "cross-origin" 403 "The request comes from another page" false;
    ForbiddenHost "forbidden-host" 403 "The request is for another host" false;
    NotImplemented "not-implemented" 501 "The server does not offer this yet" false;
    // The task.
    InvalidInput "invalid-input" 422 "The input is wrong" false;
    Parked "parked" 500 "The task rests until a person decides" false;
    IdempotencyKeyReused "idempotency-key-reused" 422 "The idempotency key came with another request" false;
    InProgress "in-progress" 409 "The task with this key has not ended yet" true;
    NotParked "not-parked" 409 "The task is not parked" false;
    RepairRunning "repair-running" 409 "A repair of these errors is under way" false;
    AlreadyFinished "already-finished" 409 "The task has ended already" false;
    UnhandledKind "unhandled-kind" 409 "No handler has the task's kind any more" false;
    PayloadLost "payload-lost" 409 "The task's payload is not there any more" false;
    Cancelled "cancelled" 409 "The task was cancelled" false;
    // The server.
    UpstreamShed "upstream-shed" 503 "The service that the kind calls is not well" true;
    Overloaded "overloaded" 503 "The server has more to do than it can in time" true;
    Memory "memory" 503 "The server's memory is used up" true;
    Backlog "backlog" 503 "Too many tasks wait" true;
    PayloadMemory "payload-memory" 503 "Too many payload bytes are in memory" true;
    Waiters "waiters" 503 "Too many callers wait for this task" true;
    Reads "reads" 503 "Too many reads wait" true;
    JournalLag "journal" 503 "The journal is behind" true;
    Spool "spool" 503 "The payload could not be kept" true;
    Disk "disk" 503 "The disk is full" true;
    JournalFailed "journal-failed" 503 "The journal cannot write" true;
    Undecided "undecided" 503 "The task's fate is not on disk yet" true;
    Draining "draining" 503 "The server is shutting down" true;
    Internal "internal" 500 "The server failed" true;
}

/// One problem document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is.
    pub code: Code,
    /// One sentence for a person about this occurrence.
    pub detail: Cow<'static, str>,
    /// The task's own fault, when the task is the source: its slug, source and class are shown.
    pub fault: Option<Box<Fault>>,
    /// How long to wait before another try.
    pub retry_after: Option<Duration>,
    /// The task in question.
    pub task: Option<TaskId>,
    /// Whether the work was accepted.
    pub submitted: Submitted,
    /// How safe the task is and what it took, when the problem is how it ended.
    pub account: Option<Box<Account>>,
    /// For 405: what is allowed here.
    pub allow: Option<&'static str>,
    /// For 429: what is left of the tenant's rate.
    pub limit: Option<Box<RateLimit>>,
    /// For 401: what the caller is to show, the value of `WWW-Authenticate`.
    pub challenge: Option<&'static str>,
}

impl Problem {
    /// A problem of the server, before anything was accepted.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            fault: None,
            retry_after: None,
            task: None,
            submitted: Submitted::No,
            account: None,
            allow: None,
            limit: None,
            challenge: None,
        }
    }

    /// The problem that tells a task's own fault.
    pub fn of_task(code: Code, task: TaskId, fault: Fault, account: Account) -> Self {
        Self {
            retry_after: fault.retry_after,
            detail: fault.detail.clone().into(),
            fault: Some(Box::new(fault)),
            account: Some(Box::new(account)),
            task: Some(task),
            submitted: Submitted::Yes,
            ..Self::new(code, "")
        }
    }

    /// The same problem with a time to wait.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The slug that is shown: the task's own, if the fault is its.
    pub fn slug(&self) -> &str {
        self.fault.as_ref().map_or(self.code.slug(), |fault| &*fault.code)
    }

    /// Where the problem comes from.
    pub fn source(&self) -> Source {
        self.fault.as_ref().map_or(Source::Server, |fault| fault.source)
    }

    /// Whether another try could help.
    pub fn class(&self) -> Class {
        match &self.fault {
            Some(fault) => fault.class,
            None if self.code.is_retryable() => Class::Ephemeral,
            None => Class::Persistent,
        }
    }

    /// Appends the document as JSON (RFC 9457, section 3).
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let slug = self.slug();
        let mut json = Json::object(out);
        json.joined_text("type", ["urn:overtime:problem:", slug]);
        json.text("title", self.code.title());
        json.number("status", u64::from(self.code.status()));
        json.text("detail", &self.detail);
        if let Some(task) = self.task {
            json.text("instance", &format!("/v1/tasks/{task}"));
        }
        json.text("code", slug);
        json.text("source", self.source().name());
        json.text("class", self.class().name());
        json.boolean("retryable", self.code.is_retryable());
        if let Some(wait) = self.retry_after {
            json.number("retry_after_ms", u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        }
        if let Some(task) = self.task {
            json.text("task_id", &task.to_string());
        }
        json.text("submitted", self.submitted.name());
        let members = self.fault.as_ref().and_then(|fault| fault.members.as_deref());
        json.members(members.unwrap_or_default());
        json.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Timing;
    use crate::kind::Durability;
    use std::collections::HashSet;

    #[test]
    fn slugs_are_unique_and_kebab_case() {
        let slugs: HashSet<_> = Code::ALL.iter().map(|code| code.slug()).collect();
        assert_eq!(slugs.len(), Code::ALL.len());
        let kebab = |slug: &str| slug.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        assert!(slugs.into_iter().all(kebab));
    }

    #[test]
    fn the_document_tells_source_class_and_fate() {
        let mut out = Vec::new();
        Problem::new(Code::Disk, "1 MiB is left")
            .after(Duration::from_millis(1500))
            .write_json(&mut out);
        let expected = concat!(
            r#"{"type":"urn:overtime:problem:disk","title":"The disk is full","status":503,"#,
            r#""detail":"1 MiB is left","code":"disk","source":"server","class":"ephemeral","#,
            r#""retryable":true,"retry_after_ms":1500,"submitted":"no"}"#,
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_tasks_own_fault_is_named_by_its_own_slug() {
        let id = TaskId::from_key(7).unwrap();
        let members = Some("\"offset\":7".into());
        let fault = Fault { members, ..Fault::input("invalid-email", "`email` has no @") };
        let account = Account::new(Durability::Disk, Timing::default());
        let problem = Problem::of_task(Code::InvalidInput, id, fault, account);
        let mut out = Vec::new();
        problem.write_json(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains(r#""status":422"#), "{text}");
        assert!(text.contains(r#""code":"invalid-email","source":"task","class":"persistent""#));
        assert!(text.ends_with(r#""submitted":"yes","offset":7}"#), "{text}");
        assert!(text.contains(&format!(r#""task_id":"{id}""#)), "{text}");
    }
}
