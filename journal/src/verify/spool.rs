//! The spool: whether each payload matches its checksum and has a task, and each task its payload.

use super::late::Late;
use super::{Inspection, plain};
use crate::archive::StillArchive;
use crate::error::{OpenError, StoreError};
use crate::health::Part;
use crate::spool::{Entry, Spool};
use overtime_protocol::{TaskId, TaskState};
use std::path::PathBuf;

impl Inspection<'_> {
    /// Reads every file.
    pub(super) fn spool(
        &mut self,
        archive: Option<&StillArchive>,
        late: &Late,
    ) -> Result<(), OpenError> {
        let spool = Spool::new(self.still.spool(), self.still.spares());
        let reading = || OpenError::io(format!("read {}", self.still.spool().display()));
        let entries = match spool.entries() {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(reading()(error)),
        };
        for entry in entries {
            match entry.map_err(|error| reading()(error))? {
                Entry::Part(_) => self.health.spool.orphans += 1,
                Entry::Payload(task, len) => self.payload(&spool, (task, len), archive, late),
                Entry::Foreign => {}
            }
        }
        Ok(())
    }

    fn payload(
        &mut self,
        spool: &Spool,
        (task, len): (TaskId, u64),
        archive: Option<&StillArchive>,
        late: &Late,
    ) {
        self.health.spool.files += 1;
        self.health.spool.bytes += len;
        if !needs_payload(task, archive, late).unwrap_or(true) {
            self.health.spool.orphans += 1;
            return;
        }
        match spool.check(task) {
            Ok(()) => {}
            Err(error) => self.lost(task, plain(&error)),
        }
    }

    /// Looks whether the file of a task is there that needs it.
    pub(super) fn spooled(&mut self, task: TaskId, len: u64) {
        if !Spool::new(self.still.spool(), self.still.spares()).has(task, len) {
            self.lost(task, format!("{task} has no payload of {len} bytes"));
        }
    }

    fn lost(&mut self, task: TaskId, what: String) {
        if !self.lost.insert(task) {
            return;
        }
        self.health.spool.lost += 1;
        let file: PathBuf = self.still.spool().join(task.to_string());
        self.harm(Part::Spool, Some(file), what);
    }
}

/// Whether a task is there that has not ended.
fn needs_payload(
    task: TaskId,
    archive: Option<&StillArchive>,
    late: &Late,
) -> Result<bool, StoreError> {
    let late = late.get(task);
    if late.and_then(|late| late.state).is_some_and(TaskState::is_final) {
        return Ok(false);
    }
    if late.is_some_and(|late| late.is_whole) {
        return Ok(true);
    }
    match archive {
        Some(archive) => Ok(archive.task_state(task)?.is_some_and(|state| !state.is_final())),
        None => Ok(true),
    }
}
