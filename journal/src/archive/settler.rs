//! The archive's files as they are opened beside SQLite, to be written back in small pieces. It
//! never reads or writes them.

use crate::write_back::WriteBack;
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::path::Path;

/// A file of the archive, opened beside SQLite.
pub(super) struct Settler {
    /// Never closed: to close any descriptor of a file drops all of the process's locks on it,
    /// SQLite's too (fcntl(2), "Record locking").
    file: ManuallyDrop<File>,
}

impl Settler {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: ManuallyDrop::new(File::open(path)?) })
    }

    /// Has everything that was written so far on disk.
    pub(super) fn settle(&self) -> io::Result<()> {
        WriteBack::new(&self.file).settle(self.file.metadata()?.len())
    }
}
