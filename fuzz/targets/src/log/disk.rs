//! A disk in memory.

use overtime_journal::{Disk, FileId};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Files as bytes.
pub(super) struct MemoryDisk {
    files: Mutex<BTreeMap<FileId, Vec<u8>>>,
}

impl MemoryDisk {
    pub(super) fn holding(files: Vec<Vec<u8>>) -> Self {
        let numbered = (1..).map(FileId).zip(files);
        Self { files: Mutex::new(numbered.collect()) }
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<FileId, Vec<u8>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for MemoryDisk {
    fn list(&self) -> io::Result<Vec<(FileId, u64)>> {
        Ok(self.files().iter().map(|(&file, bytes)| (file, bytes.len() as u64)).collect())
    }

    fn create(&self, file: FileId) -> io::Result<()> {
        self.files().insert(file, Vec::new());
        Ok(())
    }

    fn remove(&self, file: FileId) -> io::Result<()> {
        self.files().remove(&file);
        Ok(())
    }

    fn read_at(&self, file: FileId, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let files = self.files();
        let bytes = files.get(&file).ok_or(io::ErrorKind::NotFound)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let len = buffer.len().min(bytes.len() - start);
        buffer[..len].copy_from_slice(&bytes[start..start + len]);
        Ok(len)
    }

    fn write_at(&self, file: FileId, written: &[u8], offset: u64) -> io::Result<()> {
        let mut files = self.files();
        let bytes = files.get_mut(&file).ok_or(io::ErrorKind::NotFound)?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start + written.len();
        bytes.resize(bytes.len().max(end), 0);
        bytes[start..end].copy_from_slice(written);
        Ok(())
    }

    fn sync(&self, _: FileId) -> io::Result<()> {
        Ok(())
    }
}
