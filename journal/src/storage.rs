//! What a journal stands on: the operating system's files, or those of a simulation that fails
//! when it is told to. It never reads or writes any.

use crate::archive::{self, Settler};
use crate::disk::Disk;
use overtime_protocol::Clock;
use rusqlite::{Connection, OpenFlags};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a journal keeps what it has. The lock and the format are always in its folder.
#[derive(Clone)]
pub struct Storage {
    /// The files of the log.
    pub log: Arc<dyn Disk>,
    /// The files of the archive.
    pub archive: ArchiveFiles,
}

/// The archive's files, as SQLite reaches them and as they are synced beside it.
#[derive(Clone)]
pub enum ArchiveFiles {
    /// The operating system's, in the folder.
    System,
    /// Those of another system that SQLite knows by this name. Their paths are as in the folder.
    Named {
        /// The name of the VFS; it must be registered.
        vfs: String,
        /// The same files, without SQLite.
        beside: Arc<dyn Beside>,
    },
}

/// Files of the archive as they are reached beside SQLite, by their paths.
pub trait Beside: Send + Sync {
    /// Returns once everything written to the file is on disk.
    fn settle(&self, file: &Path) -> io::Result<()>;
    /// All that is in the file.
    fn read(&self, file: &Path) -> io::Result<Vec<u8>>;
    /// Writes to the front of the file, which is made if it is not there.
    fn write(&self, file: &Path, bytes: &[u8]) -> io::Result<()>;
}

/// One archive, wherever it is.
pub(crate) struct Site {
    /// Its main file.
    pub(crate) file: PathBuf,
    /// How it is reached.
    pub(crate) files: ArchiveFiles,
    /// What the time is.
    pub(crate) clock: Clock,
}

impl fmt::Debug for ArchiveFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("System"),
            Self::Named { vfs, .. } => f.debug_tuple("Named").field(vfs).finish(),
        }
    }
}

impl ArchiveFiles {
    /// Opens a file to be read from its front.
    pub(crate) fn open(&self, file: &Path) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Self::System => Box::new(File::open(file)?),
            Self::Named { beside, .. } => Box::new(io::Cursor::new(beside.read(file)?)),
        })
    }
}

impl Site {
    /// Opens a connection that checks the pages that it reads.
    pub(crate) fn connect(&self, flags: OpenFlags) -> rusqlite::Result<Connection> {
        let base = match &self.files {
            ArchiveFiles::System => None,
            ArchiveFiles::Named { vfs, .. } => Some(&**vfs),
        };
        Connection::open_with_flags_and_vfs(&self.file, flags, archive::over(base)?.as_c_str())
    }

    /// What syncs the file of that path, which SQLite has opened.
    pub(crate) fn settler(&self, file: &Path) -> io::Result<Settler> {
        match &self.files {
            ArchiveFiles::System => Settler::open(file),
            ArchiveFiles::Named { beside, .. } => Ok(Settler::named(file, Arc::clone(beside))),
        }
    }
}
