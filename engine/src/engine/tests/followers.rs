//! Followers of a random day: each durable event of a task is published to them once, as the journal
//! would tell it.

use crate::event::{Effect, Event};
use overtime_protocol::record::Record;
use overtime_protocol::{TaskEvent, TaskId};
use std::collections::HashSet;

/// Who follows what, and what is to be published.
#[derive(Debug, Default)]
pub(super) struct Followers {
    lsn: u64,
    /// Tasks of which the journal knows.
    durable: Vec<TaskId>,
    followed: HashSet<TaskId>,
    due: Vec<(TaskId, TaskEvent)>,
}

impl Followers {
    /// A record is durable from now on; returns its log sequence number.
    pub(super) fn append(&mut self, record: &Record) -> u64 {
        self.lsn += 1;
        let task = record.task;
        let accepts = record.acceptance.is_some() && record.change.is_none();
        if self.followed.contains(&task) && !accepts {
            self.due.extend(TaskEvent::of(self.lsn, record).map(|event| (task, event)));
        }
        self.durable.push(task);
        self.lsn
    }

    /// Somebody begins to follow a task, or nobody follows it any more.
    pub(super) fn change_their_mind(&mut self, chance: u64) -> Option<Event> {
        let place = (chance as usize).checked_rem(self.durable.len())?;
        let task = self.durable[place];
        if self.followed.remove(&task) {
            return Some(Event::Unfollowed(task));
        }
        self.followed.insert(task);
        Some(Event::Followed(task))
    }

    /// Nothing is published but what is due, and in that order.
    pub(super) fn hear(&mut self, effects: &[Effect]) {
        let published = effects.iter().filter_map(|effect| match effect {
            Effect::Publish { task, event } => Some((*task, event.clone())),
            _ => None,
        });
        assert_eq!(published.collect::<Vec<_>>(), std::mem::take(&mut self.due));
    }
}
