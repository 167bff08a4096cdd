//! SQLite's write-ahead log as it lies on disk: how far it is whole, which pages it holds, and
//! whether more was in it. It never changes what stands there; nobody may be writing.
//!
//! SQLite takes a log up to the last commit before the first frame that does not fit, and drops what
//! is behind it without a word.

use super::vfs::{FRAME_HEADER, LOG_HEADER, PAGE};
use crate::options::PIECE_BYTES;
use crate::storage::ArchiveFiles;
use foldhash::HashSet;
use std::fs::OpenOptions;
use std::io::{self, BufReader, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What lies in the place of the write-ahead log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing, or a file that nothing was written to.
    Nothing,
    /// Something whose header is not as SQLite wrote it: SQLite takes it for empty.
    Unreadable,
    /// A log.
    Log(WriteAheadLog),
}

/// A log with a sound header.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct WriteAheadLog {
    /// What tells it from the one before it in the same file.
    pub(crate) salt: u64,
    /// How many frames there are up to the last commit that is whole.
    pub(crate) frames: u32,
    /// The pages in these.
    pub(crate) pages: HashSet<u32>,
    /// How many frames there are from the first on that is not whole; one that was not committed is.
    pub(crate) lost: u32,
}

/// SQLite's name for the write-ahead log of a file.
pub(crate) fn of(archive: &Path) -> PathBuf {
    let mut name = archive.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Reads the write-ahead log of an archive.
pub(crate) fn read(archive: &Path) -> io::Result<Found> {
    read_of(&ArchiveFiles::System, archive)
}

/// The same of an archive that is elsewhere.
pub(crate) fn read_of(files: &ArchiveFiles, archive: &Path) -> io::Result<Found> {
    let file = match files.open(&of(archive)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        file => file?,
    };
    let mut file = BufReader::with_capacity(128 * 1024, file);
    let mut header = [0; LOG_HEADER];
    let is_long_enough = fill(&mut file, &mut header)?;
    if header == [0; LOG_HEADER] {
        return Ok(Found::Nothing);
    }
    if !is_long_enough {
        return Ok(Found::Unreadable);
    }
    let Some(mut sum) = Sum::begin(&header) else {
        return Ok(Found::Unreadable);
    };
    let mut log = WriteAheadLog { salt: long(&header, 16), ..WriteAheadLog::default() };
    let (mut open, mut is_whole) = (Vec::new(), true);
    let mut frame = vec![0; FRAME_HEADER + PAGE];
    while fill(&mut file, &mut frame)? {
        if long(&frame, 8) != log.salt && !is_whole {
            continue;
        }
        is_whole = is_whole && long(&frame, 8) == log.salt && sum.takes(&frame);
        if !is_whole {
            log.lost += u32::from(long(&frame, 8) == log.salt);
            continue;
        }
        open.push(word(&frame, 0));
        if word(&frame, 4) != 0 {
            log.frames += open.len() as u32;
            log.pages.extend(open.drain(..));
        }
    }
    Ok(Found::Log(log))
}

/// What tells the write-ahead log of an archive from the one before it; `None` if there is none. It
/// is not checked: whoever writes it asks.
pub(crate) fn salt(files: &ArchiveFiles, archive: &Path) -> io::Result<Option<u64>> {
    let mut header = [0; LOG_HEADER];
    match files.open(&of(archive)).and_then(|mut file| file.read_exact(&mut header)) {
        Ok(()) => Ok(Some(long(&header, 16))),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Writes what a former process has left once more, and syncs it. If a sync of it has failed there, the
/// operating system may show it and never write it; what builds on it now would be gone with it when
/// the power goes off. SQLite must not have opened it.
pub(super) fn write_again(files: &ArchiveFiles, archive: &Path) -> io::Result<()> {
    let path = of(archive);
    let written = match files {
        ArchiveFiles::System => write_file_again(&path),
        ArchiveFiles::Named { beside, .. } => beside
            .read(&path)
            .and_then(|bytes| beside.write(&path, &bytes))
            .and_then(|()| beside.settle(&path)),
    };
    match written {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn write_file_again(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = 0;
    loop {
        match file.read_at(&mut piece, at)? {
            0 => return file.sync_data(),
            read => {
                file.write_all_at(&piece[..read], at)?;
                at += read as u64;
            }
        }
    }
}

/// Whether there was enough to fill all of `buffer`.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The sum that runs through all frames of a log.
struct Sum {
    halves: (u32, u32),
    word: fn([u8; 4]) -> u32,
}

impl Sum {
    /// The sum behind the header of a log; `None` if that is not one of ours.
    fn begin(header: &[u8; LOG_HEADER]) -> Option<Self> {
        let word = match word(header, 0) {
            0x377f_0682 => u32::from_le_bytes,
            0x377f_0683 => u32::from_be_bytes,
            _ => return None,
        };
        let mut sum = Self { halves: (0, 0), word };
        sum.add(&header[..24]);
        let is_ours = word_is(header, 8, PAGE as u32) && sum.is_at(header, 24);
        is_ours.then_some(sum)
    }

    /// Goes on over a frame. Whether that is what the frame says.
    fn takes(&mut self, frame: &[u8]) -> bool {
        self.add(&frame[..8]);
        self.add(&frame[FRAME_HEADER..]);
        self.is_at(frame, 16)
    }

    fn add(&mut self, bytes: &[u8]) {
        let (mut first, mut second) = self.halves;
        for pair in bytes.chunks_exact(8) {
            let half = |at: usize| (self.word)([0, 1, 2, 3].map(|i| pair[at + i]));
            first = first.wrapping_add(half(0)).wrapping_add(second);
            second = second.wrapping_add(half(4)).wrapping_add(first);
        }
        self.halves = (first, second);
    }

    fn is_at(&self, bytes: &[u8], at: usize) -> bool {
        (word(bytes, at), word(bytes, at + 4)) == self.halves
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([0, 1, 2, 3].map(|i| bytes[at + i]))
}

fn word_is(bytes: &[u8], at: usize, expected: u32) -> bool {
    word(bytes, at) == expected
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(word(bytes, at)) << 32 | u64::from(word(bytes, at + 4))
}
