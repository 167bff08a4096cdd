//! The data folder: who may use it and which format it has. It never looks into the log or the
//! archive.
//!
//! ```text
//! overtime-data/
//!   LOCK          held by the process that has the folder open; its process id as text
//!   FORMAT        "overtime 1\n"
//!   log/          00000001.seg …
//!   archive.db    and SQLite's own files beside it
//! ```

use crate::disk::sync_folder;
use crate::error::OpenError;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The format that is written, and the latest that is read.
const FORMAT: u64 = 1;

/// The data folder, locked for as long as this value lives.
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is not there, locks it, and checks its format.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let action = |what: &str| OpenError::io(format!("{what} {}", path.display()));
        make_folder(path).map_err(action("make the folder"))?;
        let folder = Self { path: path.to_owned(), _lock: lock(path)? };
        folder.check_format()?;
        make_folder(&folder.log()).map_err(action("make the log's folder in"))?;
        Ok(folder)
    }

    /// The folder of the log.
    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// The archive's file.
    pub(crate) fn archive(&self) -> PathBuf {
        self.path.join("archive.db")
    }

    fn check_format(&self) -> Result<(), OpenError> {
        let file = self.path.join("FORMAT");
        match fs::read_to_string(&file) {
            Ok(text) => check_format_text(file, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.write_format(file),
            Err(source) if source.kind() == io::ErrorKind::InvalidData => {
                Err(OpenError::NotAJournal { file })
            }
            Err(error) => Err(OpenError::io(format!("read {}", file.display()))(error)),
        }
    }

    /// Names the format of a new folder. One that has a log or an archive is not new.
    fn write_format(&self, file: PathBuf) -> Result<(), OpenError> {
        if self.log().exists() || self.archive().exists() {
            return Err(OpenError::NotAJournal { file });
        }
        let write = || {
            let fresh = self.path.join("FORMAT.new");
            let mut out = File::create(&fresh)?;
            out.write_all(format!("overtime {FORMAT}\n").as_bytes())?;
            out.sync_all()?;
            fs::rename(&fresh, &file)?;
            sync_folder(&self.path)
        };
        write().map_err(OpenError::io(format!("write {}", file.display())))
    }
}

fn check_format_text(file: PathBuf, text: &str) -> Result<(), OpenError> {
    match text.trim_end().strip_prefix("overtime ").and_then(|number| number.parse().ok()) {
        Some(FORMAT) => Ok(()),
        Some(found) if found > FORMAT => Err(OpenError::Newer { file, found, known: FORMAT }),
        _ => Err(OpenError::NotAJournal { file }),
    }
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("LOCK");
    let action = || OpenError::io(format!("lock {}", path.display()));
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).to_owned();
    let mut file = options.open(&path).map_err(action())?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let process =
                file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(OpenError::Locked { folder: folder.to_owned(), process });
        }
        Err(TryLockError::Error(error)) => return Err(action()(error)),
    }
    let name_ourselves = |file: &mut File| {
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())
    };
    name_ourselves(&mut file).map_err(action())?;
    Ok(file)
}

/// Makes a folder whose name survives a crash.
fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => sync_folder(Path::new(".")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_used_by_one_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("data");
        let first = Folder::open(&path).unwrap();
        match Folder::open(&path).err() {
            Some(OpenError::Locked { process, .. }) => {
                assert_eq!(process, Some(std::process::id()));
            }
            other => panic!("{other:?}"),
        }
        drop(first);
        assert!(Folder::open(&path).is_ok());
    }

    #[test]
    fn formats_other_than_ours_are_refused() {
        let root = tempfile::tempdir().unwrap();
        drop(Folder::open(root.path()).unwrap());
        let file = root.path().join("FORMAT");
        assert_eq!(fs::read_to_string(&file).unwrap(), "overtime 1\n");
        fs::write(&file, "overtime 2\n").unwrap();
        let newer = Folder::open(root.path()).err();
        assert!(matches!(newer, Some(OpenError::Newer { found: 2, known: 1, .. })), "{newer:?}");
        for text in ["", "overtime", "overtime x\n", "another 1\n", "overtime 0\n"] {
            fs::write(&file, text).unwrap();
            let other = Folder::open(root.path()).err();
            assert!(matches!(other, Some(OpenError::NotAJournal { .. })), "{text:?} {other:?}");
        }
    }

    #[test]
    fn a_log_without_a_format_is_not_ours_to_touch() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("log")).unwrap();
        let refused = Folder::open(root.path()).err();
        assert!(matches!(refused, Some(OpenError::NotAJournal { .. })), "{refused:?}");
    }
}
