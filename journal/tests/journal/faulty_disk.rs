//! A disk in memory that fails when it is told to. What was written is what a crash leaves.

use overtime_journal::{Disk, FileId};
use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;

/// How the disk behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mood {
    /// As it should.
    Works,
    /// There is no room for writes longer than this, and so much of them is written.
    Full { room: usize },
    /// There is room in the files there are, and none for others.
    NoNewFiles,
    /// Writes fail.
    WriteFails,
    /// Syncs fail.
    SyncFails,
}

/// The disk.
pub(crate) struct FaultyDisk {
    files: Mutex<BTreeMap<FileId, Vec<u8>>>,
    mood: Mutex<Mood>,
}

impl Default for FaultyDisk {
    fn default() -> Self {
        Self { files: Mutex::default(), mood: Mutex::new(Mood::Works) }
    }
}

impl FaultyDisk {
    /// Changes how it behaves from now on.
    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// A working disk with the same files.
    pub(crate) fn copy(&self) -> Self {
        let files = Mutex::new(self.files.lock().unwrap().clone());
        Self { files, ..Self::default() }
    }

    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap()
    }
}

impl Disk for FaultyDisk {
    fn list(&self) -> io::Result<Vec<(FileId, u64)>> {
        let files = self.files.lock().unwrap();
        Ok(files.iter().map(|(&file, bytes)| (file, bytes.len() as u64)).collect())
    }

    fn create(&self, file: FileId) -> io::Result<()> {
        if matches!(self.mood(), Mood::Full { .. } | Mood::NoNewFiles) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.files.lock().unwrap().insert(file, Vec::new());
        Ok(())
    }

    fn remove(&self, file: FileId) -> io::Result<()> {
        self.files.lock().unwrap().remove(&file);
        Ok(())
    }

    fn read_at(&self, file: FileId, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let files = self.files.lock().unwrap();
        let bytes = files.get(&file).ok_or(io::ErrorKind::NotFound)?;
        let start = bytes.len().min(usize::try_from(offset).unwrap());
        let len = buffer.len().min(bytes.len() - start);
        buffer[..len].copy_from_slice(&bytes[start..start + len]);
        Ok(len)
    }

    fn write_at(&self, file: FileId, written: &[u8], offset: u64) -> io::Result<()> {
        let (count, failure) = match self.mood() {
            Mood::Full { room } if written.len() > room => (room, Some(io::ErrorKind::StorageFull)),
            Mood::WriteFails => (written.len() / 2, Some(io::ErrorKind::Other)),
            Mood::Works | Mood::Full { .. } | Mood::NoNewFiles | Mood::SyncFails => {
                (written.len(), None)
            }
        };
        let mut files = self.files.lock().unwrap();
        let bytes = files.get_mut(&file).ok_or(io::ErrorKind::NotFound)?;
        let start = usize::try_from(offset).unwrap();
        bytes.resize(bytes.len().max(start + count), 0);
        bytes[start..start + count].copy_from_slice(&written[..count]);
        failure.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn sync(&self, _: FileId) -> io::Result<()> {
        match self.mood() {
            Mood::SyncFails => Err(io::ErrorKind::Other.into()),
            _ => Ok(()),
        }
    }
}
