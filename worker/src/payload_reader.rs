//! A reader over the segments of a payload, in place: nothing is copied but into the caller's own
//! buffer, and with [`BufRead`] not even that.

use bytes::Bytes;
use std::io::{BufRead, Read, Result};

/// Reads a payload from its first byte to its last. Reading cannot fail.
#[derive(Clone, Debug)]
pub struct PayloadReader<'a> {
    /// What is left of the segment that is being read.
    current: &'a [u8],
    rest: std::slice::Iter<'a, Bytes>,
}

impl<'a> PayloadReader<'a> {
    pub(crate) fn new(segments: &'a [Bytes]) -> Self {
        Self { current: &[], rest: segments.iter() }
    }
}

impl BufRead for PayloadReader<'_> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        while self.current.is_empty() {
            match self.rest.next() {
                Some(segment) => self.current = segment,
                None => break,
            }
        }
        Ok(self.current)
    }

    fn consume(&mut self, amount: usize) {
        self.current = &self.current[amount..];
    }
}

impl Read for PayloadReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(texts: &[&'static str]) -> Vec<Bytes> {
        texts.iter().map(|text| Bytes::from_static(text.as_bytes())).collect()
    }

    #[test]
    fn segments_read_as_one_text_whatever_the_buffer() {
        let segments = segments(&["", "one ", "", "two", " three", ""]);
        for size in 1..16 {
            let mut reader = PayloadReader::new(&segments);
            let (mut text, mut buffer) = (Vec::new(), vec![0; size]);
            while let count @ 1.. = reader.read(&mut buffer).unwrap() {
                text.extend_from_slice(&buffer[..count]);
            }
            assert_eq!(text, b"one two three", "with a buffer of {size}");
        }
    }

    #[test]
    fn lines_may_cross_segments() {
        let segments = segments(&["a\nb", "c", "d\n", "e"]);
        let lines: Vec<_> = PayloadReader::new(&segments).lines().map(|l| l.unwrap()).collect();
        assert_eq!(lines, ["a", "bcd", "e"]);
    }
}
