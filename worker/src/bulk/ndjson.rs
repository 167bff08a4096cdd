//! The items of newline-delimited JSON: one a line, blank lines passed over. Lines have nothing to
//! do with each other, so whatever is wrong with one fails that item alone, and a body is never
//! malformed.

use super::body::{Body, is_whitespace};
use super::item::{
    ITEM_MAX_BYTES, Item, NESTING_MAX, Position, SyntaxFlaw, not_utf8, syntax_flaw, too_deep,
    too_large,
};
use super::scan::Scan;
use bytes::Bytes;
use memchr::memchr;
use overtime_protocol::Fault;
use std::ops::Range;

/// Reads lines one by one.
pub(super) struct NdjsonItems<'a> {
    body: Body<'a>,
    position: Position,
}

impl<'a> NdjsonItems<'a> {
    pub(super) fn new(segments: &'a [Bytes]) -> Self {
        Self { body: Body::new(segments), position: Position::default() }
    }

    pub(super) fn seek(&mut self, position: Position) {
        self.position = position;
    }

    /// The next item, or `None` behind the last.
    pub(super) fn next(&mut self) -> Option<Item> {
        let before = self.position;
        let offset = if before.offset == 0 { self.body.skip_mark() } else { before.offset };
        // Whitespace before a line is blank lines, or would be passed over by any reader.
        let start = self.body.skip_whitespace(offset);
        if start == self.body.len() {
            return None;
        }
        let (end, next) = self.line(start);
        let text = self.check(start..end);
        let after = Position { offset: next, index: before.index + 1 };
        self.position = after;
        Some(Item { before, after, text })
    }

    /// The end of the line that starts at `start`, and the start of the next.
    fn line(&mut self, start: u64) -> (u64, u64) {
        let mut at = start;
        loop {
            let piece = self.body.piece(at);
            if piece.is_empty() {
                return (at, at);
            }
            if let Some(place) = memchr(b'\n', piece) {
                let end = at + place as u64;
                return (end, end + 1);
            }
            at += piece.len() as u64;
        }
    }

    fn check(&mut self, range: Range<u64>) -> Result<Bytes, Fault> {
        let len = range.end - range.start;
        if len > ITEM_MAX_BYTES as u64 {
            return Err(too_large(len));
        }
        let mut text = self.body.slice(range);
        text.truncate(text.len() - text.iter().rev().take_while(|b| is_whitespace(**b)).count());
        if let Some(SyntaxFlaw { offset, what }) = syntax_flaw(&text) {
            let detail = format!("the line is not JSON: {what} at byte {offset} of the line");
            return Err(Fault::input("invalid-json", detail));
        }
        if is_too_deep(&text) {
            return Err(too_deep());
        }
        match str::from_utf8(&text) {
            Ok(_) => Ok(text),
            Err(_) => Err(not_utf8("invalid-json")),
        }
    }
}

/// Few lines have so many brackets that their depth has to be looked at.
fn is_too_deep(text: &[u8]) -> bool {
    let brackets = text.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
    if brackets <= NESTING_MAX as usize {
        return false;
    }
    let mut scan = Scan::default();
    scan.feed(text);
    scan.is_too_deep()
}
