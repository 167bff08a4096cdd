//! The log's files on the simulated drive. It decides nothing.

use crate::drive::Drive;
use overtime_journal::{Disk, FileId};
use std::io;
use std::sync::Arc;

const FOLDER: &str = "log/";

/// The log's part of a drive.
pub(crate) struct LogDisk(pub(crate) Arc<Drive>);

fn name(file: FileId) -> String {
    format!("{FOLDER}{}", file.0)
}

impl Disk for LogDisk {
    fn list(&self) -> io::Result<Vec<(FileId, u64)>> {
        let files = self.0.list(FOLDER)?.into_iter();
        let number = |name: &str| name.strip_prefix(FOLDER)?.parse().ok().map(FileId);
        Ok(files.filter_map(|(name, len)| Some((number(&name)?, len))).collect())
    }

    fn create(&self, file: FileId) -> io::Result<()> {
        self.0.create(&name(file))
    }

    fn remove(&self, file: FileId) -> io::Result<()> {
        self.0.remove(&name(file))
    }

    fn read_at(&self, file: FileId, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read(&name(file), buffer, offset)
    }

    fn write_at(&self, file: FileId, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write(&name(file), bytes, offset)
    }

    fn sync(&self, file: FileId) -> io::Result<()> {
        self.0.sync(&name(file))
    }
}
