//! The events of a task, from the log and the archive as if they were one.

use super::Reader;
use crate::error::StoreError;
use crate::recent::{RestPlace, TaskEntry};
use overtime_protocol::{Answer, EventPage, Scope, TaskEvent, TaskId};

/// The most events that a page holds.
const PAGE: u32 = 1_000;

/// What the log has of a task's events.
#[derive(Default)]
struct InLog {
    events: Vec<TaskEvent>,
    /// The LSN of its end.
    ended: Option<u64>,
    /// Whether it has any record of the task.
    knows: bool,
}

impl Reader {
    /// The events of a task behind `after`.
    pub(super) fn events(
        &self,
        task: TaskId,
        after: u64,
        scope: &Scope,
    ) -> Result<Answer, StoreError> {
        // Events do not say whose they are.
        if *scope != Scope::All && !self.is_seen(task, scope)? {
            return Ok(self.absent(task));
        }
        let in_log = loop {
            if let Some(found) = self.events_in_log(task)? {
                break found;
            }
        };
        // Later than the look into the log: what has left it meanwhile is there.
        let applied = self.shared.applied();
        let in_archive = self.archive.take().events(task, after, PAGE + 1, applied)?;
        if in_archive.is_none() && !in_log.knows {
            return Ok(self.absent(task));
        }
        let in_archive = in_archive.unwrap_or_default();
        let ended = in_log.ended.or(in_archive.ended).unwrap_or(u64::MAX);
        let mut events = in_archive.events;
        let is_due = |event: &TaskEvent| event.sequence > after && event.sequence <= ended;
        events.extend(in_log.events.into_iter().filter(is_due));
        events.sort_unstable_by_key(|event| event.sequence);
        events.dedup_by_key(|event| event.sequence);
        let more = events.len() > PAGE as usize;
        events.truncate(PAGE as usize);
        Ok(Answer::Events(Box::new(EventPage { task, events, more })))
    }

    /// `None` if what was to be read has left the log.
    fn events_in_log(&self, task: TaskId) -> Result<Option<InLog>, StoreError> {
        let applied = self.shared.applied();
        let entry = self.shared.recent.task(task, applied);
        let events = self.shared.recent.events(task, applied);
        let knows = entry.is_some() || !events.is_empty();
        let mut found = InLog { events, knows, ended: None };
        let Some(TaskEntry { acceptance, rest, .. }) = entry else {
            return Ok(Some(found));
        };
        let accepted = acceptance.map(|accepted| (accepted.lsn, accepted.record));
        let ended = match rest {
            RestPlace::Ended(lsn, place) => Some((lsn, place)),
            RestPlace::Elsewhere | RestPlace::Parked(_) | RestPlace::Over => None,
        };
        found.ended = ended.map(|(lsn, _)| lsn);
        for (lsn, place) in accepted.into_iter().chain(ended).filter(|(lsn, _)| *lsn > applied) {
            let Some(record) = self.record(place)? else {
                return Ok(None);
            };
            found.events.extend(TaskEvent::of(lsn, &record));
        }
        Ok(Some(found))
    }
}
