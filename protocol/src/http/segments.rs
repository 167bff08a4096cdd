//! The segments of a body under way: at most 64 KiB each, allocated once and never grown, so that
//! a large body is neither copied again nor held twice. It never looks at what it holds.

use crate::payload::Payload;
use bytes::Bytes;

/// The longest segment.
const SEGMENT_MAX_BYTES: usize = 64 * 1024;

/// The first segment of a body whose length is not known; each further one is twice as long.
const SEGMENT_MIN_BYTES: usize = 4 * 1024;

/// A body as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Segments {
    full: Vec<Bytes>,
    /// Grows to its capacity, then becomes a full segment.
    open: Vec<u8>,
}

/// How many bytes of the body still come, counted from those being taken.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    /// So many and no more.
    Exactly(u64),
    /// So many, and perhaps others.
    AtLeast(u64),
}

impl Segments {
    /// Takes `bytes`, which are the first of those expected.
    pub(super) fn extend(&mut self, mut bytes: &[u8], mut expected: Expected) {
        while !bytes.is_empty() {
            if self.open.len() == self.open.capacity() {
                self.open_next(expected);
            }
            let room = self.open.capacity() - self.open.len();
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.open.extend_from_slice(now);
            expected = expected.without(now.len());
            bytes = later;
        }
    }

    fn open_next(&mut self, expected: Expected) {
        let wanted = match expected {
            Expected::Exactly(count) => in_memory(count),
            Expected::AtLeast(count) => {
                in_memory(count).max(SEGMENT_MIN_BYTES).max(self.open.capacity() * 2)
            }
        };
        self.close_open();
        self.open = Vec::with_capacity(wanted.min(SEGMENT_MAX_BYTES));
    }

    fn close_open(&mut self) {
        let open = std::mem::take(&mut self.open);
        if !open.is_empty() {
            if self.full.is_empty() {
                // Most bodies are one segment.
                self.full.reserve_exact(1);
            }
            self.full.push(open.into());
        }
    }

    /// Seals what has come. Room that was not used is given back.
    pub(super) fn seal(mut self) -> Payload {
        self.close_open();
        Payload::seal(self.full)
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

    fn lengths(mut segments: Segments) -> Vec<usize> {
        segments.close_open();
        segments.full.iter().map(Bytes::len).collect()
    }

    #[test]
    fn a_known_body_is_cut_at_64_kib_and_allocated_exactly() {
        let (mut segments, body) = (Segments::default(), vec![7; 150_000]);
        for (at, piece) in body.chunks(999).enumerate() {
            segments.extend(piece, Expected::Exactly((body.len() - at * 999) as u64));
            assert!(segments.open.capacity() <= SEGMENT_MAX_BYTES);
        }
        assert_eq!(segments.open.capacity(), 150_000 - 2 * SEGMENT_MAX_BYTES);
        assert_eq!(lengths(segments), [SEGMENT_MAX_BYTES, SEGMENT_MAX_BYTES, 18_928]);
    }

    #[test]
    fn a_long_promise_alone_takes_one_segment() {
        let mut segments = Segments::default();
        segments.extend(b"a", Expected::Exactly(u64::MAX));
        assert_eq!(segments.open.capacity(), SEGMENT_MAX_BYTES);
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
}
