//! What fuzz targets need to see of this crate: the readers of bulk bodies, which nobody else uses
//! but the run. It promises nothing to anybody and adds nothing of its own.

use super::item::Position;
use super::items::{Format, Items};
use bytes::Bytes;

/// What a reader said of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyRead {
    /// The items.
    pub items: Vec<ItemRead>,
    /// The offset at which it could not be read on, and why.
    pub malformed: Option<(u64, String)>,
}

/// What it said of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRead {
    /// The offset and the index before it.
    pub start: (u64, u64),
    /// Those behind it.
    pub end: (u64, u64),
    /// Its text as JSON, or the code of what is wrong with it.
    pub text: Result<Bytes, String>,
}

/// Reads a body from a place that a reader has told, `(0, 0)` being its start; `None` if no body
/// has that content type.
pub fn read_body(content_type: &str, segments: &[Bytes], from: (u64, u64)) -> Option<BodyRead> {
    let mut items = Items::new(Format::of(Some(content_type))?, segments);
    items.seek(Position { offset: from.0, index: from.1 });
    let mut read = BodyRead { items: Vec::new(), malformed: None };
    loop {
        match items.next() {
            Ok(Some(item)) => read.items.push(ItemRead {
                start: (item.before.offset, item.before.index),
                end: (item.after.offset, item.after.index),
                text: item.text.map_err(|fault| fault.code.into_owned()),
            }),
            Ok(None) => return Some(read),
            Err(malformed) => {
                read.malformed = Some((malformed.offset, malformed.detail));
                return Some(read);
            }
        }
    }
}
