//! A bulk body: segments that are addressed by byte offset as if they were one piece. They are
//! never joined; what lies across a seam is copied, and nothing else is.

use bytes::{Bytes, BytesMut};
use std::io::{self, Read};
use std::ops::Range;

/// The segments of a body. Looking further ahead is cheap, looking back is a search.
pub(super) struct Body<'a> {
    segments: &'a [Bytes],
    /// The offset of each segment's first byte.
    starts: Vec<u64>,
    len: u64,
    /// The segment that was looked at last.
    current: usize,
}

impl<'a> Body<'a> {
    pub(super) fn new(segments: &'a [Bytes]) -> Self {
        let mut len = 0;
        let starts = segments.iter().map(|segment| {
            let start = len;
            len += segment.len() as u64;
            start
        });
        let starts = starts.collect();
        Self { segments, starts, len, current: 0 }
    }

    /// Its length in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The bytes from `at` to the end of their segment; empty only at the end of the body.
    pub(super) fn piece(&mut self, at: u64) -> &'a [u8] {
        if at >= self.len {
            return &[];
        }
        let place = self.find(at);
        &self.segments[place][(at - self.starts[place]) as usize..]
    }

    /// The byte at `at`; `None` behind the end.
    pub(super) fn byte(&mut self, at: u64) -> Option<u8> {
        self.piece(at).first().copied()
    }

    /// The bytes of a range within the body: shared if they lie in one segment.
    pub(super) fn slice(&mut self, range: Range<u64>) -> Bytes {
        let len = (range.end - range.start) as usize;
        if len == 0 {
            return Bytes::new();
        }
        let place = self.find(range.start);
        let within = (range.start - self.starts[place]) as usize;
        let segment = &self.segments[place];
        if within + len <= segment.len() {
            return segment.slice(within..within + len);
        }
        let mut joined = BytesMut::with_capacity(len);
        while joined.len() < len {
            let piece = self.piece(range.start + joined.len() as u64);
            joined.extend_from_slice(&piece[..piece.len().min(len - joined.len())]);
        }
        joined.freeze()
    }

    /// A reader of a range within the body, in place.
    pub(super) fn reader(&mut self, range: Range<u64>) -> Reader<'_, 'a> {
        Reader { body: self, range }
    }

    /// The offset behind the whitespace (of JSON) that starts at `at`.
    pub(super) fn skip_whitespace(&mut self, mut at: u64) -> u64 {
        loop {
            let piece = self.piece(at);
            let count = piece.iter().take_while(|byte| is_whitespace(**byte)).count();
            at += count as u64;
            if count < piece.len() || piece.is_empty() {
                return at;
            }
        }
    }

    /// The offset behind a byte order mark, if the body starts with one.
    pub(super) fn skip_mark(&mut self) -> u64 {
        const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
        let marked = (0..).zip(MARK).all(|(at, byte)| self.byte(at) == Some(byte));
        if marked { MARK.len() as u64 } else { 0 }
    }

    /// The segment that holds `at`, which is within the body.
    fn find(&mut self, at: u64) -> usize {
        let holds = |place: usize| {
            let start = self.starts[place];
            start <= at && at < start + self.segments[place].len() as u64
        };
        let next = self.current + 1;
        if holds(self.current) {
            return self.current;
        }
        self.current = if next < self.segments.len() && holds(next) {
            next
        } else {
            // The last of those that start no later: empty ones before it start there too.
            self.starts.partition_point(|start| *start <= at) - 1
        };
        self.current
    }
}

/// Reads a range of a body. Reading cannot fail.
pub(super) struct Reader<'b, 'a> {
    body: &'b mut Body<'a>,
    range: Range<u64>,
}

impl Read for Reader<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.body.piece(self.range.start);
        let left = (self.range.end - self.range.start) as usize;
        let count = piece.len().min(left).min(buffer.len());
        buffer[..count].copy_from_slice(&piece[..count]);
        self.range.start += count as u64;
        Ok(count)
    }
}

/// What RFC 8259 calls whitespace.
pub(super) fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
