//! Incidents as they are kept: in a space of the state that no handler can name, one entry each, beside
//! one that says which of them are open. It says nothing to anybody.

use super::{Incident, IncidentId, Moment, Subject};
use crate::id::TaskId;
use crate::kept::{keep, kept_key, read_kept};
use crate::record::Put;
use crate::time::UnixMillis;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// An incident as it is kept; this struct is the format.
#[derive(Serialize, Deserialize)]
struct Kept {
    told: Told,
    oldest: Option<u64>,
}

/// The same as it was kept once, without a mark in front.
#[derive(Serialize, Deserialize)]
struct Told {
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

/// What stands in front of a [`Kept`]. A [`Told`] begins with the length of what it is about, which is
/// more.
const MARK: u8 = 1;

/// Where incidents stand in what the server keeps.
const SPACE: &str = "incident";

/// Where it stands which of them are open.
const OPEN: (&str, &str) = ("incidents", "open");

impl Incident {
    /// What is kept of it.
    pub fn put(&self) -> Put {
        let told = Told {
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
        let kept = Kept { told, oldest: self.oldest.map(|at| at.0) };
        keep(SPACE, &self.id.to_string(), &(MARK, kept))
    }

    /// The incident at that key, if that is one of this space and can be read.
    pub fn read(key: &[u8], value: &[u8]) -> Option<Self> {
        let id = str::from_utf8(key.strip_prefix(&*kept_key(SPACE, ""))?).ok()?.parse().ok()?;
        let Kept { told, oldest } = match value.first() {
            Some(&MARK) => read_kept::<(u8, Kept)>(value)?.1,
            _ => Kept { told: read_kept(value)?, oldest: None },
        };
        Some(Self {
            id,
            about: Subject::read(&told.about)?,
            title: told.title,
            opened_at: UnixMillis(told.opened_at),
            updated_at: UnixMillis(told.updated_at),
            closed_at: told.closed_at.map(UnixMillis),
            timeline: told.timeline,
            left_out: told.left_out,
            held: told.held.0,
            oldest: oldest.map(UnixMillis),
            held_most: told.held.1,
            tenants: told.tenants,
        })
    }
}

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
mod tests {
    use super::*;
    use crate::id::{Epoch, TaskIdMint};

    #[test]
    fn one_that_was_kept_before_ages_were_is_read() {
        let id = IncidentId(TaskIdMint::new(Epoch(3), None).mint(UnixMillis(1_800_000_000_000)));
        let told = Told {
            about: "disk".into(),
            title: "The disk is nearly full".into(),
            opened_at: 1,
            updated_at: 2,
            closed_at: None,
            timeline: vec![Moment::new(UnixMillis(1), "it began")],
            left_out: 0,
            held: (3, 4),
            tenants: 5,
        };
        let value = keep(SPACE, &id.to_string(), &told).value.unwrap();
        let read = Incident::read(&incident_key(id), &value).unwrap();
        assert_eq!((read.about, read.held, read.held_most), (Subject::Disk, 3, 4));
        assert_eq!((read.oldest, read.tenants), (None, 5));
    }
}
