//! Looks for frames where none should be: behind the end of the log, at every byte. It only reads,
//! and everything once. A sound header is enough: only this log's writer knows the key that makes
//! one, so what it says was true when it was written, whatever became of the record behind it.

use crate::disk::{Disk, FileId};
use crate::frame::{self, HEADER, Stamp};
use crate::options::PIECE_BYTES;
use std::io;
use std::ops::Range;

/// What lies in an area where no frame should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// How many sound headers there are that are later than the end of the log.
    pub(crate) frames: u64,
    /// The highest LSN that one of them says was on disk.
    pub(crate) synced: u64,
}

/// Looks in `area` for headers of the segment with that stamp that are later than `last`.
pub(crate) fn search(
    disk: &dyn Disk,
    file: FileId,
    stamp: Stamp,
    area: Range<u64>,
    last: u64,
) -> io::Result<Findings> {
    let mut findings = Findings::default();
    let mut buffer = vec![0; PIECE_BYTES];
    let mut at = area.start;
    while at + (HEADER as u64) < area.end {
        let filled = disk.read_at(file, &mut buffer, at)?;
        if filled <= HEADER {
            break;
        }
        let mut start = 0;
        while start < filled - HEADER {
            let claim = frame::claim(&buffer[start..filled], stamp);
            if let Some(header) = claim.filter(|header| header.lsn > last) {
                findings.frames += 1;
                findings.synced = findings.synced.max(header.synced);
            }
            start += stride(&buffer[start..filled]);
        }
        at += (filled - HEADER) as u64;
    }
    Ok(findings)
}

/// How far it is to the next place where a header may begin: most of what is looked at is zero, and
/// none begins with four zeros.
fn stride(bytes: &[u8]) -> usize {
    const ZEROS: [u8; 256] = [0; 256];
    if bytes.starts_with(&ZEROS) { ZEROS.len() - 3 } else { 1 }
}

/// The first header in `area` of the segment with that stamp that is later than `last`, and its
/// offset.
pub(crate) fn next_claim(
    disk: &dyn Disk,
    file: FileId,
    stamp: Stamp,
    area: Range<u64>,
    last: u64,
) -> io::Result<Option<(u64, frame::Header)>> {
    let mut buffer = vec![0; PIECE_BYTES];
    let mut at = area.start;
    while at + (HEADER as u64) <= area.end {
        let filled = disk.read_at(file, &mut buffer, at)?;
        if filled < HEADER {
            break;
        }
        let mut start = 0;
        while start <= filled - HEADER {
            let claim = frame::claim(&buffer[start..filled], stamp);
            if let Some(header) = claim.filter(|header| header.lsn > last) {
                return Ok(Some((at + start as u64, header)));
            }
            start += stride(&buffer[start..filled]);
        }
        at += (filled - HEADER) as u64 + 1;
    }
    Ok(None)
}

/// Whether the log ends at `at` in the way in which it is left: with an empty header.
pub(crate) fn ends_clean(disk: &dyn Disk, file: FileId, at: u64) -> io::Result<bool> {
    let mut head = [0; HEADER];
    disk.read_at(file, &mut head, at)?;
    Ok(head == [0; HEADER])
}

/// The end of the last byte in `area` that is not zero.
pub(crate) fn last_nonzero(disk: &dyn Disk, file: FileId, area: Range<u64>) -> io::Result<u64> {
    let mut buffer = vec![0; PIECE_BYTES];
    let (mut at, mut end) = (area.start, area.start);
    while at < area.end {
        let filled = disk.read_at(file, &mut buffer, at)?;
        if filled == 0 {
            break;
        }
        if let Some(index) = buffer[..filled].iter().rposition(|&byte| byte != 0) {
            end = at + index as u64 + 1;
        }
        at += filled as u64;
    }
    Ok(end.min(area.end))
}
