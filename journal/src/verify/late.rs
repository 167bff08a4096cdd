//! What the log has that the archive has not, task by task, as far as a look at the folder needs
//! it: where each stands, and where its payload is.

use crate::archive::Kept;
use foldhash::HashMap;
use overtime_protocol::record::{Change, Record};
use overtime_protocol::{TaskId, TaskState};

/// The tasks of which records are behind the archive's watermark.
#[derive(Default)]
pub(super) struct Late {
    tasks: HashMap<TaskId, LateTask>,
}

/// One of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LateTask {
    /// Whether a record is there from which a row can be made.
    pub(super) is_whole: bool,
    /// Where it stands, if a record says so.
    pub(super) state: Option<TaskState>,
    /// Its payload, if it was accepted.
    pub(super) payload: Option<Kept>,
}

impl Late {
    /// Takes in the next record.
    pub(super) fn add(&mut self, record: &Record) {
        if record.acceptance.is_none() && record.change.is_none() {
            return;
        }
        let task = self.tasks.entry(record.task).or_default();
        if !task.state.is_some_and(TaskState::is_final) {
            task.add(record);
        }
    }

    /// What is known of a task.
    pub(super) fn get(&self, task: TaskId) -> Option<&LateTask> {
        self.tasks.get(&task)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (TaskId, &LateTask)> {
        self.tasks.iter().map(|(&task, late)| (task, late))
    }
}

impl LateTask {
    fn add(&mut self, record: &Record) {
        if let Some(acceptance) = &record.acceptance {
            let len = acceptance.payload.len();
            let is_spooled = acceptance.payload.is_spooled();
            self.payload = Some(if is_spooled { Kept::Spooled(len) } else { Kept::Here(len) });
            self.is_whole = true;
            self.state = self.state.or(Some(TaskState::Queued));
        }
        match &record.change {
            None | Some(Change::CancelAsked) => {}
            Some(Change::Started(_)) => self.state = Some(TaskState::Running),
            Some(Change::Retrying { .. }) => self.state = Some(TaskState::Retrying),
            Some(Change::Resumed) => self.state = Some(TaskState::Queued),
            Some(Change::Advanced(_)) => {
                // One that advances does not rest any more.
                let rests = self.state == Some(TaskState::Parked);
                self.state = if rests { Some(TaskState::Queued) } else { self.state };
            }
            Some(Change::Parked(document)) => self.state = Some(document.state),
            Some(Change::Finished(document, _)) => {
                (self.state, self.is_whole) = (Some(document.state), true);
            }
        }
    }
}
