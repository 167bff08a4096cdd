//! The cursor: all that a later attempt at a bulk task must know to go on. Its bytes mean nothing
//! to anybody but this file.
//!
//! ```text
//! | version: u8 | truncated: u8 | offset | index | succeeded | failed | blocks | error bytes |
//! ```
//! The numbers are 64 bits wide, the lowest byte first.

use super::item::Position;
use bytes::Bytes;

const VERSION: u8 = 1;
const NUMBERS: usize = 6;
const LEN: usize = 2 + NUMBERS * 8;

/// How far a bulk task has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Where the next item is.
    pub(super) position: Position,
    /// The items that did what they were asked.
    pub(super) succeeded: u64,
    /// The items whose input was wrong.
    pub(super) failed: u64,
    /// The blocks of errors that are written.
    pub(super) blocks: u32,
    /// The bytes of text in them.
    pub(super) error_bytes: u64,
    /// Whether errors are only counted from here on.
    pub(super) truncated: bool,
}

impl Cursor {
    pub(super) fn encode(&self) -> Bytes {
        let Self { position, succeeded, failed, blocks, error_bytes, truncated } = *self;
        let blocks = u64::from(blocks);
        let Position { offset, index } = position;
        let mut bytes = Vec::with_capacity(LEN);
        bytes.extend([VERSION, u8::from(truncated)]);
        for number in [offset, index, succeeded, failed, blocks, error_bytes] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.into()
    }

    /// The cursor that was encoded; `None` if no such cursor could have been.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[VERSION, truncated @ (0 | 1)], numbers) = bytes.split_first_chunk()? else {
            return None;
        };
        let (numbers, []) = numbers.as_chunks::<8>() else { return None };
        let &[offset, index, succeeded, failed, blocks, error_bytes] = numbers else { return None };
        let number = u64::from_le_bytes;
        Some(Self {
            position: Position { offset: number(offset), index: number(index) },
            succeeded: number(succeeded),
            failed: number(failed),
            blocks: number(blocks).try_into().ok()?,
            error_bytes: number(error_bytes),
            truncated: truncated == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nothing_else_does() {
        let cursor = Cursor {
            position: Position { offset: 1, index: 2 },
            succeeded: 3,
            failed: u64::MAX,
            blocks: 5,
            error_bytes: 6,
            truncated: true,
        };
        let bytes = cursor.encode();
        assert_eq!((bytes.len(), Cursor::decode(&bytes)), (LEN, Some(cursor)));
        for len in 0..LEN {
            assert_eq!(Cursor::decode(&bytes[..len]), None);
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Cursor::decode(&longer), None);
        for (place, byte) in [(0, 0), (0, 2), (1, 2)] {
            let mut other = bytes.to_vec();
            other[place] = byte;
            assert_eq!(Cursor::decode(&other), None);
        }
    }
}
