//! Where a folder's parts are built anew, and how they take the place of those that are damaged: all
//! is on disk before the first thing moves, and from then on every start goes on until the last has
//! moved. It knows nothing of what the parts hold.

use super::Moment;
use crate::disk::sync_folder;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const PREFIX: &str = "lost-";

/// The name of one that is being built ends so.
const UNFINISHED: &str = ".new";

/// What stands in it and is not in its place yet.
const NEW: &str = "new";

/// The parts that are replaced as a whole, with what stands beside them and belongs to them.
const PARTS: [(&str, &[&str]); 2] = [
    ("log", &["log"]),
    ("archive.db", &["archive.db-wal", "archive.db-shm", "archive.moved", "archive.db"]),
];

/// A place beside the folder's parts, on the same file system.
pub(super) struct Staging {
    folder: PathBuf,
    path: PathBuf,
    last: PathBuf,
}

impl Staging {
    /// Makes one, and removes what an attempt that was interrupted has built: all of it was made of
    /// what is still there.
    pub(super) fn make(folder: &Path) -> io::Result<Self> {
        for left_over in names(folder)?.iter().filter(|name| name.ends_with(UNFINISHED)) {
            fs::remove_dir_all(folder.join(left_over))?;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let is_free = |at: &u64| !folder.join(format!("{PREFIX}{at}")).exists();
        let at = (now..).find(is_free).unwrap_or(now);
        let last = folder.join(format!("{PREFIX}{at}"));
        let path = folder.join(format!("{PREFIX}{at}{UNFINISHED}"));
        fs::create_dir_all(path.join(NEW))?;
        Ok(Self { folder: folder.to_owned(), path, last })
    }

    /// Where it is for now.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where a part is to be built.
    pub(super) fn part(&self, name: &str) -> PathBuf {
        self.path.join(NEW).join(name)
    }

    /// Keeps every payload that is in `spool`, as another name of the same file: a start removes those
    /// that no task needs.
    pub(super) fn keep_payloads(&self, spool: &Path) -> io::Result<()> {
        let kept = self.path.join("spool");
        fs::create_dir(&kept)?;
        let entries = match fs::read_dir(spool) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                keep(&entry.path(), &kept.join(entry.file_name()))?;
            }
        }
        sync_folder(&kept)
    }

    /// From here on the parts that were built are the ones that count. Where it is now.
    pub(super) fn commit(&self, moment: Moment<'_>) -> io::Result<PathBuf> {
        sync_all(&self.path)?;
        moment()?;
        fs::rename(&self.path, &self.last)?;
        sync_folder(&self.folder)?;
        moment()?;
        Ok(self.last.clone())
    }
}

fn keep(file: &Path, kept: &Path) -> io::Result<()> {
    if fs::hard_link(file, kept).is_ok() {
        return Ok(());
    }
    // Some file systems know no second names.
    fs::copy(file, kept)?;
    File::open(kept)?.sync_all()
}

/// Moves what a loss that was accepted has built into its place, as far as that is not done. Whoever
/// calls this has the folder's lock.
pub(crate) fn finish(folder: &Path, moment: Moment<'_>) -> io::Result<()> {
    for name in names(folder)? {
        let lost = folder.join(&name);
        if name.ends_with(UNFINISHED) || !lost.join(NEW).is_dir() {
            continue;
        }
        for (part, belongings) in PARTS {
            replace(folder, &lost, (part, belongings), moment)?;
        }
        fs::remove_dir(lost.join(NEW))?;
        sync_folder(&lost)?;
        moment()?;
    }
    Ok(())
}

/// What an attempt that was interrupted has left: nothing in it is needed.
pub(crate) fn left_over(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = names(folder)?;
    names.retain(|name| name.ends_with(UNFINISHED));
    Ok(names)
}

/// Whether a loss that was accepted is not yet in its place.
pub(crate) fn is_unfinished(folder: &Path) -> io::Result<bool> {
    let is_waiting =
        |name: &String| !name.ends_with(UNFINISHED) && folder.join(name).join(NEW).is_dir();
    Ok(names(folder)?.iter().any(is_waiting))
}

fn replace(
    folder: &Path,
    lost: &Path,
    (part, belongings): (&str, &[&str]),
    moment: Moment<'_>,
) -> io::Result<()> {
    let new = lost.join(NEW).join(part);
    if !new.exists() {
        return Ok(());
    }
    // What belongs to the old one must be gone before the new one is there.
    for name in belongings.iter().filter(|name| folder.join(name).exists()) {
        fs::rename(folder.join(name), lost.join(name))?;
        moment()?;
    }
    sync_folder(lost)?;
    sync_folder(folder)?;
    fs::rename(new, folder.join(part))?;
    sync_folder(folder)?;
    moment()
}

/// The names in a folder that are ours, in their order.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = names_of_all(folder)?;
    let digits = |name: &str| name.trim_end_matches(UNFINISHED).chars().all(|c| c.is_ascii_digit());
    names.retain(|name| name.strip_prefix(PREFIX).is_some_and(digits));
    names.sort_unstable();
    Ok(names)
}

fn names_of_all(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string().ok());
    }
    Ok(names)
}

/// Has a folder on disk with everything in it.
fn sync_all(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_folder(path)
}

#[cfg(test)]
mod tests;
