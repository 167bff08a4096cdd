//! A disk in memory, for tests. It is full when it is told so; what a crash loses is for the test
//! to decide.

use crate::disk::{Disk, FileId};
use crate::frame::HEADER;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Files as bytes.
#[derive(Default)]
pub(crate) struct MemoryDisk {
    /// The files.
    pub(crate) files: Mutex<BTreeMap<FileId, Vec<u8>>>,
    refuses: AtomicBool,
}

impl MemoryDisk {
    /// Another disk with these files.
    pub(crate) fn holding(files: BTreeMap<FileId, Vec<u8>>) -> Self {
        Self { files: Mutex::new(files), ..Self::default() }
    }

    /// Whether writes of more than a frame's header are refused from now on, after all of them was
    /// written.
    pub(crate) fn refuse_writes(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }
}

impl Disk for MemoryDisk {
    fn list(&self) -> io::Result<Vec<(FileId, u64)>> {
        Ok(self.files.lock().iter().map(|(&file, bytes)| (file, bytes.len() as u64)).collect())
    }

    fn create(&self, file: FileId) -> io::Result<()> {
        self.files.lock().insert(file, Vec::new());
        Ok(())
    }

    fn remove(&self, file: FileId) -> io::Result<()> {
        self.files.lock().remove(&file);
        Ok(())
    }

    fn read_at(&self, file: FileId, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let files = self.files.lock();
        let bytes = files.get(&file).ok_or(io::ErrorKind::NotFound)?;
        let start = bytes.len().min(usize::try_from(offset).unwrap());
        let len = buffer.len().min(bytes.len() - start);
        buffer[..len].copy_from_slice(&bytes[start..start + len]);
        Ok(len)
    }

    fn write_at(&self, file: FileId, written: &[u8], offset: u64) -> io::Result<()> {
        let mut files = self.files.lock();
        let bytes = files.get_mut(&file).unwrap();
        let (start, end) = (offset as usize, offset as usize + written.len());
        bytes.resize(bytes.len().max(end), 0);
        bytes[start..end].copy_from_slice(written);
        if written.len() > HEADER && self.refuses.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn sync(&self, _: FileId) -> io::Result<()> {
        Ok(())
    }
}
