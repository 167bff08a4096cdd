//! Followers: what becomes durable of a task that somebody follows is published. It keeps no event,
//! and a task that nobody follows costs one look at an empty set.

use super::Engine;
use super::record::{Carries, InFlight};
use crate::event::Effect;
use crate::task::Run;
use overtime_protocol::{News, TaskEvent, TaskId, TaskState};

impl Engine {
    pub(super) fn follow(&mut self, task: TaskId) {
        self.followed.insert(task);
    }

    pub(super) fn unfollow(&mut self, task: TaskId) {
        self.followed.remove(&task);
    }

    pub(super) fn is_followed(&self, task: TaskId) -> bool {
        !self.followed.is_empty() && self.followed.contains(&task)
    }

    /// An append is durable: those who follow its task are told, before the record is let go of.
    pub(super) fn publish(&mut self, inflight: InFlight, lsn: u64, out: &mut Vec<Effect>) {
        let task = inflight.slot.id();
        if !self.is_followed(task) {
            return;
        }
        if let Some(event) = self.event_of(inflight, lsn) {
            out.push(Effect::Publish { task, event });
        }
    }

    /// The same event that the journal tells of the record.
    fn event_of(&self, inflight: InFlight, lsn: u64) -> Option<TaskEvent> {
        let InFlight { slot, carries, at, attempt, starts, .. } = inflight;
        let news = match carries {
            // Whoever follows a task has read in the journal that it is there, and with it this.
            Carries::Acceptance if !starts => return None,
            Carries::Acceptance | Carries::StartMark => News::State(TaskState::Running),
            Carries::Resumption => News::State(TaskState::Queued),
            Carries::CancelAsked => News::CancelAsked,
            Carries::Chunk(_) => {
                let chunk = self.table.get(slot)?.chunk.as_ref()?;
                return TaskEvent::of(lsn, &chunk.record);
            }
            Carries::End => {
                let Run::Ended(ended) = &self.table.get(slot)?.run else { return None };
                return TaskEvent::of(lsn, &ended.record);
            }
        };
        Some(TaskEvent { sequence: lsn, at, attempt, news })
    }
}
