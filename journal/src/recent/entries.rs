//! What is to be found of committed records: made without the lock, from the records as they are
//! written. It keeps places in the log, never values.

use super::Place;
use super::keys::Writes;
use overtime_protocol::record::{Change, Layout, Record};
use overtime_protocol::{Fingerprint, KeyHash, Payload, TaskEvent, TaskId};
use std::ops::Range;

/// Who holds an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimEntry {
    /// The LSN of the record that claims it.
    pub(crate) lsn: u64,
    /// The task.
    pub(crate) task: TaskId,
    /// The request that the key came with.
    pub(crate) fingerprint: Fingerprint,
}

/// What the log has of a task.
#[derive(Clone, Debug)]
pub(crate) struct TaskEntry {
    /// The LSN of the newest record kept here.
    pub(crate) lsn: u64,
    /// How it was accepted.
    pub(crate) acceptance: Option<Accepted>,
    /// The record that ended or parked it.
    pub(crate) rest: RestPlace,
}

/// Where it is said how a task ended or was parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RestPlace {
    /// No record here does.
    Elsewhere,
    /// It ended in this record, which has that LSN.
    Ended(u64, Place),
    /// It was parked in this record.
    Parked(Place),
    /// It was parked, and a person had it run again.
    Over,
}

/// The acceptance of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// The LSN of the record.
    pub(crate) lsn: u64,
    /// The record.
    pub(crate) record: Place,
    /// Where the payload is.
    pub(crate) payload: PayloadPlace,
}

/// Where the payload of a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PayloadPlace {
    /// In these bytes of the record that accepted it.
    Record(Range<u32>),
    /// In the spool; it has this many bytes.
    Spool(u64),
}

/// One record, as it is to be found.
pub(crate) struct Entry<'a> {
    /// Its LSN.
    pub(crate) lsn: u64,
    /// Where it lies.
    pub(crate) place: Place,
    /// Its bytes.
    pub(crate) bytes: &'a [u8],
    /// What it says.
    pub(crate) record: &'a Record,
    /// Where its parts are in its bytes.
    pub(crate) layout: &'a Layout,
}

/// Entries that are made without the lock and published under one.
#[derive(Default)]
pub(crate) struct Entries {
    pub(super) keys: Writes,
    pub(super) tasks: Vec<(TaskId, TaskEntry)>,
    pub(super) claims: Vec<(KeyHash, ClaimEntry)>,
    pub(super) events: Vec<(TaskId, TaskEvent)>,
}

impl Entries {
    /// Forgets what was not published.
    pub(crate) fn clear(&mut self) {
        self.keys.clear();
        self.tasks.clear();
        self.claims.clear();
        self.events.clear();
    }

    /// Adds what is to be found of one record.
    pub(crate) fn add(&mut self, entry: &Entry<'_>) {
        let Entry { lsn, place, record, layout, .. } = *entry;
        self.keys.add(entry);
        if let Some(claim) = record.claim {
            let (task, fingerprint) = (record.task, claim.fingerprint);
            self.claims.push((claim.key, ClaimEntry { lsn, task, fingerprint }));
        }
        let rest = match &record.change {
            Some(Change::Finished(..)) => RestPlace::Ended(lsn, place),
            Some(Change::Parked(_)) => RestPlace::Parked(place),
            Some(Change::Resumed) => RestPlace::Over,
            None
            | Some(Change::Started(_) | Change::Retrying { .. })
            | Some(Change::Advanced(_) | Change::CancelAsked) => RestPlace::Elsewhere,
        };
        let acceptance = record.acceptance.as_ref().map(|acceptance| {
            let payload = payload_place(&acceptance.payload, layout);
            Accepted { lsn, record: place, payload }
        });
        // What the rows of the archive tell needs no event of its own; here it is in its record.
        if !matches!(rest, RestPlace::Ended(..))
            && record.change.is_some()
            && let Some(event) = TaskEvent::of(lsn, record)
        {
            self.events.push((record.task, event));
        }
        if rest != RestPlace::Elsewhere || acceptance.is_some() {
            self.tasks.push((record.task, TaskEntry { lsn, acceptance, rest }));
        }
    }
}

impl TaskEntry {
    /// What is known when this comes after `older`.
    pub(super) fn over(self, older: &Self) -> Self {
        Self {
            lsn: self.lsn,
            acceptance: self.acceptance.or_else(|| older.acceptance.clone()),
            rest: match (self.rest, older.rest) {
                // A task that has ended stays as it ended.
                (_, ended @ RestPlace::Ended(..)) | (RestPlace::Elsewhere, ended) => ended,
                (newer, _) => newer,
            },
        }
    }
}

fn payload_place(payload: &Payload, layout: &Layout) -> PayloadPlace {
    if payload.is_spooled() {
        PayloadPlace::Spool(payload.len())
    } else {
        PayloadPlace::Record(layout.payload.start as u32..layout.payload.end as u32)
    }
}
