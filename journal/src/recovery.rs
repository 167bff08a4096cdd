//! Recovery: which records are in the log, and whether any that should be there is not. Damage
//! behind which nothing was ever acknowledged is a torn tail; it is cut off and told. Any other
//! damage is refused. Recovery never changes a file before it knows that.

mod behind;
pub(crate) mod flip;

use crate::cursor::{Cursor, Frame};
use crate::disk::{Disk, FileId};
use crate::frame::Key;
use crate::log::{Found, Segment};
use crate::options::SEGMENT_HEADER_BYTES;
use crate::scan;
use crate::segment;
use behind::{Behind, Tail, Torn};
use std::io;

/// Where the log lies, and what makes its frames its own.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The files.
    pub(crate) disk: &'a dyn Disk,
    /// The folder's key.
    pub(crate) key: Key,
}

/// Why the log cannot be used.
#[derive(Debug)]
pub(crate) enum RecoverError {
    /// A record is gone that was on disk.
    Damaged { file: Option<FileId>, offset: u64, detail: String },
    /// A later program wrote it.
    Newer { file: FileId, found: u32 },
    /// The disk refused.
    Io(io::Error),
    /// The visitor refused a record.
    Refused { file: FileId, offset: u64, detail: String },
}

impl From<io::Error> for RecoverError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What the log holds.
pub(crate) struct Recovery {
    /// Its files.
    pub(crate) found: Found,
    /// The last LSN in it; the archive's watermark if it is empty.
    pub(crate) last: u64,
    /// The sequence number and offset from which the applier goes on.
    pub(crate) unapplied: (u64, u64),
    /// What a person should know.
    pub(crate) notes: Vec<String>,
}

/// A frame in its place.
pub(crate) struct Visit<'a> {
    /// The file.
    pub(crate) file: FileId,
    /// The segment.
    pub(crate) sequence: u64,
    /// The frame.
    pub(crate) frame: &'a Frame,
}

/// One file as it was found.
#[derive(Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) file: FileId,
    pub(crate) len: u64,
    pub(crate) header: segment::Found,
}

/// The chain of frames, as far as it has been followed.
pub(crate) struct Chain {
    pub(crate) last: u64,
    /// The `synced` of the batch that the last frame belongs to.
    pub(crate) batch: Option<u64>,
    /// Where that batch begins, if it was followed through its segment.
    batch_at: u64,
}

impl Chain {
    /// A chain that goes on behind `last`.
    pub(crate) fn behind(last: u64) -> Self {
        Self { last, batch: None, batch_at: SEGMENT_HEADER_BYTES }
    }

    /// Whether a frame with that header goes on with it.
    pub(crate) fn admits(&self, header: crate::frame::Header) -> bool {
        let goes_on = header.lsn == self.last + 1 && self.batch == Some(header.synced);
        let starts = header.synced == self.last && header.lsn > self.last;
        goes_on || starts
    }
}

/// The log as it was found. Nothing of it was changed.
pub(crate) struct Reading {
    files: Vec<Candidate>,
    /// The segments that the chain of frames runs through.
    pub(crate) live: Vec<Segment>,
    /// The last LSN in it; the archive's watermark if it is empty.
    pub(crate) last: u64,
    unapplied: (u64, u64),
    torn: Torn,
    /// Where the last batch begins.
    batch_at: u64,
}

