//! The items of a CSV body (RFC 4180) with a header row: each record becomes a JSON object of
//! texts, named by the header; an empty cell is an absent member. Blank lines are passed over.

use super::body::Body;
use super::item::{ITEM_MAX_BYTES, Item, Malformed, Position, not_utf8, too_large};
use bytes::Bytes;
use csv_core::{ReadRecordResult, Reader};
use overtime_protocol::Fault;
use overtime_protocol::json::write_text;
use std::collections::HashSet;

/// The most columns of a header.
const COLUMNS_MAX: usize = 4096;

/// What a buffer for the fields of a record starts with, in bytes.
const FIELDS_START: usize = 4 * 1024;

/// Where it ends: the parser calls it full while the last byte may still have been the last field's.
const FIELDS_MAX: usize = ITEM_MAX_BYTES + 1;

/// Reads records one by one.
pub(super) struct CsvItems<'a> {
    body: Body<'a>,
    position: Position,
    parser: Reader,
    /// The column names as JSON, each with its colon; empty until the header was read.
    names: Vec<Vec<u8>>,
    /// Where the header ends.
    header_end: u64,
    fields: Vec<u8>,
    /// The ends of the record's fields within `fields`.
    ends: Vec<usize>,
}

/// How a record was read.
enum Row {
    /// Its fields are at hand, this many.
    Whole(usize),
    /// It has more columns than there is room for.
    TooWide,
    /// It is too long.
    TooLong,
}

impl<'a> CsvItems<'a> {
    pub(super) fn new(segments: &'a [Bytes]) -> Self {
        Self {
            body: Body::new(segments),
            position: Position::default(),
            parser: parser(),
            names: Vec::new(),
            header_end: 0,
            fields: vec![0; FIELDS_START],
            ends: vec![0; COLUMNS_MAX + 1],
        }
    }

    pub(super) fn seek(&mut self, position: Position) {
        self.position = position;
        self.parser = parser();
    }

    /// The next item, or `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Item>, Malformed> {
        if self.names.is_empty() {
            self.read_header()?;
        }
        let before = self.position;
        let start = self.skip_blank_lines(before.offset.max(self.header_end));
        if start == self.body.len() {
            return Ok(None);
        }
        let (row, end) = self.record(start)?;
        let text = match row {
            Row::Whole(columns) if columns == self.names.len() => self.object(),
            Row::Whole(columns) => Err(self.wrong_columns(&columns.to_string())),
            Row::TooWide => Err(self.wrong_columns("more")),
            Row::TooLong => Err(too_large(end - start)),
        };
        let after = Position { offset: end, index: before.index + 1 };
        self.position = after;
        Ok(Some(Item { before, after, text }))
    }

    fn read_header(&mut self) -> Result<(), Malformed> {
        let mark = self.body.skip_mark();
        let start = self.skip_blank_lines(mark);
        let malformed = |detail: String| Err(Malformed::new(start, detail));
        if start == self.body.len() {
            return malformed("the header row is missing".to_owned());
        }
        let (row, end) = self.record(start)?;
        let Row::Whole(columns) = row else {
            return malformed(format!("the header has more than {COLUMNS_MAX} columns"));
        };
        let mut seen = HashSet::new();
        let mut names = Vec::with_capacity(columns);
        for column in 0..columns {
            let Ok(name) = str::from_utf8(field(&self.fields, &self.ends, column)) else {
                return malformed(format!("the name of column {} is not UTF-8", column + 1));
            };
            if name.trim().is_empty() {
                return malformed(format!("column {} has no name", column + 1));
            }
            if !seen.insert(name) {
                return malformed(format!("two columns are named `{name}`"));
            }
            let mut json = Vec::with_capacity(name.len() + 3);
            write_text(&mut json, name);
            json.push(b':');
            names.push(json);
        }
        (self.names, self.header_end) = (names, end);
        // The parser stands behind the header, which may not be where the next record is.
        self.parser = parser();
        Ok(())
    }

    fn skip_blank_lines(&mut self, mut at: u64) -> u64 {
        loop {
            let piece = self.body.piece(at);
            let count = piece.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            at += count as u64;
            if count < piece.len() || piece.is_empty() {
                return at;
            }
        }
    }

    /// Reads the record that starts at `start`; returns where it ends.
    fn record(&mut self, start: u64) -> Result<(Row, u64), Malformed> {
        let (mut at, mut filled, mut columns) = (start, 0, 0);
        let (mut too_long, mut too_wide) = (false, false);
        loop {
            let piece = self.body.piece(at);
            // A line end ends the last record too, unless a quote is open.
            let input = if piece.is_empty() { b"\n" } else { piece };
            let (fields, ends) = (&mut self.fields[filled..], &mut self.ends[columns..]);
            let (result, read, written, ended) = self.parser.read_record(input, fields, ends);
            at += if piece.is_empty() { 0 } else { read as u64 };
            (filled, columns) = (filled + written, columns + ended);
            match result {
                ReadRecordResult::InputEmpty if piece.is_empty() => {
                    return Err(Malformed::new(start, "the record has a quote that is not closed"));
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.fields.len() < FIELDS_MAX => {
                    self.fields.resize((2 * self.fields.len()).min(FIELDS_MAX), 0);
                }
                ReadRecordResult::OutputFull => (too_long, filled) = (true, 0),
                ReadRecordResult::OutputEndsFull => (too_wide, columns) = (true, 0),
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        let row = match (too_long, too_wide) {
            (true, _) => Row::TooLong,
            (false, true) => Row::TooWide,
            (false, false) => Row::Whole(columns),
        };
        Ok((row, at))
    }

    /// The record that was just read as a JSON object.
    fn object(&self) -> Result<Bytes, Fault> {
        let len = self.names.len().checked_sub(1).map_or(0, |last| self.ends[last]);
        let mut out = Vec::with_capacity(len + 16 * self.names.len());
        let mut before = b'{';
        for (column, name) in self.names.iter().enumerate() {
            let value = field(&self.fields, &self.ends, column);
            if value.is_empty() {
                continue;
            }
            let value = str::from_utf8(value).map_err(|_| not_utf8("invalid-utf-8"))?;
            out.push(before);
            out.extend_from_slice(name);
            write_text(&mut out, value);
            before = b',';
        }
        if before == b'{' {
            out.push(b'{');
        }
        out.push(b'}');
        Ok(out.into())
    }

    fn wrong_columns(&self, found: &str) -> Fault {
        let expected = self.names.len();
        let detail = format!("the record has {found} columns; the header has {expected}");
        Fault::input("wrong-columns", detail)
    }
}

fn field<'f>(fields: &'f [u8], ends: &[usize], column: usize) -> &'f [u8] {
    let start = column.checked_sub(1).map_or(0, |before| ends[before]);
    &fields[start..ends[column]]
}

/// A parser that stands at the start of a record. It would pass over a byte order mark at the
/// first bytes it sees, so these are a line end; a mark is none within the body.
fn parser() -> Reader {
    let mut parser = Reader::new();
    parser.read_record(b"\n", &mut [0], &mut [0]);
    parser
}
