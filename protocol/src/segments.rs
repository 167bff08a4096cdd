//! The segments of a body under way: at most 64 KiB each, allocated once and never grown, so that
//! a large body is neither copied again nor held twice. It never looks at what it holds.

use crate::payload::Payload;
use bytes::Bytes;
use std::sync::mpsc::SyncSender;

mod pool;

pub use pool::{SegmentPool, SegmentSizes};

/// The longest segment.
const SEGMENT_MAX_BYTES: usize = 64 * 1024;

/// The first segment of a body whose length is not known; each further one is twice as long.
const SEGMENT_MIN_BYTES: usize = 4 * 1024;

/// A segment of a pool is left for the next one when no more room than this part of it is left,
/// because a read of a few bytes costs as much as one of many.
const ROOM_MIN_PART: usize = 16;

/// A body as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    full: Vec<Bytes>,
    full_bytes: u64,
    open: Open,
    /// Bytes that were copied here, or moved within a segment.
    copied: u64,
}

/// The segment that is being filled.
#[derive(Debug, Default)]
struct Open {
    /// Its capacity is the segment's; bytes behind its length were never set.
    buffer: Vec<u8>,
    filled: usize,
    /// Where the buffer came from, if that was a pool.
    home: Option<SyncSender<Vec<u8>>>,
}

/// How many bytes of the body still come, counted from those being taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// So many and no more.
    Exactly(u64),
    /// So many, and perhaps others.
    AtLeast(u64),
}

impl Segments {
    /// How many bytes have come.
    pub(crate) fn len(&self) -> u64 {
        self.full_bytes + self.open.filled as u64
    }

    /// How many bytes were copied or moved to come here.
    pub(crate) fn copied(&self) -> u64 {
        self.copied
    }

    /// Takes `bytes`, which are the first of those expected.
    pub(crate) fn extend(&mut self, mut bytes: &[u8], mut expected: Expected) {
        self.copied += bytes.len() as u64;
        while !bytes.is_empty() {
            if self.open.room() == 0 {
                self.open_next(expected);
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.open.room()));
            self.open.extend(now);
            expected = expected.without(now.len());
            bytes = later;
        }
    }

    /// Room to read into: at least one byte of it, and none that is not expected.
    pub(crate) fn spare(&mut self, expected: Expected, pool: &SegmentPool) -> &mut [u8] {
        let segment_bytes = pool.sizes().segment_bytes;
        let (wanted, room_min) = match expected {
            Expected::Exactly(count) => (in_memory(count), 1),
            Expected::AtLeast(_) => (usize::MAX, (segment_bytes / ROOM_MIN_PART).max(1)),
        };
        if self.open.room() < room_min {
            self.close_open();
            self.open = if wanted < segment_bytes {
                Open::of(vec![0; wanted], None)
            } else {
                Open::of(pool.take(), Some(pool.home()))
            };
        }
        let room = self.open.spare();
        let count = room.len().min(wanted);
        &mut room[..count]
    }

    /// What was read into the room, to be made sense of.
    pub(crate) fn read(&mut self, count: usize) -> &mut [u8] {
        &mut self.open.spare()[..count]
    }

    /// Takes the first `count` bytes of the room as the body's next, `moved` of which were moved to
    /// get there.
    pub(crate) fn take(&mut self, count: usize, moved: u64) {
        self.open.filled += count;
        self.copied += moved;
    }

    fn open_next(&mut self, expected: Expected) {
        let wanted = match expected {
            Expected::Exactly(count) => in_memory(count),
            Expected::AtLeast(count) => {
                in_memory(count).max(SEGMENT_MIN_BYTES).max(self.open.buffer.capacity() * 2)
            }
        };
        self.close_open();
        self.open = Open::of(Vec::with_capacity(wanted.min(SEGMENT_MAX_BYTES)), None);
    }

    fn close_open(&mut self) {
        let open = std::mem::take(&mut self.open);
        if open.filled > 0 {
            if self.full.is_empty() {
                // Most bodies are one segment.
                self.full.reserve_exact(1);
            }
            self.full_bytes += open.filled as u64;
            self.full.push(open.close());
        }
    }

    /// Seals what has come. Room that was not used is given back.
    pub(crate) fn seal(self) -> Payload {
        Payload::seal(self.into_pieces())
    }

    /// What has come, in order. Room that was not used is given back.
    pub(crate) fn into_pieces(mut self) -> Vec<Bytes> {
        self.close_open();
        self.full
    }
}

