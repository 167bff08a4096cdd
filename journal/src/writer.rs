//! Writes batches of frames to the log: one write and one sync each. It is the only writer of
//! records, and it never decides what is in a batch.

use crate::disk::{FileId, is_full};
use crate::frame::{self, HEADER, Probe, Stamp};
use crate::log::{Log, NoRoom, Segment};
use crate::options::{LSN_JUMP, SEGMENT_HEADER_BYTES};
use crate::segment;
use std::io;
use std::sync::Arc;

/// Why a batch is not on disk.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The disk is full. Nothing of the batch can come back after a crash; try again later.
    DiskFull,
    /// Nobody knows what is on disk: nothing may be acknowledged any more.
    Failed(String),
}

/// The end of the log.
pub(crate) struct Writer {
    log: Arc<Log>,
    /// The segment being written. Its header is not on disk while `end` is 0.
    active: Option<Segment>,
    last: u64,
    /// The highest LSN that was ever written, in the log or not.
    used: u64,
    sequence: u64,
}

/// The frames of a batch, with room for a segment header in front and a terminator behind.
pub(crate) struct Batch {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

/// Where a batch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    /// The file.
    pub(crate) file: FileId,
    /// The segment.
    pub(crate) sequence: u64,
    /// The offset of its first frame.
    pub(crate) offset: u64,
}

const FRONT: usize = segment::BLOCK;

impl Batch {
    /// An empty batch.
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; FRONT], starts: Vec::new() }
    }

    /// Forgets what is in it, and memory beyond `keep` bytes.
    pub(crate) fn clear(&mut self, keep: usize) {
        self.bytes.truncate(FRONT);
        self.bytes.shrink_to(FRONT + keep);
        self.starts.clear();
    }

    /// Adds one frame, whose record `encode` appends. If that fails the batch is as before.
    pub(crate) fn push<T, E>(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<T, E>,
    ) -> Result<T, E> {
        let start = self.bytes.len();
        frame::begin(&mut self.bytes);
        let encoded = encode(&mut self.bytes);
        match encoded {
            Ok(_) => self.starts.push(start),
            Err(_) => self.bytes.truncate(start),
        }
        encoded
    }

    /// Takes the last frame off again.
    pub(crate) fn pop(&mut self) {
        if let Some(start) = self.starts.pop() {
            self.bytes.truncate(start);
        }
    }

    /// The number of frames.
    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The bytes of its frames.
    pub(crate) fn frame_bytes(&self) -> u64 {
        (self.bytes.len() - FRONT) as u64
    }

    /// Each record with its offset from the first frame.
    pub(crate) fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let ends = self.starts.iter().skip(1).copied().chain([self.bytes.len()]);
        self.starts.iter().zip(ends).map(|(&start, end)| {
            let record = start + HEADER;
            ((record - FRONT) as u64, &self.bytes[record..end])
        })
    }

    fn seal(&mut self, first_lsn: u64, synced: u64, stamp: Stamp) -> Vec<u32> {
        let ends: Vec<_> = self.starts.iter().skip(1).copied().chain([self.bytes.len()]).collect();
        let frames = self.starts.iter().zip(ends).zip(first_lsn..);
        let mut crcs = Vec::with_capacity(self.starts.len());
        for ((&start, end), lsn) in frames {
            crcs.push(frame::seal(&mut self.bytes[start..end], lsn, synced, stamp));
        }
        crcs
    }
}

impl Writer {
    /// A writer behind `last`, in the newest live segment if there is one. The first LSN jumps:
    /// the bytes behind the end may hold what a crash took back.
    pub(crate) fn new(log: Arc<Log>, newest: Option<Segment>, last: u64) -> Self {
        let sequence = newest.map_or(0, |segment| segment.sequence);
        Self { log, active: newest, last, used: last + LSN_JUMP, sequence }
    }

    /// The LSN that the first record of the next batch gets.
    pub(crate) fn next_lsn(&self) -> u64 {
        self.used + 1
    }

