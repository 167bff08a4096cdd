//! How far the write-ahead log was on disk when its pages were last moved into the archive's file. If
//! it is not whole up to there any more, the file has pages that do not fit what is left of it, and
//! SQLite would not notice. What is behind that was not moved, and the journal's own log has it. It
//! never looks into a page.
//!
//! ```text
//! archive.moved    | salt of the write-ahead log: u64 | frames: u32 | crc32c: u32 |   (little-endian)
//! ```

use super::wal::{self, Found};
use crate::error::OpenError;
use crate::storage::{ArchiveFiles, Beside, Site};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The length of the file.
const BYTES: usize = 16;

/// The file, for the one that moves pages.
pub(super) struct Witness {
    place: Place,
    files: ArchiveFiles,
    archive: PathBuf,
}

/// Where it is.
enum Place {
    System(File),
    Named(PathBuf, Arc<dyn Beside>),
}

/// What it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    salt: u64,
    frames: u32,
}

impl Witness {
    /// Opens the file beside an archive that was checked, and makes it if it is not there.
    pub(super) fn open(site: &Site) -> io::Result<Self> {
        let path = path(&site.file);
        let place = match &site.files {
            ArchiveFiles::System => Place::System(open_file(&path, &site.file)?),
            ArchiveFiles::Named { beside, .. } => Place::Named(path, Arc::clone(beside)),
        };
        Ok(Self { place, files: site.files.clone(), archive: site.file.clone() })
    }

    /// Says that so many frames of the write-ahead log are on disk, and that their pages may be in
    /// the archive's file from now on. It is on disk when this returns.
    pub(super) fn note(&self, frames: u32) -> io::Result<()> {
        let Some(salt) = wal::salt(&self.files, &self.archive)? else { return Ok(()) };
        let bytes = Mark { salt, frames }.bytes();
        match &self.place {
            Place::System(file) => {
                file.write_all_at(&bytes, 0)?;
                file.sync_data()
            }
            Place::Named(path, beside) => {
                beside.write(path, &bytes)?;
                beside.settle(path)
            }
        }
    }
}

fn open_file(path: &Path, archive: &Path) -> io::Result<File> {
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
    let file = options.open(path)?;
    if !matches!(read(&ArchiveFiles::System, archive), Ok(Some(_))) {
        // A full disk is met here, and what is damaged though nobody needs it goes.
        file.write_all_at(&[0; BYTES], 0)?;
        file.sync_all()?;
    }
    Ok(file)
}

impl Mark {
    fn bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&self.salt.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.frames.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..12]);
        bytes[12..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn of(bytes: [u8; BYTES]) -> Option<Self> {
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| bytes[at + i]));
        let salt = u64::from(word(0)) | u64::from(word(4)) << 32;
        let mark = Self { salt, frames: word(8) };
        (mark.bytes() == bytes).then_some(mark)
    }
}

/// Refuses an archive whose write-ahead log lacks what may have been moved. If it lacks what was not,
/// a sentence that says so. Nobody may have the archive open.
pub(crate) fn check(archive: &Path) -> Result<Option<String>, OpenError> {
    check_of(&ArchiveFiles::System, archive)
}

/// The same of an archive that is elsewhere.
pub(super) fn check_of(files: &ArchiveFiles, archive: &Path) -> Result<Option<String>, OpenError> {
    let damaged = |file: PathBuf, detail: String| Err(OpenError::ArchiveDamaged { file, detail });
    let log = wal::of(archive);
    let action = || OpenError::io(format!("read {}", log.display()));
    let found = wal::read_of(files, archive).map_err(action())?;
    // Without a log there is nothing that the mark could be of, whatever became of it.
    let mark = if found == Found::Nothing { None } else { read(files, archive)? };
    match (found, mark) {
        (Found::Nothing, _) => Ok(None),
        (Found::Unreadable, _) => damaged(log, "its header is not as it was written".to_owned()),
        (Found::Log(found), Some(mark))
            if found.salt == mark.salt && found.frames < mark.frames =>
        {
            let (whole, moved) = (found.frames, mark.frames);
            damaged(log, format!("of {moved} frames that were on disk {whole} are whole"))
        }
        (Found::Log(found), _) if found.lost > 0 => Ok(Some(format!(
            "{} frames at the end of {} were not whole and were dropped; the log has what was in them",
            found.lost,
            log.display()
        ))),
        (Found::Log(_), _) => Ok(None),
    }
}

/// Whether what is left of the write-ahead log may be laid over the archive's file. If not, the file
/// alone is as it was when pages were last moved.
pub(super) fn fits(archive: &Path) -> bool {
    match (wal::read(archive), read(&ArchiveFiles::System, archive)) {
        (Ok(Found::Nothing), _) => true,
        (Ok(Found::Log(found)), Ok(Some(mark))) => {
            found.salt != mark.salt || found.frames >= mark.frames
        }
        (Ok(Found::Log(found)), _) => found.lost == 0,
        (Ok(Found::Unreadable) | Err(_), _) => false,
    }
}

/// What the file says; nothing if it is not there, or nothing was written to it.
fn read(files: &ArchiveFiles, archive: &Path) -> Result<Option<Mark>, OpenError> {
    let path = path(archive);
    let mut bytes = [0; BYTES];
    let read = files.open(&path).and_then(|mut file| file.read_exact(&mut bytes));
    match read {
        Ok(()) if bytes == [0; BYTES] => return Ok(None),
        Ok(()) => {}
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => {
            return Ok(None);
        }
        Err(error) => return Err(OpenError::io(format!("read {}", path.display()))(error)),
    }
    let detail = || "it does not match its checksum".to_owned();
    let mark = Mark::of(bytes);
    mark.map(Some).ok_or_else(|| OpenError::ArchiveDamaged { file: path, detail: detail() })
}

fn path(archive: &Path) -> PathBuf {
    archive.with_extension("moved")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_with_a_flipped_bit_is_none() {
        let mark = Mark { salt: 0x0123_4567_89ab_cdef, frames: 77 };
        assert_eq!(Mark::of(mark.bytes()), Some(mark));
        for bit in 0..BYTES * 8 {
            let mut bytes = mark.bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Mark::of(bytes), None, "bit {bit}");
        }
    }
}