impl Open {
    fn of(buffer: Vec<u8>, home: Option<SyncSender<Vec<u8>>>) -> Self {
        Self { buffer, filled: 0, home }
    }

    fn room(&self) -> usize {
        self.buffer.capacity() - self.filled
    }

    /// Copies `bytes`, for which there is room.
    fn extend(&mut self, bytes: &[u8]) {
        let (over, beyond) = bytes.split_at(bytes.len().min(self.buffer.len() - self.filled));
        self.buffer[self.filled..][..over.len()].copy_from_slice(over);
        self.buffer.extend_from_slice(beyond);
        self.filled += bytes.len();
    }

    /// All of the room, set to something.
    fn spare(&mut self) -> &mut [u8] {
        self.buffer.resize(self.buffer.capacity(), 0);
        &mut self.buffer[self.filled..]
    }

    fn close(mut self) -> Bytes {
        match self.home {
            Some(home) => pool::lend(self.buffer, self.filled, home),
            None => {
                self.buffer.truncate(self.filled);
                self.buffer.shrink_to_fit();
                self.buffer.into()
            }
        }
    }
}

impl Expected {
    fn without(self, taken: usize) -> Self {
        match self {
            Self::Exactly(count) => Self::Exactly(count.saturating_sub(taken as u64)),
            Self::AtLeast(count) => Self::AtLeast(count.saturating_sub(taken as u64)),
        }
    }
}

fn in_memory(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(segments: Segments) -> Vec<usize> {
        segments.into_pieces().iter().map(Bytes::len).collect()
    }

    #[test]
    fn a_known_body_is_cut_at_64_kib_and_allocated_exactly() {
        let (mut segments, body) = (Segments::default(), vec![7; 150_000]);
        for (at, piece) in body.chunks(999).enumerate() {
            segments.extend(piece, Expected::Exactly((body.len() - at * 999) as u64));
            assert!(segments.open.buffer.capacity() <= SEGMENT_MAX_BYTES);
        }
        assert_eq!(segments.open.buffer.capacity(), 150_000 - 2 * SEGMENT_MAX_BYTES);
        assert_eq!(lengths(segments), [SEGMENT_MAX_BYTES, SEGMENT_MAX_BYTES, 18_928]);
    }

    #[test]
    fn a_long_promise_alone_takes_one_segment() {
        let mut segments = Segments::default();
        segments.extend(b"a", Expected::Exactly(u64::MAX));
        assert_eq!(segments.open.buffer.capacity(), SEGMENT_MAX_BYTES);
    }

    #[test]
    fn many_tiny_chunks_share_segments_that_grow_from_one_to_the_next() {
        let mut segments = Segments::default();
        for _ in 0..200_000 {
            segments.extend(b"a", Expected::AtLeast(1));
        }
        let kib = |kib: usize| kib * 1024;
        let expected = [kib(4), kib(8), kib(16), kib(32), kib(64), kib(64), 200_000 - kib(188)];
        assert_eq!(lengths(segments), expected);
    }

    #[test]
    fn what_is_read_into_the_room_stands_behind_what_was_copied() {
        let sizes = SegmentSizes { segment_bytes: 8, direct_min_bytes: 0, free_max: 4 };
        let (pool, mut segments) = (SegmentPool::new(sizes), Segments::default());
        let (body, mut left) = (b"0123456789abcdefghij", 20);
        segments.extend(&body[..3], Expected::Exactly(left));
        left -= 3;
        while left > 0 {
            let at = body.len() - left as usize;
            let room = segments.spare(Expected::Exactly(left), &pool);
            let count = room.len().min(5);
            room[..count].copy_from_slice(&body[at..at + count]);
            segments.take(count, 0);
            left -= count as u64;
        }
        assert_eq!((segments.len(), segments.copied()), (20, 3));
        assert_eq!(segments.into_pieces().concat(), body);
    }

    #[test]
    fn a_body_of_unknown_length_is_not_read_in_crumbs() {
        let sizes = SegmentSizes { segment_bytes: 64, direct_min_bytes: 0, free_max: 4 };
        let (pool, mut segments) = (SegmentPool::new(sizes), Segments::default());
        let count = segments.spare(Expected::AtLeast(0), &pool).len();
        assert_eq!(count, 64);
        segments.take(61, 0);
        assert_eq!(segments.spare(Expected::AtLeast(0), &pool).len(), 64);
        assert_eq!(segments.len(), 61);
    }
}
