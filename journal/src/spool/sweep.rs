//! What a start does with the spool: finds out which payloads are gone, and removes the files that
//! no task needs. It removes nothing that it does not know to be its own.

use super::{PART, Spool, file_len};
use crate::archive::Connections;
use crate::error::StoreError;
use crate::replay::Need;
use foldhash::HashMap;
use overtime_protocol::{TaskId, Unfinished};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;

/// What is in the spool's folder.
#[derive(Default)]
pub(crate) struct Listing {
    /// The length of each file.
    payloads: HashMap<TaskId, u64>,
    /// Files that were being written.
    parts: Vec<PathBuf>,
}

/// One thing in that folder.
pub(crate) enum Entry {
    /// A payload whose file has that length.
    Payload(TaskId, u64),
    /// A file that was being written.
    Part(PathBuf),
    /// What the spool did not write.
    Foreign,
}

impl Listing {
    /// Whether the payload of a task was spooled and is not there any more.
    pub(crate) fn has_lost(&self, task: &Unfinished) -> bool {
        let payload = &task.acceptance.payload;
        payload.is_spooled() && self.payloads.get(&task.task) != Some(&file_len(payload.len()))
    }
}

impl Spool {
    /// Removes the files that no task needs which has not ended, after the records of the log and
    /// the rows of `archive`. Returns what is there.
    pub(crate) fn sweep(
        &self,
        log: &HashMap<TaskId, Need>,
        archive: &Connections,
    ) -> Result<Listing, StoreError> {
        let listing = self.list()?;
        listing.parts.iter().try_for_each(fs::remove_file)?;
        self.spares.clear()?;
        for (&task, &len) in &listing.payloads {
            if is_needed(task, log, archive)? {
                self.bytes.fetch_add(len, Relaxed);
            } else {
                fs::remove_file(self.path(task))?;
            }
        }
        Ok(listing)
    }

    fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for entry in self.entries()? {
            match entry? {
                Entry::Part(path) => listing.parts.push(path),
                Entry::Payload(task, len) => drop(listing.payloads.insert(task, len)),
                Entry::Foreign => {}
            }
        }
        Ok(listing)
    }

    /// What is in the folder, in no order.
    pub(crate) fn entries(&self) -> io::Result<impl Iterator<Item = io::Result<Entry>>> {
        Ok(fs::read_dir(&self.folder)?.map(|entry| Entry::of(&entry?)))
    }
}

impl Entry {
    fn of(entry: &fs::DirEntry) -> io::Result<Self> {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { return Ok(Self::Foreign) };
        let part = name.strip_suffix(PART);
        // Only what is written as the spool writes it is the spool's.
        let parsed = part.unwrap_or(name).parse().ok();
        let task = parsed.filter(|task: &TaskId| entry_name(*task, part) == name);
        Ok(match (task, part) {
            (None, _) => Self::Foreign,
            (Some(_), Some(_)) => Self::Part(entry.path()),
            (Some(task), None) => Self::Payload(task, entry.metadata()?.len()),
        })
    }
}

fn entry_name(task: TaskId, part: Option<&str>) -> String {
    if part.is_some() { format!("{task}{PART}") } else { task.to_string() }
}

/// Whether a task was accepted and has not ended: the log knows, or else the archive.
fn is_needed(
    task: TaskId,
    log: &HashMap<TaskId, Need>,
    archive: &Connections,
) -> Result<bool, StoreError> {
    match log.get(&task) {
        Some(need) => Ok(*need == Need::Needed),
        None => Ok(archive.take().task_state(task)?.is_some_and(|state| !state.is_final())),
    }
}
