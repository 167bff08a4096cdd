//! What lies behind the end of the log: signs that more was on disk, which is damage, or what a
//! crash left of a batch that nobody was told of, which goes.

use super::{Candidate, RecoverError, Source};
use crate::disk::FileId;
use crate::frame::HEADER;
use crate::log::{Found, Segment};
use crate::options::{PIECE_BYTES, SEGMENT_HEADER_BYTES};
use crate::prepare;
use crate::scan;
use crate::segment;
use std::io;

/// What lies behind the chain.
pub(super) struct Behind<'a> {
    pub(super) source: Source<'a>,
    pub(super) last: u64,
}

/// What a crash left behind the chain.
pub(super) struct Torn {
    /// The end of the newest segment.
    pub(super) tail: Tail,
    /// Files of a next segment whose header did not reach the disk though some of its frames did.
    pub(super) files: Vec<FileId>,
}

/// Whether the newest segment ends as it was left.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    Clean,
    Torn,
}

impl Behind<'_> {
    /// Looks everywhere behind the chain for a sign that more than the chain was on disk.
    pub(super) fn refuse_damage(
        &self,
        files: &[Candidate],
        live: &[Segment],
    ) -> Result<Torn, RecoverError> {
        let newest = live.last().copied();
        let sequence = newest.map_or(0, |segment| segment.sequence);
        let Source { disk, key } = self.source;
        let mut torn = Torn { tail: Tail::Clean, files: Vec::new() };
        for candidate in files {
            let is_newest = newest.is_some_and(|segment| segment.file == candidate.file);
            let (sequence, base) = match candidate.header {
                segment::Found::Header(header) if header.sequence < sequence => continue,
                segment::Found::Header(header) => (header.sequence, header.base),
                // Its header is gone. If it was the next one, its frames say so.
                _ => (sequence + 1, 0),
            };
            let from = newest.filter(|_| is_newest).map_or(SEGMENT_HEADER_BYTES, |s| s.end);
            let area = from..candidate.len;
            let stamp = key.stamp(sequence);
            let found = scan::search(disk, candidate.file, stamp, area, self.last)?;
            if found.synced.max(base) > self.last {
                return Err(self.damaged(newest, candidate.file));
            }
            let is_torn = found.frames > 0 || !scan::ends_clean(disk, candidate.file, from)?;
            match (is_newest, is_torn) {
                (true, true) => torn.tail = Tail::Torn,
                (false, true) => torn.files.push(candidate.file),
                (_, false) => {}
            }
        }
        Ok(torn)
    }

    fn damaged(&self, newest: Option<Segment>, witness: FileId) -> RecoverError {
        let last = self.last;
        RecoverError::Damaged {
            file: newest.map(|segment| segment.file).or(Some(witness)),
            offset: newest.map_or(0, |segment| segment.end),
            detail: format!(
                "the record after {last} is not there, but {witness} says that it was on disk"
            ),
        }
    }

    /// Writes the last batch once more, to be synced with what is cut. If its sync has failed in a
    /// former process, the operating system may show it and never write it: then a sync alone says
    /// that it is on disk, and it is not. All before it was synced when it was written.
    pub(super) fn write_again(&self, batch_at: u64, live: &[Segment]) -> io::Result<()> {
        let Some(&Segment { file, end, .. }) = live.last() else { return Ok(()) };
        // The first batch of a segment was written together with the header.
        let mut at = if batch_at == SEGMENT_HEADER_BYTES { 0 } else { batch_at };
        let disk = self.source.disk;
        while at < end {
            let len = (end - at).min(PIECE_BYTES as u64);
            let mut piece = vec![0; usize::try_from(len).unwrap_or(PIECE_BYTES)];
            let filled = disk.read_at(file, &mut piece, at)?;
            disk.write_at(file, &piece[..filled], at)?;
            at += len;
        }
        Ok(())
    }

    /// Zeroes what a crash left behind the newest segment's last record, gives the file its full
    /// length, and syncs it: what was recovered must not be lost by the next crash.
    pub(super) fn cut(
        &self,
        tail: Tail,
        segment_bytes: u64,
        live: &mut [Segment],
    ) -> io::Result<Vec<String>> {
        let mut notes = Vec::new();
        let Some(newest) = live.last_mut() else {
            return Ok(notes);
        };
        let Segment { file, end, capacity, .. } = *newest;
        if tail == Tail::Torn {
            let torn_end = scan::last_nonzero(self.source.disk, file, end..capacity)?;
            let torn = torn_end - end;
            notes.push(format!("a torn tail of {torn} bytes was dropped from {file} at {end}"));
            prepare::fill(self.source.disk, file, end, torn_end)?;
        }
        if capacity < segment_bytes {
            // Zeros could make whole the head of a frame that the end of the file cuts short.
            let from = capacity.saturating_sub(HEADER as u64).max(end).min(capacity);
            prepare::fill(self.source.disk, file, from, segment_bytes)?;
            newest.capacity = segment_bytes;
        }
        self.source.disk.sync(file)?;
        Ok(notes)
    }

    /// Parts the files into those that live and those that are free. Those of another length go,
    /// and so do torn ones: when the file is used again as the same segment, what is left in it
    /// could pass for records that follow new ones.
    pub(super) fn sort_files(
        &self,
        files: &[Candidate],
        torn: &[FileId],
        segment_bytes: u64,
        live: Vec<Segment>,
    ) -> io::Result<Found> {
        let mut free = Vec::new();
        for candidate in files {
            if live.iter().any(|segment| segment.file == candidate.file) {
                continue;
            }
            if candidate.len == segment_bytes && !torn.contains(&candidate.file) {
                free.push(candidate.file);
            } else {
                self.source.disk.remove(candidate.file)?;
            }
        }
        let next_file = files.last().map_or(1, |candidate| candidate.file.0 + 1);
        Ok(Found { live, free, next_file })
    }
}
