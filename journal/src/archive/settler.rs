//! The archive's files as they are opened beside SQLite, to be written back in small pieces. It
//! never reads or writes them.

use crate::storage::Beside;
use crate::write_back::WriteBack;
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file of the archive, opened beside SQLite.
pub(crate) struct Settler(Target);

enum Target {
    /// Never closed: to close any descriptor of a file drops all of the process's locks on it,
    /// SQLite's too (fcntl(2), "Record locking").
    System(ManuallyDrop<File>),
    /// A file of another system.
    Named(PathBuf, Arc<dyn Beside>),
}

impl Settler {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(Target::System(ManuallyDrop::new(File::open(path)?))))
    }

    /// A file of another system.
    pub(crate) fn named(path: &Path, beside: Arc<dyn Beside>) -> Self {
        Self(Target::Named(path.to_owned(), beside))
    }

    /// Has everything that was written so far on disk.
    pub(super) fn settle(&self) -> io::Result<()> {
        match &self.0 {
            Target::System(file) => WriteBack::new(file).settle(file.metadata()?.len()),
            Target::Named(path, beside) => beside.settle(path),
        }
    }
}