/// Reads the log from the archive's `watermark` on, gives every record behind it to `visit`, and
/// cuts off a torn tail.
pub(crate) fn recover(
    source: Source<'_>,
    segment_bytes: u64,
    watermark: u64,
    mut visit: impl FnMut(Visit<'_>) -> Result<(), String>,
) -> Result<Recovery, RecoverError> {
    let reading = read(source, watermark, |visited| {
        if visited.frame.header.lsn > watermark { visit(visited) } else { Ok(()) }
    })?;
    let Reading { files, mut live, last, unapplied, torn: Torn { tail, files: torn }, batch_at } =
        reading;
    let behind = Behind { source, last };
    behind.write_again(batch_at, &live)?;
    let mut notes = behind.cut(tail, segment_bytes, &mut live)?;
    notes.extend(torn.iter().map(|file| format!("a torn segment was dropped: {file}")));
    let found = behind.sort_files(&files, &torn, segment_bytes, live)?;
    Ok(Recovery { found, last, unapplied, notes })
}

/// Reads the log without changing it, from the segment on that holds the archive's `watermark`, and
/// gives every record to `visit`.
pub(crate) fn read(
    source: Source<'_>,
    watermark: u64,
    mut visit: impl FnMut(Visit<'_>) -> Result<(), String>,
) -> Result<Reading, RecoverError> {
    let files = examine(source.disk)?;
    let mut segments = in_order(&files)?;
    let start = segments.iter().rposition(|(_, header)| header.base <= watermark);
    if start.is_none() && (!segments.is_empty() || watermark > 0) {
        let (file, detail) = (segments.first().map(|(found, _)| found.file), NO_START.to_owned());
        return Err(RecoverError::Damaged { file, offset: 0, detail });
    }
    let segments = segments.split_off(start.unwrap_or(0));
    let base = segments.first().map_or(0, |(_, header)| header.base);
    let first = segments.first().map_or(1, |(_, header)| header.sequence);
    let mut unapplied = (first, SEGMENT_HEADER_BYTES);
    let mut chain = Chain::behind(base);
    let mut live = Vec::new();
    for (index, (candidate, header)) in segments.iter().enumerate() {
        if header.sequence != first + index as u64 || header.base != chain.last {
            break;
        }
        live.push(follow(source, *candidate, *header, &mut chain, |visited| {
            if visited.frame.header.lsn <= watermark {
                let end = visited.frame.record_at + visited.frame.record.len() as u64;
                unapplied = (visited.sequence, end);
            }
            visit(visited)
        })?);
    }
    if chain.last < watermark {
        let newest = live.last();
        return Err(RecoverError::Damaged {
            file: newest.map(|segment| segment.file),
            offset: newest.map_or(0, |segment| segment.end),
            detail: format!("the archive has records up to {watermark}, the log does not"),
        });
    }
    if let Some(newest) = live.last()
        && flip::stands_behind(source, newest, &chain)?
    {
        return Err(RecoverError::Damaged {
            file: Some(newest.file),
            offset: newest.end,
            detail: format!("a bit of the record after {} is flipped", chain.last),
        });
    }
    let behind = Behind { source, last: chain.last };
    let torn = behind.refuse_damage(&files, &live)?;
    Ok(Reading { files, live, last: chain.last, unapplied, torn, batch_at: chain.batch_at })
}

impl Reading {
    /// What the next start will drop, a sentence each.
    pub(crate) fn torn(&self, disk: &dyn Disk) -> io::Result<Vec<String>> {
        let mut notes = Vec::new();
        if let Some(newest) = self.live.last().filter(|_| self.torn.tail == Tail::Torn) {
            let Segment { file, end, capacity, .. } = *newest;
            let torn = scan::last_nonzero(disk, file, end..capacity)? - end;
            notes.push(format!("{file} has a torn tail of {torn} bytes at {end}"));
        }
        notes.extend(self.torn.files.iter().map(|file| format!("{file} is a torn segment")));
        Ok(notes)
    }
}

const NO_START: &str = "the log does not begin where the archive ends";

/// Reads the header of every file.
pub(crate) fn examine(disk: &dyn Disk) -> io::Result<Vec<Candidate>> {
    let mut files = disk.list()?;
    files.sort_unstable();
    let mut block = vec![0; segment::BLOCK];
    files
        .into_iter()
        .map(|(file, len)| {
            let filled = disk.read_at(file, &mut block, 0)?;
            Ok(Candidate { file, len, header: segment::read(&block[..filled]) })
        })
        .collect()
}

/// The highest number that a segment has, or may have had: one without a header comes after those
/// that have one.
pub(crate) fn highest_sequence(disk: &dyn Disk) -> io::Result<u64> {
    let files = examine(disk)?;
    let known = files.iter().filter_map(|candidate| match candidate.header {
        segment::Found::Header(header) => Some(header.sequence),
        segment::Found::Blank | segment::Found::Damaged | segment::Found::Newer(_) => None,
    });
    Ok(known.max().unwrap_or(0) + files.len() as u64)
}

/// The files that have a header, by sequence number.
fn in_order(files: &[Candidate]) -> Result<Vec<(Candidate, segment::Header)>, RecoverError> {
    let mut segments = Vec::new();
    for &candidate in files {
        match candidate.header {
            segment::Found::Header(header) => segments.push((candidate, header)),
            segment::Found::Newer(found) => {
                return Err(RecoverError::Newer { file: candidate.file, found });
            }
            segment::Found::Blank | segment::Found::Damaged => {}
        }
    }
    segments.sort_unstable_by_key(|(_, header)| header.sequence);
    Ok(segments)
}

/// Follows the chain through one segment.
fn follow(
    source: Source<'_>,
    candidate: Candidate,
    header: segment::Header,
    chain: &mut Chain,
    mut visit: impl FnMut(Visit<'_>) -> Result<(), String>,
) -> Result<Segment, RecoverError> {
    let Candidate { file, len, .. } = candidate;
    let sequence = header.sequence;
    let mut cursor = Cursor::new(source.disk, file, source.key.stamp(sequence), len);
    let mut end = cursor.offset();
    while let Some(frame) = cursor.next()?.filter(|frame| chain.admits(frame.header)) {
        visit(Visit { file, sequence, frame: &frame }).map_err(|detail| RecoverError::Refused {
            file,
            offset: end,
            detail,
        })?;
        if chain.batch != Some(frame.header.synced) {
            chain.batch_at = end;
        }
        (chain.last, chain.batch) = (frame.header.lsn, Some(frame.header.synced));
        end = cursor.offset();
    }
    Ok(Segment { file, sequence, end, last: chain.last, capacity: len })
}

#[cfg(test)]
mod tests;
