//! The course of a run: which item comes next. The first pass goes over the body from its start to
//! its end; each later one visits what the pass before it has left over. It never runs an item.

use super::cursor::Cursor;
use super::item::{Item, Malformed, Position};
use super::items::Items;
use super::left::{NotePlace, Notes, Place};
use crate::failure::Failure;
use crate::source::{Source, SourceError};
use overtime_protocol::TaskId;
use overtime_protocol::bulk::left_key;

/// The items of a body in the order in which a run meets them.
pub(super) struct Course<'a> {
    items: Items<'a>,
    task: TaskId,
    source: &'a dyn Source,
    pass: u32,
    /// The blocks of notes that a later pass goes over.
    blocks: u32,
    place: Place,
    /// The block of notes that was read last, and its number.
    notes: Option<(u32, Notes)>,
}

/// Why there is no next item.
#[derive(Debug)]
pub(super) enum Stuck {
    /// The body cannot be read any further.
    Malformed(Malformed),
    /// What was noted cannot be read.
    Failed(Failure),
}

impl From<Malformed> for Stuck {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<SourceError> for Stuck {
    fn from(error: SourceError) -> Self {
        Self::Failed(error.into())
    }
}

impl<'a> Course<'a> {
    /// The first pass over a body, from its start.
    pub(super) fn new(items: Items<'a>, task: TaskId, source: &'a dyn Source) -> Self {
        let (pass, blocks, place, notes) = (0, 0, Place::default(), None);
        Self { items, task, source, pass, blocks, place, notes }
    }

    /// Goes to where the cursor stands.
    pub(super) fn resume(&mut self, cursor: &Cursor) {
        (self.pass, self.blocks) = (cursor.pass, cursor.list_blocks);
        self.notes = None;
        self.go_to(cursor.place);
    }

    /// Goes to a place of this pass at which it has stood.
    pub(super) fn go_to(&mut self, place: Place) {
        self.place = place;
        self.items.seek(place.position);
    }

    /// Where it stands.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// The next item, or `None` if the pass is over. What is malformed is met at the end of each.
    pub(super) fn next(&mut self) -> Result<Option<Item>, Stuck> {
        if self.pass == 0 {
            let item = self.items.next()?;
            if let Some(item) = &item {
                self.place.position = item.after;
            }
            return Ok(item);
        }
        match self.next_note()? {
            Some(before) => self.read(before).map(Some),
            None => {
                self.items.seek(self.place.position);
                let beyond = self.items.next()?;
                debug_assert!(beyond.is_none(), "the first pass has come to the end");
                Ok(None)
            }
        }
    }

    /// An item that was read before. It does not change where the run stands.
    pub(super) fn read_again(&mut self, before: Position) -> Option<Item> {
        let item = self.read(before).ok();
        debug_assert!(item.is_some(), "it was read before");
        item
    }

    fn read(&mut self, before: Position) -> Result<Item, Stuck> {
        self.items.seek(before);
        self.items.next()?.ok_or_else(|| lost("there is no item where one was noted"))
    }

    /// Where the next item begins that was left over.
    fn next_note(&mut self) -> Result<Option<Position>, Stuck> {
        while self.place.note.block < self.blocks {
            let NotePlace { block, entry } = self.place.note;
            let notes = self.notes(block)?;
            let (note, is_last) = (notes.get(entry), notes.get(entry + 1).is_none());
            let next = NotePlace { block, entry: entry + 1 };
            self.place.note = if is_last { NotePlace { block: block + 1, entry: 0 } } else { next };
            if note.is_some() {
                return Ok(note);
            }
        }
        Ok(None)
    }

    fn notes(&mut self, block: u32) -> Result<&Notes, Stuck> {
        if self.notes.as_ref().is_none_or(|(number, _)| *number != block) {
            let key = left_key(self.task, self.pass - 1, block);
            let value = self.source.state(&key)?.value;
            self.notes = value.map(|value| (block, Notes(value)));
        }
        let notes = self.notes.as_ref().map(|(_, notes)| notes);
        notes.ok_or_else(|| lost("the notes of what was left over are not there"))
    }
}

fn lost(detail: &'static str) -> Stuck {
    Stuck::Failed(Failure::defect("notes-lost", detail))
}
