//! Problems: every answer that is not a result, as RFC 9457 problem details.

use crate::answer::Account;
use crate::fault::Fault;
use crate::id::TaskId;
use crate::incident::IncidentId;
use crate::json::{Json, write_text};
use crate::rate_limit::RateLimit;
use std::borrow::Cow;
use std::time::Duration;

mod code;

use code::Stock;

pub use code::Code;

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

/// What else a caller is told, of which no problem has both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aside {
    /// For 429: what is left of the tenant's rate.
    Limit(RateLimit),
    /// The incident of which this is a part.
    Incident(IncidentId),
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
    /// What else a caller is told.
    pub aside: Option<Box<Aside>>,
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
            aside: None,
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

    /// Appends the document as JSON (RFC 9457, section 3).
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match &self.fault {
            Some(fault) => self.write_fault(fault, out),
            None => self.write_stock(self.code.stock(), out),
        }
    }

    fn write_stock(&self, stock: Stock, out: &mut Vec<u8>) {
        out.extend_from_slice(stock.before.as_bytes());
        write_text(out, &self.detail);
        let mut json = Json::within(out);
        self.write_instance(&mut json);
        json.fixed(stock.behind);
        self.write_fate(&mut json);
        json.end();
    }

    fn write_fault(&self, fault: &Fault, out: &mut Vec<u8>) {
        let mut json = Json::object(out);
        json.joined_text("type", ["urn:overtime:problem:", &fault.code]);
        json.text("title", self.code.title());
        json.number("status", u64::from(self.code.status()));
        json.text("detail", &self.detail);
        self.write_instance(&mut json);
        json.text("code", &fault.code);
        json.text("source", fault.source.name());
        json.text("class", fault.class.name());
        json.boolean("retryable", self.code.is_retryable());
        self.write_fate(&mut json);
        json.members(fault.members.as_deref().unwrap_or_default());
        json.end();
    }

    fn write_instance(&self, json: &mut Json<'_>) {
        if let Some(task) = self.task {
            json.text("instance", &format!("/v1/tasks/{task}"));
        }
    }

    fn write_fate(&self, json: &mut Json<'_>) {
        if let Some(wait) = self.retry_after {
            json.number("retry_after_ms", u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        }
        if let Some(task) = self.task {
            json.text("task_id", &task.to_string());
        }
        json.text("submitted", self.submitted.name());
        if let Some(Aside::Incident(incident)) = self.aside.as_deref() {
            json.text("incident", &format!("/v1/incidents/{incident}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Timing;
    use crate::fault::{Class, Source};
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
    fn what_is_always_the_same_in_a_document_is_json_and_says_what_the_code_does() {
        for &code in Code::ALL {
            let problem = Problem::new(code, "a \"detail\"").after(Duration::from_secs(2));
            let class = if code.is_retryable() { Class::Ephemeral } else { Class::Persistent };
            let mut expected = Vec::new();
            let mut json = Json::object(&mut expected);
            json.text("type", &format!("urn:overtime:problem:{}", code.slug()));
            json.text("title", code.title());
            json.number("status", u64::from(code.status()));
            json.text("detail", &problem.detail);
            json.text("code", code.slug());
            json.text("source", Source::Server.name());
            json.text("class", class.name());
            json.boolean("retryable", code.is_retryable());
            json.number("retry_after_ms", 2_000);
            json.text("submitted", "no");
            json.end();
            let mut out = Vec::new();
            problem.write_json(&mut out);
            assert_eq!(String::from_utf8(out), String::from_utf8(expected));
        }
    }

    #[test]
    fn a_part_of_an_incident_says_of_which() {
        let incident = Aside::Incident(IncidentId(TaskId::from_key(7).unwrap()));
        let aside = Some(Box::new(incident));
        let problem = Problem::new(Code::UpstreamShed, "bank is not well");
        let mut out = Vec::new();
        Problem { aside, ..problem }.write_json(&mut out);
        let text = String::from_utf8(out).unwrap();
        let id = TaskId::from_key(7).unwrap();
        assert!(text.ends_with(&format!(r#","incident":"/v1/incidents/{id}"}}"#)), "{text}");
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
