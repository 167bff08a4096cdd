//! The log of a folder that is only looked at: a disk that reads and refuses everything else.

use crate::disk::{Disk, FileId, FolderDisk};
use std::io::{self, ErrorKind};
use std::path::Path;

/// The files of a log.
pub(crate) struct StillDisk(FolderDisk);

impl StillDisk {
    /// The files in `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self(FolderDisk::read_only(folder))
    }
}

impl Disk for StillDisk {
    fn list(&self) -> io::Result<Vec<(FileId, u64)>> {
        match self.0.list() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            listed => listed,
        }
    }

    fn create(&self, _: FileId) -> io::Result<()> {
        Err(refused())
    }

    fn remove(&self, _: FileId) -> io::Result<()> {
        Err(refused())
    }

    fn read_at(&self, file: FileId, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(file, buffer, offset)
    }

    fn write_at(&self, _: FileId, _: &[u8], _: u64) -> io::Result<()> {
        Err(refused())
    }

    fn sync(&self, _: FileId) -> io::Result<()> {
        Err(refused())
    }
}

fn refused() -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, "the log is only looked at")
}
