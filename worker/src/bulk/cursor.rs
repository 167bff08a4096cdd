//! The cursor: all that a later attempt at a bulk task must know to go on. Its bytes mean nothing
//! to anybody but this file.
//!
//! ```text
//! | version: u8 | truncated: u8 | offset | index | succeeded | failed | blocks | error bytes
//! | pass | list blocks | note block | note entry | left | left blocks | retry after | first left |
//! ```
//! The numbers are 64 bits wide, the lowest byte first; the last member is a text. The retry is
//! told in milliseconds.

use super::item::Position;
use super::left::{Left, NotePlace, Place};
use bytes::Bytes;
use overtime_protocol::Progress;
use std::time::Duration;

const VERSION: u8 = 2;
const NUMBERS: usize = 13;
const LEN_MIN: usize = 2 + NUMBERS * 8;

/// How far a bulk task has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Where the next item is.
    pub(super) place: Place,
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
    /// Which pass this is: the first, 0, goes over the body, each other over what the one before
    /// it has left over.
    pub(super) pass: u32,
    /// The blocks of notes that the pass before has made.
    pub(super) list_blocks: u32,
    /// What this pass leaves over.
    pub(super) left: Left,
}

impl Cursor {
    /// The start of the pass behind this one, which is over.
    pub(super) fn next_pass(&self) -> Self {
        Self {
            pass: self.pass + 1,
            list_blocks: self.left.blocks,
            left: Left::default(),
            place: Place { note: NotePlace::default(), ..self.place },
            ..*self
        }
    }

    /// How far that is. Before the first pass is over, nobody knows how many items there are.
    pub(super) fn progress(&self) -> Progress {
        let total = (self.pass > 0).then_some(self.place.position.index);
        Progress { done: self.succeeded + self.failed, total }
    }

    pub(super) fn encode(&self) -> Bytes {
        let Place { position: Position { offset, index }, note } = self.place;
        let Left { items, blocks: left_blocks, retry_after, first } = &self.left;
        let retry_after = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX);
        let mut bytes = Vec::with_capacity(LEN_MIN + first.len());
        bytes.extend([VERSION, u8::from(self.truncated)]);
        let numbers: [u64; NUMBERS] = [
            offset,
            index,
            self.succeeded,
            self.failed,
            self.blocks.into(),
            self.error_bytes,
            self.pass.into(),
            self.list_blocks.into(),
            note.block.into(),
            note.entry.into(),
            *items,
            (*left_blocks).into(),
            retry_after,
        ];
        numbers.into_iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        bytes.extend(first.as_bytes());
        bytes.into()
    }

    /// The cursor that was encoded; `None` if no such cursor could have been.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[VERSION, truncated @ (0 | 1)], bytes) = bytes.split_first_chunk()? else {
            return None;
        };
        let (numbers, first) = bytes.split_at_checked(NUMBERS * 8)?;
        let (numbers, []) = numbers.as_chunks::<8>() else { return None };
        let numbers: &[[u8; 8]; NUMBERS] = numbers.try_into().ok()?;
        let [
            offset,
            index,
            succeeded,
            failed,
            blocks,
            error_bytes,
            pass,
            list_blocks,
            note_block,
            note_entry,
            left,
            left_blocks,
            retry_after,
        ] = numbers.map(u64::from_le_bytes);
        let note =
            NotePlace { block: note_block.try_into().ok()?, entry: note_entry.try_into().ok()? };
        Some(Self {
            place: Place { position: Position { offset, index }, note },
            succeeded,
            failed,
            blocks: blocks.try_into().ok()?,
            error_bytes,
            truncated: truncated == 1,
            pass: pass.try_into().ok()?,
            list_blocks: list_blocks.try_into().ok()?,
            left: Left {
                items: left,
                blocks: left_blocks.try_into().ok()?,
                retry_after: Duration::from_millis(retry_after),
                first: str::from_utf8(first).ok()?.into(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nothing_else_does() {
        let cursor = Cursor {
            place: Place {
                position: Position { offset: 1, index: 2 },
                note: NotePlace { block: 7, entry: 8 },
            },
            succeeded: 3,
            failed: u64::MAX,
            blocks: 5,
            error_bytes: 6,
            truncated: true,
            pass: 9,
            list_blocks: 10,
            left: Left {
                items: 11,
                blocks: 12,
                retry_after: Duration::from_millis(13),
                first: "item 4: é".into(),
            },
        };
        let bytes = cursor.encode();
        assert_eq!(Cursor::decode(&bytes).as_ref(), Some(&cursor));
        let without_text = Cursor { left: Left { first: "".into(), ..cursor.left }, ..cursor };
        assert_eq!(Cursor::decode(&bytes[..LEN_MIN]), Some(without_text));
        for len in 0..LEN_MIN {
            assert_eq!(Cursor::decode(&bytes[..len]), None);
        }
        assert_eq!(Cursor::decode(&bytes[..bytes.len() - 1]), None, "half a character");
        for (place, byte) in [(0, 0), (0, 3), (1, 2), (2 + 6 * 8 + 7, 1)] {
            let mut other = bytes.to_vec();
            other[place] = byte;
            assert_eq!(Cursor::decode(&other), None);
        }
    }

    #[test]
    fn the_next_pass_goes_over_what_this_one_left() {
        let left = Left { items: 3, blocks: 2, ..Left::default() };
        let place = Place {
            position: Position { offset: 9, index: 4 },
            note: NotePlace { block: 1, entry: 0 },
        };
        let over =
            Cursor { place, succeeded: 1, list_blocks: 1, left, pass: 4, ..Cursor::default() };
        let next = over.next_pass();
        assert_eq!((next.pass, next.list_blocks, next.succeeded), (5, 2, 1));
        assert_eq!((next.place.position, next.place.note), (place.position, NotePlace::default()));
        assert_eq!(next.left, Left::default());
    }
}
