//! A data folder that is only looked at: nothing in it is made, changed or removed but its lock, and
//! that for no mere look. No server can start on it meanwhile.

use super::{archive, log, read_format};
use crate::error::OpenError;
use crate::frame::Key;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The folder, locked for as long as this value lives.
pub(crate) struct Still {
    path: PathBuf,
    /// None if no server has ever run here, as with a copy that left it out.
    lock: Option<File>,
}

impl Still {
    /// Locks a folder that must be there.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let has = |name: &str| path.join(name).exists();
        if !["FORMAT", "log", "archive.db"].into_iter().any(has) {
            // Whether it is not there or may not be looked into is told apart.
            fs::read_dir(path).map_err(OpenError::io(format!("look into {}", path.display())))?;
            return Err(OpenError::NotAJournal { file: path.join("FORMAT") });
        }
        Ok(Self { path: path.to_owned(), lock: lock(path)? })
    }

    /// The same for one who is going to change it: no server can start on it from here on, also if
    /// none ever has.
    pub(crate) fn open_alone(path: &Path) -> Result<Self, OpenError> {
        let still = Self::open(path)?;
        if still.lock.is_some() {
            return Ok(still);
        }
        let name = path.join("LOCK");
        let made = OpenOptions::new().create(true).append(true).open(&name);
        made.map_err(OpenError::io(format!("lock {}", name.display())))?;
        Self::open(path)
    }

    /// The format of the folder and the key of its log.
    pub(crate) fn format(&self) -> Result<(u64, Key), OpenError> {
        let file = self.path.join("FORMAT");
        let text = fs::read(&file).map_err(OpenError::io(format!("read {}", file.display())))?;
        let Ok(text) = String::from_utf8(text) else {
            return Err(OpenError::NotAJournal { file });
        };
        read_format(file, &text).map(|key| (super::FORMAT, key))
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the log.
    pub(crate) fn log(&self) -> PathBuf {
        log(&self.path)
    }

    /// The archive's file.
    pub(crate) fn archive(&self) -> PathBuf {
        archive(&self.path)
    }

    /// The folder of the spool.
    pub(crate) fn spool(&self) -> PathBuf {
        self.path.join("spool")
    }

    /// The folder of files that the spool uses again.
    pub(crate) fn spares(&self) -> PathBuf {
        self.path.join("spares")
    }

    /// Whether nobody else can have used the folder since it was opened.
    pub(crate) fn is_still(&self) -> bool {
        self.lock.is_some() || !self.path.join("LOCK").exists()
    }
}

/// Takes the lock without saying so in its file.
fn lock(path: &Path) -> Result<Option<File>, OpenError> {
    let name = path.join("LOCK");
    let failed = OpenError::io(format!("lock {}", name.display()));
    let mut file = match File::open(&name) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            Err(OpenError::Locked { folder: path.to_owned(), process: process(&mut file) })
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// The process that a lock file names.
pub(super) fn process(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    let read: io::Result<usize> = file.read_to_string(&mut text);
    read.ok().and_then(|_| text.trim().parse().ok())
}
