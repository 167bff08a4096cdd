//! The spool: payloads too large to stand in front of other commits, each in a file of its own
//! named after its task. A file is whole and on disk before a record refers to it, and is never
//! changed after that.
//!
//! ```text
//! spool/01J…        | payload | crc32c of the payload: u32, little-endian |
//! spool/01J….part   one that is being written
//! ```
//! A file that is not needed any more is written over for another payload, under another name.
//! It knows nothing of the log: who needs which file is for its callers to say.

mod keeper;
mod spares;
mod sweep;

pub(crate) use keeper::Keeper;
pub(crate) use sweep::{Entry, Listing};

use crate::disk::{is_full, sync_folder};
use crate::error::StoreError;
use crate::write_back::WriteBack;
use bytes::Bytes;
use overtime_protocol::TaskId;
use rustix::fs::{Advice, fadvise};
use spares::Spares;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

/// How much is written before the device is asked to begin, and how much is read at once.
const PIECE_BYTES: usize = 256 * 1024;

/// The longest segment of a payload that is read.
const SEGMENT_BYTES: u64 = 1024 * 1024;

/// The bytes behind the payload.
const CHECKSUM_BYTES: u64 = 4;

const PART: &str = ".part";

/// The folder of the spool.
pub(crate) struct Spool {
    folder: PathBuf,
    spares: Spares,
    bytes: AtomicU64,
}

impl Spool {
    /// The spool in `folder`, which must exist, with its spare files in `spares`.
    pub(crate) fn new(folder: PathBuf, spares: PathBuf) -> Self {
        Self { folder, spares: Spares::new(spares), bytes: AtomicU64::new(0) }
    }

    fn path(&self, task: TaskId) -> PathBuf {
        self.folder.join(task.to_string())
    }

    fn part(&self, task: TaskId) -> PathBuf {
        self.folder.join(format!("{task}{PART}"))
    }

    /// Writes the payload of a task. When this returns, a crash cannot take it back; if it fails,
    /// nothing is left of it.
    fn write(&self, task: TaskId, segments: &[Bytes]) -> io::Result<()> {
        match self.try_write(task, segments) {
            // There is room where nothing is needed.
            Err(error) if is_full(&error) && self.spares.clear().is_ok_and(|any| any) => {
                self.try_write(task, segments)
            }
            written => written,
        }
    }

    fn try_write(&self, task: TaskId, segments: &[Bytes]) -> io::Result<()> {
        let (part, path) = (self.part(task), self.path(task));
        let len = file_len(segments.iter().map(|segment| segment.len() as u64).sum());
        let written = self
            .begin(&part, len)
            .and_then(|file| write_file(file, segments))
            .and_then(|()| fs::rename(&part, &path))
            .and_then(|()| sync_folder(&self.folder));
        if written.is_err() {
            // The first error is the one to tell; what is left is found at the next start.
            drop(fs::remove_file(&part));
            drop(fs::remove_file(&path));
        } else {
            self.bytes.fetch_add(len, Relaxed);
        }
        written
    }

    /// A file to write that many bytes to.
    fn begin(&self, part: &Path, len: u64) -> io::Result<File> {
        match self.spares.hand_over(len, part)? {
            Some(spare) => Ok(spare),
            None => File::create(part),
        }
    }

    /// Lets go of the payload of a task. What cannot be removed is found at the next start.
    fn remove(&self, task: TaskId) {
        let path = self.path(task);
        let Ok(file) = fs::metadata(&path) else { return };
        if self.spares.keep(&path, &file) || fs::remove_file(&path).is_ok() {
            self.bytes.fetch_sub(file.len(), Relaxed);
        }
    }

    /// Deletes the files that are kept for payloads to come.
    fn clear_spares(&self) {
        // What stays is deleted at the next start.
        drop(self.spares.clear());
    }

    /// How many bytes the payloads take that are there.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Whether there is a file for the payload of a task that has that length.
    pub(crate) fn has(&self, task: TaskId, len: u64) -> bool {
        fs::metadata(self.path(task)).is_ok_and(|found| found.len() == file_len(len))
    }

    /// The payload of a task, which has that length.
    pub(crate) fn read(&self, task: TaskId, len: u64) -> Result<Vec<Bytes>, StoreError> {
        match self.read_file(task, len) {
            Ok(Some(segments)) => Ok(segments),
            Ok(None) => Err(Self::mismatch(task)),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) =>
            {
                Err(StoreError::PayloadLost)
            }
            Err(error) => Err(StoreError::Io(error)),
        }
    }

    /// `None` if it does not match its checksum.
    fn read_file(&self, task: TaskId, len: u64) -> io::Result<Option<Vec<Bytes>>> {
        let mut file = File::open(self.path(task))?;
        if file.metadata()?.len() != file_len(len) {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let (mut segments, mut left, mut crc) = (Vec::new(), len, 0);
        while left > 0 {
            let mut segment = vec![0; left.min(SEGMENT_BYTES) as usize];
            file.read_exact(&mut segment)?;
            crc = crc32c::crc32c_append(crc, &segment);
            left -= segment.len() as u64;
            segments.push(segment.into());
        }
        let mut checksum = [0; CHECKSUM_BYTES as usize];
        file.read_exact(&mut checksum)?;
        Ok((checksum == crc.to_le_bytes()).then_some(segments))
    }
}

impl Spool {
    /// Whether the payload of a task is as it was written; it is read a piece at a time.
    pub(crate) fn check(&self, task: TaskId) -> Result<(), StoreError> {
        let mut file = File::open(self.path(task))?;
        let Some(mut left) = file.metadata()?.len().checked_sub(CHECKSUM_BYTES) else {
            return Err(StoreError::PayloadLost);
        };
        let (mut piece, mut crc) = (vec![0; PIECE_BYTES], 0);
        while left > 0 {
            let len = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            file.read_exact(&mut piece[..len])?;
            crc = crc32c::crc32c_append(crc, &piece[..len]);
            left -= len as u64;
        }
        let mut checksum = [0; CHECKSUM_BYTES as usize];
        file.read_exact(&mut checksum)?;
        if checksum == crc.to_le_bytes() { Ok(()) } else { Err(Self::mismatch(task)) }
    }

    fn mismatch(task: TaskId) -> StoreError {
        StoreError::Damaged(format!("the payload of {task} does not match its checksum"))
    }
}

/// The length of the file of a payload.
fn file_len(payload_len: u64) -> u64 {
    payload_len.saturating_add(CHECKSUM_BYTES)
}

/// Writes a payload and its checksum. The device begins early and gets small pieces, so that a
/// commit never finds all of the payload in front of it.
fn write_file(mut file: File, segments: &[Bytes]) -> io::Result<()> {
    let (mut len, mut crc) = (0, 0);
    let target = file.try_clone()?;
    let mut write_back = WriteBack::new(&target);
    for segment in segments {
        for piece in segment.chunks(PIECE_BYTES) {
            file.write_all(piece)?;
            crc = crc32c::crc32c_append(crc, piece);
            len += piece.len() as u64;
            write_back.advance(len)?;
        }
        thread::yield_now();
    }
    file.write_all(&crc.to_le_bytes())?;
    write_back.settle(file_len(len))?;
    // It is read once, if at all, and what else is in the file cache is read more often. Whoever
    // refuses such advice does no harm.
    let _ = fadvise(&file, 0, None, Advice::DontNeed);
    Ok(())
}

#[cfg(test)]
mod tests;
