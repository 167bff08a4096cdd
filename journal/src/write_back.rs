//! Write-back of files in small pieces. A sync of tens of megabytes at once fills the device's
//! queue, and every commit of the log waits behind it; so what was written is handed to the device
//! a piece at a time, each when the one before has arrived, and the sync at the end finds nothing
//! left to do. It decides nothing and reads nothing.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;

/// How much is in the device's queue at a time: a millisecond or so of a commit's time.
const PIECE_BYTES: u64 = 256 * 1024;

/// The most pieces that a file is looked through in. In a file so large that this makes the pieces
/// longer, what was written lies the farther apart, so a piece holds no more of it.
const PIECES_MAX: u64 = 65_536;

/// One file on its way to the disk, from its first byte to its last.
pub(crate) struct WriteBack<'a> {
    file: &'a File,
    /// Up to where it was handed to the device.
    at: u64,
    under_way: Range<u64>,
}

impl<'a> WriteBack<'a> {
    /// Nothing of the file is handed over yet.
    pub(crate) fn new(file: &'a File) -> Self {
        Self { file, at: 0, under_way: 0..0 }
    }

    /// Hands over what lies before `end`, as far as it fills pieces, and waits until all but the
    /// last piece has arrived.
    pub(crate) fn advance(&mut self, end: u64) -> io::Result<()> {
        self.pieces(end, PIECE_BYTES)
    }

    /// Has everything that was written to a file of that length on disk.
    pub(crate) fn settle(mut self, len: u64) -> io::Result<()> {
        let piece = piece_bytes(len);
        self.pieces(len, piece)?;
        let rest = self.at..len;
        range(self.file, &rest, libc::SYNC_FILE_RANGE_WRITE)?;
        self.file.sync_data()
    }

    fn pieces(&mut self, end: u64, len: u64) -> io::Result<()> {
        while self.at + len <= end {
            let piece = self.at..self.at + len;
            range(self.file, &piece, libc::SYNC_FILE_RANGE_WRITE)?;
            range(self.file, &self.under_way, WAIT)?;
            self.at = piece.end;
            self.under_way = piece;
        }
        Ok(())
    }
}

/// How long the pieces of a file are.
fn piece_bytes(file_len: u64) -> u64 {
    file_len.div_ceil(PIECES_MAX).max(PIECE_BYTES)
}

#[expect(unsafe_code, reason = "no safe crate offers sync_file_range(2)")]
fn range(file: &File, range: &Range<u64>, flags: libc::c_uint) -> io::Result<()> {
    if range.is_empty() {
        return Ok(());
    }
    let (start, len) = (range.start.cast_signed(), (range.end - range.start).cast_signed());
    // SAFETY: the descriptor is open, and no memory is handed over.
    let result = unsafe { libc::sync_file_range(file.as_raw_fd(), start, len, flags) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

const WAIT: libc::c_uint = libc::SYNC_FILE_RANGE_WAIT_BEFORE
    | libc::SYNC_FILE_RANGE_WRITE
    | libc::SYNC_FILE_RANGE_WAIT_AFTER;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_short_and_not_too_many() {
        const GIB: u64 = 1 << 30;
        for len in [0, 1, PIECE_BYTES, GIB, 10 * GIB, 16 * GIB, 16 * GIB + 1, 1000 * GIB] {
            let piece = piece_bytes(len);
            assert!(piece >= PIECE_BYTES && len / piece <= PIECES_MAX, "{len}: {piece}");
        }
        assert_eq!(piece_bytes(16 * GIB), PIECE_BYTES);
        assert!(piece_bytes(1000 * GIB) < 64 * PIECE_BYTES);
    }
}
