//! Faults: why an attempt did not succeed, as a value that is stored, shown and counted.

mod print;

use crate::json::Json;
use std::borrow::Cow;
use std::time::Duration;

/// Where a fault comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The server itself.
    Server,
    /// The task's own input or handler.
    Task,
    /// What the handler called.
    Upstream,
}

impl Source {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Task => "task",
            Self::Upstream => "upstream",
        }
    }
}

/// Whether another attempt could help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It may pass by itself: try again.
    Ephemeral,
    /// It will not: the input or the code has to change.
    Persistent,
}

impl Class {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ephemeral => "ephemeral",
            Self::Persistent => "persistent",
        }
    }
}

/// Why an attempt did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A stable slug, such as `invalid-email`.
    pub code: Cow<'static, str>,
    /// One sentence for a person.
    pub detail: String,
    /// Where it comes from.
    pub source: Source,
    /// Whether another attempt could help.
    pub class: Class,
    /// How long its cause asked us to wait.
    pub retry_after: Option<Duration>,
    /// What else is to be told of it: members of a JSON object, without its braces.
    pub members: Option<Box<str>>,
}

impl Fault {
    /// The input is wrong, and will be as wrong the next time.
    pub fn input(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(code, detail.into(), Class::Persistent)
    }

    /// Something that may pass by itself.
    pub fn ephemeral(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(code, detail.into(), Class::Ephemeral)
    }

    /// Adds the members that show it to a JSON object.
    pub(crate) fn write_members(&self, json: &mut Json<'_>) {
        json.text("code", &self.code);
        json.text("detail", &self.detail);
        json.text("source", self.source.name());
        json.text("class", self.class.name());
        json.members(self.members.as_deref().unwrap_or_default());
    }

    fn new(code: &'static str, detail: String, class: Class) -> Self {
        let code = Cow::Borrowed(code);
        Self { code, detail, source: Source::Task, class, retry_after: None, members: None }
    }
}
