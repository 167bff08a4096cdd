//! Incidents: what went wrong for a while, from the first sign of it to the end, as an operator is told
//! of it. They are kept in a space of the state that no handler can name, one entry each, beside one
//! that says which of them are open. It decides nothing.

use crate::id::TaskId;
use crate::json::Json;
use crate::kept::{keep, kept_key, read_kept};
use crate::kind::KindName;
use crate::record::Put;
use crate::time::UnixMillis;
use crate::upstream::UpstreamName;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

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
    pub fn write_line(&self, out: &mut Vec<u8>) {
        let mut json = Json::object(out);
        self.write_head(&mut json);
        json.end();
    }

    /// Appends the whole document.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let mut json = Json::object(out);
        self.write_head(&mut json);
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
            self.write_head(json);
            json.optional_text("text", self.timeline.last().map(|moment| &*moment.text));
        });
        json.end();
    }

    fn write_head(&self, json: &mut Json<'_>) {
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
        });
        json.number("tenants_affected", self.tenants);
    }

    /// What is kept of it.
    pub fn put(&self) -> Put {
        let kept = Kept {
            about: self.about.to_string(),
            title: self.title.clone(),
            opened_at: self.opened_at.0,
            updated_at: self.updated_at.0,
            closed_at: self.closed_at.map(|at| at.0),
            timeline: self.timeline.clone(),
            left_out: self.left_out,
            held: (self.held, self.held_most),
            tenants: self.tenants,
        };
        keep(SPACE, &self.id.to_string(), &kept)
    }

    /// The incident at that key, if that is one of this space and can be read.
    pub fn read(key: &[u8], value: &[u8]) -> Option<Self> {
        let id = str::from_utf8(key.strip_prefix(&*kept_key(SPACE, ""))?).ok()?.parse().ok()?;
        let kept: Kept = read_kept(value)?;
        Some(Self {
            id,
            about: Subject::read(&kept.about)?,
            title: kept.title,
            opened_at: UnixMillis(kept.opened_at),
            updated_at: UnixMillis(kept.updated_at),
            closed_at: kept.closed_at.map(UnixMillis),
            timeline: kept.timeline,
            left_out: kept.left_out,
            held: kept.held.0,
            held_most: kept.held.1,
            tenants: kept.tenants,
        })
    }
}

fn write_moment(moment: &Moment, out: &mut Vec<u8>) {
    let mut json = Json::object(out);
    json.text("at", &moment.at().to_string());
    json.text("text", &moment.text);
    json.end();
}

/// An incident as it is kept; this struct is the format.
#[derive(Serialize, Deserialize)]
struct Kept {
    about: String,
    title: String,
    opened_at: u64,
    updated_at: u64,
    closed_at: Option<u64>,
    timeline: Vec<Moment>,
    left_out: u64,
    held: (u64, u64),
    tenants: u64,
}

/// Where incidents stand in what the server keeps.
const SPACE: &str = "incident";

/// Where it stands which of them are open.
const OPEN: (&str, &str) = ("incidents", "open");

/// The key of an incident.
pub fn incident_key(id: IncidentId) -> Bytes {
    kept_key(SPACE, &id.to_string())
}

/// The keys of all incidents that were opened before `before`, or of all, the oldest first.
pub fn incidents_before(before: Option<IncidentId>) -> Range<Bytes> {
    let start = kept_key(SPACE, "");
    let mut behind = start.to_vec();
    *behind.last_mut().expect("the space has a name") += 1;
    start..before.map_or_else(|| behind.into(), incident_key)
}

/// The key under which stands which incidents are open.
pub fn open_incidents_key() -> Bytes {
    kept_key(OPEN.0, OPEN.1)
}

/// Has it kept which incidents are open.
pub fn keep_open_incidents(open: &[IncidentId]) -> Put {
    keep(OPEN.0, OPEN.1, &open.iter().map(|id| id.0.key()).collect::<Vec<u64>>())
}

/// Which incidents are open by the value at that key; `None` if it cannot be read.
pub fn read_open_incidents(value: &[u8]) -> Option<Vec<IncidentId>> {
    let keys: Vec<u64> = read_kept(value)?;
    keys.into_iter().map(|key| TaskId::from_key(key).map(IncidentId)).collect()
}

#[cfg(test)]
mod tests;
