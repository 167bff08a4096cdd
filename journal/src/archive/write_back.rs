//! Write-back of the archive's files in small pieces. A sync of tens of megabytes at once fills
//! the device's queue, and every commit of the log waits behind it; so the pages are handed to the
//! device a piece at a time, each when the one before has arrived, and the sync at the end finds
//! nothing left to do. It decides nothing and reads nothing.

use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::path::Path;

/// How much is in the device's queue at a time: a millisecond or so of a commit's time.
const PIECE_BYTES: u64 = 256 * 1024;

/// A file of the archive, opened beside SQLite.
pub(super) struct WriteBack {
    /// Never closed: to close any descriptor of a file drops all of the process's locks on it,
    /// SQLite's too (fcntl(2), "Record locking").
    file: ManuallyDrop<File>,
}

impl WriteBack {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: ManuallyDrop::new(File::open(path)?) })
    }

    /// Has everything that was written so far on disk.
    pub(super) fn settle(&self) -> io::Result<()> {
        let len = self.file.metadata()?.len();
        let mut under_way = 0..0;
        let mut at = 0;
        while at < len {
            let piece = at..len.min(at + PIECE_BYTES);
            self.range(&piece, libc::SYNC_FILE_RANGE_WRITE)?;
            self.range(&under_way, WAIT)?;
            at = piece.end;
            under_way = piece;
        }
        self.file.sync_data()
    }

    #[expect(unsafe_code, reason = "no safe crate offers sync_file_range(2)")]
    fn range(&self, range: &Range<u64>, flags: libc::c_uint) -> io::Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        let (start, len) = (range.start.cast_signed(), (range.end - range.start).cast_signed());
        // SAFETY: the descriptor is open, and no memory is handed over.
        let result = unsafe { libc::sync_file_range(self.file.as_raw_fd(), start, len, flags) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

const WAIT: libc::c_uint = libc::SYNC_FILE_RANGE_WAIT_BEFORE
    | libc::SYNC_FILE_RANGE_WRITE
    | libc::SYNC_FILE_RANGE_WAIT_AFTER;