    /// Finds the place for a batch, in a new segment if need be, and seals its frames for it.
    /// Beside the place: the checksum of each record.
    pub(crate) fn place(&mut self, batch: &mut Batch) -> Result<(Placement, Vec<u32>), WriteError> {
        let fits = |segment: &Segment| {
            let offset = segment.end.max(SEGMENT_HEADER_BYTES);
            offset + batch.frame_bytes() <= segment.capacity
        };
        let active = match self.active.filter(fits) {
            Some(active) => active,
            None => self.rotate()?,
        };
        let stamp = self.log.key.stamp(active.sequence);
        let crcs = batch.seal(self.next_lsn(), self.last, stamp);
        let offset = active.end.max(SEGMENT_HEADER_BYTES);
        Ok((Placement { file: active.file, sequence: active.sequence, offset }, crcs))
    }

    fn rotate(&mut self) -> Result<Segment, WriteError> {
        let file = self.log.take_free().map_err(|no_room| match no_room {
            NoRoom::DiskFull => WriteError::DiskFull,
            NoRoom::Poisoned => WriteError::Failed("the journal has failed".to_owned()),
        })?;
        self.sequence += 1;
        let capacity = self.log.segment_bytes;
        let active = Segment { file, sequence: self.sequence, end: 0, last: self.last, capacity };
        self.active = Some(active);
        Ok(active)
    }

    /// Writes a batch that has its place, and syncs it. The segment as it is now on disk.
    pub(crate) fn commit(
        &mut self,
        batch: &mut Batch,
        at: Placement,
    ) -> Result<Segment, WriteError> {
        let mut active = self.active.expect("a batch is placed before it is committed");
        let end = at.offset + batch.frame_bytes();
        self.terminate(batch, end, active.capacity);
        let (offset, bytes) = if active.end == 0 {
            let header = segment::Header { sequence: active.sequence, base: self.last };
            segment::write(header, &mut batch.bytes[..FRONT]);
            (0, &batch.bytes[..])
        } else {
            (at.offset, &batch.bytes[FRONT..])
        };
        if let Err(error) = self.log.disk.write_at(at.file, bytes, offset) {
            return Err(self.roll_back(at, batch, error));
        }
        let failed = |error| WriteError::Failed(format!("the log could not be synced: {error}"));
        self.log.disk.sync(at.file).map_err(failed)?;
        self.last = self.next_lsn() + batch.len() as u64 - 1;
        self.used = self.last;
        (active.end, active.last) = (end, self.last);
        self.active = Some(active);
        Ok(active)
    }

    /// Appends an empty header, so that the end of the log is known from what lies behind it.
    fn terminate(&self, batch: &mut Batch, end: u64, capacity: u64) {
        let room = usize::try_from(capacity - end).unwrap_or(usize::MAX).min(HEADER);
        batch.bytes.extend_from_slice(&[0; HEADER][..room]);
    }

    /// After a failed write: if the disk was only full, sees to it that what was written of the
    /// batch is never taken for a part of the log.
    fn roll_back(&mut self, at: Placement, batch: &Batch, error: io::Error) -> WriteError {
        if !is_full(&error) {
            return WriteError::Failed(format!("the log could not be written: {error}"));
        }
        self.used += LSN_JUMP;
        match self.erase_first(at, batch) {
            Ok(()) => WriteError::DiskFull,
            Err(error) => WriteError::Failed(format!("the log could not be restored: {error}")),
        }
    }

    /// Later batches cannot follow a refused one, for the LSN jumps; but the first frame of the
    /// refused one could follow the log. If it is whole, it is taken away.
    fn erase_first(&self, at: Placement, batch: &Batch) -> io::Result<()> {
        let (_, record) = batch.records().next().expect("a batch has a record");
        let mut frame = vec![0; HEADER + record.len()];
        let filled = self.log.disk.read_at(at.file, &mut frame, at.offset)?;
        if let Probe::Frame(..) = frame::probe(&frame[..filled], self.log.key.stamp(at.sequence)) {
            self.log.disk.write_at(at.file, &[0; HEADER], at.offset)?;
            self.log.disk.sync(at.file)?;
        }
        Ok(())
    }
}
