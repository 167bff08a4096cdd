//! Files of payloads that are gone, kept for payloads to come. A file system may be mounted such that
//! it tells the device of whatever is deleted (`discard`), and a device may take a millisecond for each
//! MB of that, in which no commit gets through. A file that is written over costs nothing of the kind.
//! Nothing here is needed by anybody: what a process leaves goes when the next one starts.

use crate::disk::sync_folder;
use parking_lot::Mutex;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How much is kept: what two or three bulk bodies of the usual length take.
const KEPT_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// By how much a file may be too long for a payload: that much is cut off, and so deleted.
const CUT_MAX_BYTES: u64 = 256 * 1024;

/// The spare files, in a folder of their own that is made when the first comes.
pub(super) struct Spares {
    folder: PathBuf,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    files: Vec<Spare>,
    last_name: u64,
}

struct Spare {
    path: PathBuf,
    len: u64,
}

impl Spares {
    /// No files yet, but what a former process has left in `folder`.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, kept: Mutex::default() }
    }

    /// Deletes all of them, also those of a former process. Returns whether there were any.
    pub(super) fn clear(&self) -> io::Result<bool> {
        self.kept.lock().files.clear();
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            entries => entries?,
        };
        let mut any = false;
        for entry in entries {
            let entry = entry?;
            // Only what is named as the spool names it is the spool's.
            if entry.file_name().to_str().is_some_and(|name| name.parse::<u64>().is_ok()) {
                fs::remove_file(entry.path())?;
                any = true;
            }
        }
        Ok(any)
    }

    /// Takes the file away from `path` if there is room for it; `false` leaves it there.
    pub(super) fn keep(&self, path: &Path, file: &Metadata) -> bool {
        let mut kept = self.kept.lock();
        let held: u64 = kept.files.iter().map(|spare| spare.len).sum();
        // What has another name is somebody's.
        if file.nlink() != 1 || held.saturating_add(file.len()) > KEPT_MAX_BYTES {
            return false;
        }
        kept.last_name += 1;
        let spare = Spare { path: self.folder.join(kept.last_name.to_string()), len: file.len() };
        let moved = self.rename_into(path, &spare.path).is_ok();
        if moved {
            kept.files.push(spare);
        }
        moved
    }

    fn rename_into(&self, from: &Path, to: &Path) -> rustix::io::Result<()> {
        match rename(from, to) {
            Err(Errno::NOENT) if fs::create_dir(&self.folder).is_ok() => rename(from, to),
            renamed => renamed,
        }
    }

    /// Moves a file to `path`, where nothing is yet, that is at most `len` bytes long and almost so
    /// if there is one. It is open for writing, and what is in it means nothing.
    ///
    /// # Errors
    /// If a crash could give it back the name that it had as a payload.
    pub(super) fn hand_over(&self, len: u64, path: &Path) -> io::Result<Option<File>> {
        if self.take(len, path).is_none() {
            return Ok(None);
        }
        if let Some(folder) = path.parent() {
            sync_folder(folder)?;
        }
        let file = OpenOptions::new().write(true).open(path)?;
        if file.metadata()?.len() > len {
            file.set_len(len)?;
        }
        Ok(Some(file))
    }

    /// Moves the longest file that fits to `path`.
    fn take(&self, len: u64, path: &Path) -> Option<()> {
        let mut kept = self.kept.lock();
        let files = kept.files.iter().enumerate();
        let fitting = files.filter(|(_, spare)| spare.len <= len.saturating_add(CUT_MAX_BYTES));
        let (place, _) = fitting.max_by_key(|(_, spare)| spare.len)?;
        rename(&kept.files[place].path, path).ok()?;
        kept.files.swap_remove(place);
        Some(())
    }
}

/// Not `rename(2)`: what is in the way stays.
fn rename(from: &Path, to: &Path) -> rustix::io::Result<()> {
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
}
