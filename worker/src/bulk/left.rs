//! What is left over: items that failed in a way that may pass by itself. The run goes on without
//! them and notes where each begins; a later attempt visits only those.

use super::item::Position;
use bytes::Bytes;
use overtime_protocol::Fault;
use overtime_protocol::bulk::LEFT_MAX_BYTES;
use std::time::Duration;

/// The bytes of one note: the offset of an item and its index, the lowest byte first.
const NOTE_LEN: usize = 16;

/// The most items that one pass may leave over.
pub(super) const LEFT_MAX: u64 = (LEFT_MAX_BYTES / NOTE_LEN) as u64;

/// The most bytes that are kept of why the first was left over: they are part of each cursor.
const FIRST_MAX_BYTES: usize = 512;

/// Where a run stands between two items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// In the body: how far the first pass has come. Later passes leave it at its end.
    pub(super) position: Position,
    /// In the notes of the pass before, for later passes.
    pub(super) note: NotePlace,
}

/// The place of a note.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NotePlace {
    /// Its block.
    pub(super) block: u32,
    /// Its place in the block.
    pub(super) entry: u32,
}

/// What a pass has left over so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// How many items.
    pub(super) items: u64,
    /// The blocks of notes that are written.
    pub(super) blocks: u32,
    /// The longest that one of them asks us to wait.
    pub(super) retry_after: Duration,
    /// Why the first of them was left over, in a sentence for a person.
    pub(super) first: Box<str>,
}

impl Left {
    /// Counts an item in.
    pub(super) fn add(&mut self, fault: &Fault) {
        if self.items == 0 {
            let end = fault.detail.floor_char_boundary(FIRST_MAX_BYTES);
            self.first = fault.detail[..end].into();
        }
        self.items += 1;
        self.retry_after = self.retry_after.max(fault.retry_after.unwrap_or_default());
    }

    /// What the attempt tells that leaves them over.
    pub(super) fn fault(&self) -> Fault {
        let Self { items, retry_after, first, .. } = self;
        let detail = format!("{items} items failed ephemerally, first: {first}");
        let retry_after = (!retry_after.is_zero()).then_some(*retry_after);
        Fault { retry_after, ..Fault::ephemeral("items-left", detail) }
    }
}

/// Writes the note of an item before which a reader stood at `before`.
pub(super) fn write_note(before: Position, notes: &mut Vec<u8>) {
    notes.extend(before.offset.to_le_bytes());
    notes.extend(before.index.to_le_bytes());
}

/// A block of notes, as it was read.
#[derive(Clone, Debug)]
pub(super) struct Notes(pub(super) Bytes);

impl Notes {
    /// Where a reader stands before the item of this note; `None` behind the last.
    pub(super) fn get(&self, entry: u32) -> Option<Position> {
        let (notes, _) = self.0.as_chunks::<NOTE_LEN>();
        let (numbers, _) = notes.get(entry as usize)?.as_chunks::<8>();
        let &[offset, index] = numbers else { return None };
        let [offset, index] = [offset, index].map(u64::from_le_bytes);
        Some(Position { offset, index })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_read_back() {
        let positions = [(0, 0), (u64::MAX, 1), (7, u64::MAX)];
        let positions = positions.map(|(offset, index)| Position { offset, index });
        let mut notes = Vec::new();
        positions.iter().for_each(|position| write_note(*position, &mut notes));
        let notes = Notes(notes.into());
        let read: Vec<_> = (0..).map_while(|entry| notes.get(entry)).collect();
        assert_eq!(read, positions);
    }

    #[test]
    fn the_first_is_told_and_the_longest_wait_counts() {
        let mut left = Left::default();
        for (detail, wait) in
            [("é".repeat(1_000), None), ("b".into(), Some(3)), ("c".into(), Some(2))]
        {
            let retry_after = wait.map(Duration::from_secs);
            left.add(&Fault { retry_after, ..Fault::ephemeral("busy", detail) });
        }
        let Fault { code, detail, retry_after, .. } = left.fault();
        assert_eq!((&*code, retry_after), ("items-left", Some(Duration::from_secs(3))));
        let first = "é".repeat(FIRST_MAX_BYTES / 2);
        assert_eq!(detail, format!("3 items failed ephemerally, first: {first}"));
    }
}
