//! What a start does with the spool: finds out which payloads are gone, and removes the files that
//! no task needs. It removes nothing that it does not know to be its own.

use super::{PART, Spool, file_len};
use crate::archive::Connections;
use crate::error::StoreError;
use crate::fold::Fold;
use foldhash::HashMap;
use overtime_protocol::{TaskId, TaskState, Unfinished};
use std::fs;
use std::io;
use std::path::PathBuf;

/// The states in which the log's records leave tasks that do not go on by themselves.
pub(crate) struct Rests(HashMap<TaskId, TaskState>);

/// What is in the spool's folder.
#[derive(Default)]
struct Listing {
    /// The length of each file.
    payloads: HashMap<TaskId, u64>,
    /// Files that were being written.
    parts: Vec<PathBuf>,
}

impl Rests {
    /// The tasks that rest after these records.
    pub(crate) fn of(fold: &Fold) -> Self {
        let state = |rest: &crate::fold::Rest| rest.document.state;
        let rests = fold
            .tasks
            .iter()
            .filter_map(|(&task, found)| found.rest.as_ref().map(|rest| (task, state(rest))));
        Self(rests.collect())
    }
}

impl Spool {
    /// Notes which of the unfinished tasks have lost their payload, and removes the files that
    /// neither they nor parked tasks need. `unfinished` is sorted by id.
    pub(crate) fn sweep(
        &self,
        unfinished: &mut [Unfinished],
        rests: &Rests,
        archive: &Connections,
    ) -> Result<(), StoreError> {
        let listing = self.list()?;
        for task in unfinished.iter_mut().filter(|task| task.acceptance.payload.is_spooled()) {
            let expected = file_len(task.acceptance.payload.len());
            task.payload_lost = listing.payloads.get(&task.task) != Some(&expected);
        }
        let mut orphans = listing.parts;
        for &task in listing.payloads.keys() {
            let goes_on = unfinished.binary_search_by_key(&task, |found| found.task).is_ok();
            if !goes_on && !is_parked(task, rests, archive)? {
                orphans.push(self.path(task));
            }
        }
        orphans.iter().try_for_each(fs::remove_file)?;
        Ok(())
    }

    fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let part = name.strip_suffix(PART);
            // Only what is written as the spool writes it is the spool's.
            let parsed = part.unwrap_or(name).parse().ok();
            let Some(task) = parsed.filter(|task: &TaskId| entry_name(*task, part) == name) else {
                continue;
            };
            match part {
                Some(_) => listing.parts.push(entry.path()),
                None => drop(listing.payloads.insert(task, entry.metadata()?.len())),
            }
        }
        Ok(listing)
    }
}

fn entry_name(task: TaskId, part: Option<&str>) -> String {
    if part.is_some() { format!("{task}{PART}") } else { task.to_string() }
}

/// Whether a task rests and may be tried again: the log knows, or else the archive.
fn is_parked(task: TaskId, rests: &Rests, archive: &Connections) -> Result<bool, StoreError> {
    let state = match rests.0.get(&task) {
        Some(&state) => Some(state),
        None => archive.take().task_state(task)?,
    };
    Ok(state == Some(TaskState::Parked))
}
