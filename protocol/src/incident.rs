//! Incidents: what went wrong for a while, from the first sign of it to the end, as an operator is told
//! of it. It decides nothing.

use crate::id::TaskId;
use crate::json::Json;
use crate::kind::KindName;
use crate::time::UnixMillis;
use crate::upstream::UpstreamName;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

mod kept;

pub use kept::{
    incident_key, incidents_before, keep_open_incidents, open_incidents_key, read_open_incidents,
};

/// Whose the tasks are that the server makes for itself. No key can be of that tenant: it is no name.
pub const SERVER_TENANT: &str = "(server)";

/// What the names of kinds begin with whose tasks only the server makes.
pub const OWN_KINDS: &str = "overtime.";

/// What the names of those begin with that tell somebody of incidents.
pub const WEBHOOK_KINDS: &str = "overtime.webhook.";

/// The id of an incident, of the same form as that of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IncidentId(pub TaskId);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for IncidentId {
    type Err = crate::id::NotATaskId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// What an incident is about. There is one open incident at most about each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A service that tasks call.
    Upstream(UpstreamName),
    /// The core's loop.
    Core,
    /// Room on the disk.
    Disk,
    /// The process's memory.
    Memory,
    /// How long records take to the disk.
    Journal,
    /// How often attempts of a kind fail.
    Kind(KindName),
    /// So much at once that the cause may lie here.
    Local,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream(name) => write!(f, "upstream:{name}"),
            Self::Core => f.write_str("core"),
            Self::Disk => f.write_str("disk"),
            Self::Memory => f.write_str("memory"),
            Self::Journal => f.write_str("journal"),
            Self::Kind(name) => write!(f, "kind:{name}"),
            Self::Local => f.write_str("local"),
        }
    }
}

impl Subject {
    /// The one that is written like that.
    pub fn read(text: &str) -> Option<Self> {
        Some(match text.split_once(':') {
            Some(("upstream", name)) => Self::Upstream(UpstreamName::new(name)?),
            Some(("kind", name)) => Self::Kind(KindName::new(name)?),
            Some(_) => return None,
            None => [Self::Core, Self::Disk, Self::Memory, Self::Journal, Self::Local]
                .into_iter()
                .find(|subject| subject.to_string() == text)?,
        })
    }
}

/// Something that happened in the course of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    at: u64,
    /// A sentence.
    pub text: String,
}

impl Moment {
    /// That happened then.
    pub fn new(at: UnixMillis, text: impl Into<String>) -> Self {
        Self { at: at.0, text: text.into() }
    }

    /// When.
    pub fn at(&self) -> UnixMillis {
        UnixMillis(self.at)
    }
}

/// What went wrong for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// What it is about.
    pub about: Subject,
    /// In a line.
    pub title: String,
    /// When it began to be known.
    pub opened_at: UnixMillis,
    /// When it was written last.
    pub updated_at: UnixMillis,
    /// When it was over.
    pub closed_at: Option<UnixMillis>,
    /// What happened: the first, and the latest.
    pub timeline: Vec<Moment>,
    /// How many moments are left out behind the first.
    pub left_out: u64,
    /// How many tasks wait because of it, as it was written last.
    pub held: u64,
    /// When the oldest of those was accepted.
    pub oldest: Option<UnixMillis>,
    /// The most that did.
    pub held_most: u64,
    /// How many tenants it has touched.
    pub tenants: u64,
}

/// What of an incident is told to whoever has a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncidentNews {
    /// It has begun.
    Opened,
    /// It has become worse again.
    Updated,
    /// It is over.
    Closed,
}

impl IncidentNews {
    /// The type of such an event, as Standard Webhooks calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "incident.opened",
            Self::Updated => "incident.updated",
            Self::Closed => "incident.closed",
        }
    }
}

impl Incident {
    /// Appends the document as it stands in a list: without what happened.
    pub fn write_line(&self, now: UnixMillis, out: &mut Vec<u8>) {
        let mut json = Json::object(out);
        self.write_head(now, &mut json);
        json.end();
    }

    /// Appends the whole document.
    pub fn write_json(&self, now: UnixMillis, out: &mut Vec<u8>) {
        let mut json = Json::object(out);
        self.write_head(now, &mut json);
        json.array("timeline", &self.timeline, write_moment);
        json.number("entries_left_out", self.left_out);
        json.end();
    }

    /// Appends what somebody is told who has a webhook: the members of an event of Standard Webhooks.
    pub fn write_notice(&self, news: IncidentNews, at: UnixMillis, out: &mut Vec<u8>) {
        let mut json = Json::object(out);
        json.text("type", news.name());
        json.text("timestamp", &at.to_string());
        json.nested("data", |json| {
            self.write_head(at, json);
            json.optional_text("text", self.timeline.last().map(|moment| &*moment.text));
        });
        json.end();
    }

    fn write_head(&self, now: UnixMillis, json: &mut Json<'_>) {
        json.text("id", &self.id.to_string());
        json.text("about", &self.about.to_string());
        json.text("title", &self.title);
        json.text("state", if self.closed_at.is_some() { "closed" } else { "open" });
        json.text("opened_at", &self.opened_at.to_string());
        json.text("updated_at", &self.updated_at.to_string());
        json.optional_text("closed_at", self.closed_at.map(|at| at.to_string()).as_deref());
        json.nested("held", |json| {
            json.number("now", self.held);
            json.number("most", self.held_most);
            let oldest = self.oldest;
            json.optional_text("oldest_accepted_at", oldest.map(|at| at.to_string()).as_deref());
            json.optional_number("oldest_seconds", oldest.map(|at| now.since(at).as_secs()));
        });
        json.number("tenants_affected", self.tenants);
    }
}

fn write_moment(moment: &Moment, out: &mut Vec<u8>) {
    let mut json = Json::object(out);
    json.text("at", &moment.at().to_string());
    json.text("text", &moment.text);
    json.end();
}

#[cfg(test)]
mod tests;
