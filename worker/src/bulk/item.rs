//! An item of a bulk body, and what can be wrong with one or with the body around it.

use bytes::Bytes;
use overtime_protocol::Fault;
use serde::de::IgnoredAny;

/// The longest item, in bytes.
pub const ITEM_MAX_BYTES: usize = 1024 * 1024;

/// How deeply an item may be nested.
pub(super) const NESTING_MAX: u32 = 128;

/// Where a reader stands between two items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// The offset behind the item before; 0 at the start of the body.
    pub(super) offset: u64,
    /// The index of the next item.
    pub(super) index: u64,
}

/// One item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// Where a reader stood before it.
    pub(super) before: Position,
    /// Where a reader stands behind it.
    pub(super) after: Position,
    /// The item as JSON, or why it cannot be an input. The items behind it do not depend on it.
    pub(super) text: Result<Bytes, Fault>,
}

/// The body cannot be read any further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    /// The offset of the byte that is wrong.
    pub(super) offset: u64,
    /// One sentence for a person.
    pub(super) detail: String,
}

impl Malformed {
    pub(super) fn new(offset: u64, detail: impl Into<String>) -> Self {
        Self { offset, detail: detail.into() }
    }
}

/// That an item is too long to be an input.
pub(super) fn too_large(len: u64) -> Fault {
    let detail = format!("the item is {len} bytes long; {ITEM_MAX_BYTES} are allowed");
    Fault::input("item-too-large", detail)
}

/// That an item is nested too deeply to be an input.
pub(super) fn too_deep() -> Fault {
    Fault::input("invalid-json", format!("the item is nested more than {NESTING_MAX} deep"))
}

/// That an item's text is not UTF-8.
pub(super) fn not_utf8(code: &'static str) -> Fault {
    Fault::input(code, "the item is not valid UTF-8")
}

/// A place in a text that is not well-formed JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxFlaw {
    /// The offset of the wrong byte from the start of the text.
    pub(super) offset: usize,
    /// What is wrong there, without the place.
    pub(super) what: String,
}

/// What is wrong with the syntax of a text that should hold one JSON value. Depth, the text's
/// encoding and what escapes stand for are not looked at.
pub(super) fn syntax_flaw(text: &[u8]) -> Option<SyntaxFlaw> {
    let error = serde_json::from_slice::<IgnoredAny>(text).err()?;
    let told = error.to_string();
    let what = told.split(" at line ").next().unwrap_or_default().to_owned();
    let line_start = match error.line() {
        ..=1 => 0,
        line => memchr::memchr_iter(b'\n', text).nth(line - 2).map_or(0, |place| place + 1),
    };
    // The column is that of the last byte that was taken; a control character in a text is not.
    let column = if what.starts_with("control character") { 1 } else { 0 } + error.column();
    let offset = match error.is_eof() {
        true => text.len(),
        false => (line_start + column.saturating_sub(1)).min(text.len()),
    };
    Some(SyntaxFlaw { offset, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flaw_is_told_with_its_exact_place() {
        let offset = |text: &str| syntax_flaw(text.as_bytes()).map(|flaw| flaw.offset);
        assert_eq!(offset("{\"a\":[1,null,\"x\"]}"), None);
        assert_eq!(offset("{\"a\":}"), Some(5));
        assert_eq!(offset("{\"a\"\n:\n1 2}"), Some(9));
        assert_eq!(offset("1 2"), Some(2));
        assert_eq!(offset("[1"), Some(2));
        assert_eq!(offset("\"a\nb\""), Some(2));
        assert_eq!(offset("{a:1}"), Some(1));
    }
}
