//! The items of a bulk body, whatever its format.

use super::csv::CsvItems;
use super::item::{Item, Malformed, Position};
use super::json::JsonItems;
use super::ndjson::NdjsonItems;
use bytes::Bytes;

/// The formats of bulk bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `application/json`: one array.
    Json,
    /// `application/x-ndjson`: one item a line.
    Ndjson,
    /// `text/csv`: one item a record, behind a header row.
    Csv,
}

impl Format {
    /// The format that a content type names; its parameters do not matter.
    pub(super) fn of(content_type: Option<&str>) -> Option<Self> {
        let essence = content_type?.split(';').next()?.trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        if is("application/json") {
            Some(Self::Json)
        } else if is("application/x-ndjson") {
            Some(Self::Ndjson)
        } else if is("text/csv") {
            Some(Self::Csv)
        } else {
            None
        }
    }
}

/// A reader of items.
pub(super) enum Items<'a> {
    Json(JsonItems<'a>),
    Ndjson(NdjsonItems<'a>),
    Csv(Box<CsvItems<'a>>),
}

impl<'a> Items<'a> {
    /// A reader that stands before the first item of the body in `segments`.
    pub(super) fn new(format: Format, segments: &'a [Bytes]) -> Self {
        match format {
            Format::Json => Self::Json(JsonItems::new(segments)),
            Format::Ndjson => Self::Ndjson(NdjsonItems::new(segments)),
            Format::Csv => Self::Csv(Box::new(CsvItems::new(segments))),
        }
    }

    /// Goes to a position at which a reader of the same body has stood.
    pub(super) fn seek(&mut self, position: Position) {
        match self {
            Self::Json(items) => items.seek(position),
            Self::Ndjson(items) => items.seek(position),
            Self::Csv(items) => items.seek(position),
        }
    }

    /// The next item, or `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Item>, Malformed> {
        match self {
            Self::Json(items) => items.next(),
            Self::Ndjson(items) => Ok(items.next()),
            Self::Csv(items) => items.next(),
        }
    }
}
