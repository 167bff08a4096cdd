//! Reads the frames of one segment in order. It checks each frame by itself; whether one continues
//! the chain is for its caller to say. It never reads behind the end that it is given.

use crate::disk::{Disk, FileId};
use crate::frame::{self, HEADER, Probe, Stamp};
use crate::options::{PIECE_BYTES, SEGMENT_HEADER_BYTES};
use bytes::Bytes;
use std::io;

/// A sound frame.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Its header.
    pub(crate) header: frame::Header,
    /// The offset of its record in the file.
    pub(crate) record_at: u64,
    /// The checksum of the record alone.
    pub(crate) record_crc: u32,
    /// The record. It shares the memory of up to a MiB around it.
    pub(crate) record: Bytes,
}

impl Frame {
    /// How many bytes of the log it takes.
    pub(crate) fn bytes(&self) -> usize {
        HEADER + self.record.len()
    }
}

/// A place between two frames of a segment.
pub(crate) struct Cursor<'a> {
    disk: &'a dyn Disk,
    file: FileId,
    stamp: Stamp,
    at: u64,
    end: u64,
    ahead: Bytes,
}

impl<'a> Cursor<'a> {
    /// A cursor behind the header of a segment that ends at `end`.
    pub(crate) fn new(disk: &'a dyn Disk, file: FileId, stamp: Stamp, end: u64) -> Self {
        Self::resume(disk, file, stamp, SEGMENT_HEADER_BYTES..end)
    }

    /// A cursor at the start of `range`, which is between two frames.
    pub(crate) fn resume(
        disk: &'a dyn Disk,
        file: FileId,
        stamp: Stamp,
        range: std::ops::Range<u64>,
    ) -> Self {
        Self { disk, file, stamp, at: range.start, end: range.end, ahead: Bytes::new() }
    }

    /// The offset of the next frame.
    pub(crate) fn offset(&self) -> u64 {
        self.at
    }

    /// The next frame; `None` if what follows is none, or ends too early.
    pub(crate) fn next(&mut self) -> io::Result<Option<Frame>> {
        let mut wanted = HEADER;
        loop {
            match frame::probe(&self.ahead, self.stamp) {
                Probe::Frame(header, record_crc) => return Ok(Some(self.take(header, record_crc))),
                Probe::Nothing => return Ok(None),
                Probe::Longer(len) if !self.can_reach(len) => return Ok(None),
                Probe::Longer(len) => wanted = wanted.max(len),
            }
            if !self.read_ahead(wanted)? {
                return Ok(None);
            }
        }
    }

    fn can_reach(&self, len: usize) -> bool {
        self.at + len as u64 <= self.end
    }

    /// Reads `wanted` bytes or more. Whether there were so many.
    fn read_ahead(&mut self, wanted: usize) -> io::Result<bool> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let mut buffer = vec![0; wanted.max(PIECE_BYTES).min(left)];
        let filled = self.disk.read_at(self.file, &mut buffer, self.at)?;
        buffer.truncate(filled);
        self.ahead = buffer.into();
        Ok(filled >= wanted)
    }

    fn take(&mut self, header: frame::Header, record_crc: u32) -> Frame {
        let len = HEADER + header.len as usize;
        let record = self.ahead.split_to(len).slice(HEADER..);
        let record_at = self.at + HEADER as u64;
        self.at += len as u64;
        Frame { header, record_at, record_crc, record }
    }
}
