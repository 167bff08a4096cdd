//! The items of one JSON array (RFC 8259). What is not JSON ends the array at that byte: where a
//! broken element ends nobody can know, and to guess might take the inside of a text for an item.
//! An element that is JSON but cannot be an input (too long, too deep, not UTF-8) fails alone.

use super::body::{Body, is_whitespace};
use super::item::{
    ITEM_MAX_BYTES, Item, Malformed, Position, SyntaxFlaw, not_utf8, syntax_flaw, too_deep,
    too_large,
};
use super::scan::{Found, Scan};
use bytes::Bytes;
use serde::de::IgnoredAny;
use std::io::BufReader;
use std::ops::Range;

/// Reads the elements of an array one by one.
pub(super) struct JsonItems<'a> {
    body: Body<'a>,
    position: Position,
    /// Whether the closing bracket was read.
    closed: bool,
}

impl<'a> JsonItems<'a> {
    pub(super) fn new(segments: &'a [Bytes]) -> Self {
        let position = Position::default();
        Self { body: Body::new(segments), position, closed: false }
    }

    pub(super) fn seek(&mut self, position: Position) {
        self.position = position;
        self.closed = false;
    }

    /// The next item, or `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Item>, Malformed> {
        if self.closed {
            return Ok(None);
        }
        let start = match self.position.offset {
            0 => self.open()?,
            offset => self.follow(offset)?,
        };
        start.map(|start| self.element(start)).transpose()
    }

    /// The start of the first element; `None` if there is none.
    fn open(&mut self) -> Result<Option<u64>, Malformed> {
        let mark = self.body.skip_mark();
        let at = self.body.skip_whitespace(mark);
        if self.body.byte(at) != Some(b'[') {
            return Err(Malformed::new(at, "the body must be a JSON array"));
        }
        let at = self.body.skip_whitespace(at + 1);
        match self.body.byte(at) {
            Some(b']') => self.close(at),
            _ => Ok(Some(at)),
        }
    }

    /// The start of the element that follows the one that ended at `at`; `None` if none does.
    fn follow(&mut self, at: u64) -> Result<Option<u64>, Malformed> {
        let at = self.body.skip_whitespace(at);
        match self.body.byte(at) {
            Some(b',') => Ok(Some(self.body.skip_whitespace(at + 1))),
            Some(b']') => self.close(at),
            Some(_) => Err(Malformed::new(at, "a comma or the end of the array was expected")),
            None => Err(unclosed(at)),
        }
    }

    fn close(&mut self, bracket: u64) -> Result<Option<u64>, Malformed> {
        let end = self.body.skip_whitespace(bracket + 1);
        if end < self.body.len() {
            return Err(Malformed::new(end, "there is more behind the array"));
        }
        self.closed = true;
        Ok(None)
    }

    fn element(&mut self, start: u64) -> Result<Item, Malformed> {
        let (end, scan) = self.scan(start)?;
        let text = self.check(start..end, &scan)?;
        let before = self.position;
        let after = Position { offset: end, index: before.index + 1 };
        self.position = after;
        Ok(Item { before, after, text })
    }

    /// Finds the end of the element that starts at `start`.
    fn scan(&mut self, start: u64) -> Result<(u64, Scan), Malformed> {
        let (mut scan, mut at) = (Scan::default(), start);
        loop {
            let piece = self.body.piece(at);
            if piece.is_empty() {
                return Err(unclosed(at));
            }
            match scan.feed(piece) {
                Found::More => at += piece.len() as u64,
                Found::End(place) => return Ok((at + place as u64, scan)),
                Found::Mismatch(place) => {
                    let detail = "a bracket closes what is not open";
                    return Err(Malformed::new(at + place as u64, detail));
                }
            }
        }
    }

    fn check(
        &mut self,
        range: Range<u64>,
        scan: &Scan,
    ) -> Result<Result<Bytes, overtime_protocol::Fault>, Malformed> {
        let len = range.end - range.start;
        if len > ITEM_MAX_BYTES as u64 {
            self.check_in_place(range)?;
            return Ok(Err(too_large(len)));
        }
        let start = range.start;
        let mut text = self.body.slice(range);
        text.truncate(text.len() - text.iter().rev().take_while(|b| is_whitespace(**b)).count());
        if let Some(SyntaxFlaw { offset, what }) = syntax_flaw(&text) {
            return Err(Malformed::new(start + offset as u64, what));
        }
        Ok(match str::from_utf8(&text) {
            _ if scan.is_too_deep() => Err(too_deep()),
            Err(_) => Err(not_utf8("invalid-json")),
            Ok(_) => Ok(text),
        })
    }

    /// An element that is too long to be taken out is read where it lies.
    fn check_in_place(&mut self, range: Range<u64>) -> Result<(), Malformed> {
        let start = range.start;
        let element = BufReader::new(self.body.reader(range));
        serde_json::from_reader::<_, IgnoredAny>(element).map(drop).map_err(|error| {
            Malformed::new(start, format!("the long element that starts here: {error}"))
        })
    }
}

fn unclosed(at: u64) -> Malformed {
    Malformed::new(at, "the body ends inside the array")
}
