//! Members: single JSON values as a caller sent them, checked but not taken apart.

use crate::failure::Failure;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The most tags of a contact.
const TAGS_MAX: usize = 64;

/// What a patch wants of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish<'a> {
    Keep,
    Remove,
    /// To stand there from now on, in well-formed JSON.
    Replace(&'a RawJson),
}

/// A well-formed JSON value, as text.
pub(super) type RawJson = str;

impl<'a> Wish<'a> {
    /// What stands there once the wish is granted.
    pub(super) fn over(self, stored: Option<&'a RawValue>) -> Option<&'a RawJson> {
        match self {
            Self::Keep => stored.map(RawValue::get),
            Self::Remove => None,
            Self::Replace(sent) => Some(sent),
        }
    }
}

/// For `deserialize_with`: a member that was sent is `Some`, also if it is null.
pub(super) fn sent<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// The text of a string; `None` if the value is none, or escapes half a surrogate pair.
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let inner = value.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(value.get()).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// The wish of a member that must be a string or null.
pub(super) fn text_wish<'a>(name: &str, sent: Option<&'a RawValue>) -> Result<Wish<'a>, Failure> {
    match sent {
        None => Ok(Wish::Keep),
        Some(value) if is_null(value) => Ok(Wish::Remove),
        Some(value) if text(value).is_some() => Ok(Wish::Replace(value.get())),
        Some(value) => Err(wrong(name, "a string or null", value)),
    }
}

/// The wish of `tags`, which must be an array of strings or null.
pub(super) fn tags_wish(sent: Option<&RawValue>) -> Result<Wish<'_>, Failure> {
    let value = match sent {
        None => return Ok(Wish::Keep),
        Some(value) if is_null(value) => return Ok(Wish::Remove),
        Some(value) => value,
    };
    let tags: Vec<&RawValue> = serde_json::from_str(value.get())
        .map_err(|_| wrong("tags", "an array of strings or null", value))?;
    if tags.len() > TAGS_MAX {
        let detail = format!("`tags` has {} entries; {TAGS_MAX} are allowed", tags.len());
        return Err(Failure::input("too-many-tags", detail));
    }
    match tags.iter().position(|tag| text(tag).is_none()) {
        None => Ok(Wish::Replace(value.get())),
        Some(place) => Err(wrong(&format!("tags[{place}]"), "a string", tags[place])),
    }
}

/// Whether the value is null.
pub(super) fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

/// The refusal of a value of the wrong type.
pub(super) fn wrong(name: &str, expected: &str, value: &RawValue) -> Failure {
    let found = match value.get().as_bytes().first() {
        Some(b'"') => "a string that is not well-formed text",
        Some(b'[') => "an array",
        Some(b'{') => "an object",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    };
    Failure::input("invalid-input", format!("`{name}` must be {expected}, and is {found}"))
}

/// Why a value of any type must not be stored: raw JSON is checked for its grammar only, so what
/// is nested too deeply or is no text would come back at whoever reads it.
pub(super) fn flaw(value: &RawValue) -> Option<String> {
    let plain = |byte: &u8| !matches!(byte, b'[' | b'{' | b'\\');
    if value.get().as_bytes().iter().all(plain) {
        return None;
    }
    serde_json::from_str::<Value>(value.get()).err().map(|error| error.to_string())
}

/// Appends a value without the blanks between its tokens.
pub(super) fn write_compact(value: &RawJson, out: &mut Vec<u8>) {
    let bytes = value.as_bytes();
    if !matches!(bytes.first(), Some(b'[' | b'{')) {
        return out.extend_from_slice(bytes);
    }
    let (mut in_string, mut escaped) = (false, false);
    for &byte in bytes {
        if in_string || !byte.is_ascii_whitespace() {
            out.push(byte);
        }
        if byte == b'"' && !escaped {
            in_string = !in_string;
        }
        escaped = byte == b'\\' && !escaped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compact(value: &str) -> String {
        let mut out = Vec::new();
        write_compact(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn blanks_go_between_tokens_and_stay_in_strings() {
        assert_eq!(compact("[ 1 ,\n\"a  b\" ]"), "[1,\"a  b\"]");
        let nested = "{ \"a\\\" { \" : [ { } , \"\\\\\" , 1.50e+3 ] }";
        assert_eq!(compact(nested), "{\"a\\\" { \":[{},\"\\\\\",1.50e+3]}");
        assert_eq!(compact("\" [ \""), "\" [ \"");
    }

    #[test]
    fn values_that_no_reader_could_take_are_flawed() {
        let flaw_of = |value: &str| flaw(serde_json::from_str(value).unwrap());
        let deep = "[".repeat(200) + &"]".repeat(200);
        for value in [r#""\ud800""#, r#"{"a":["\udc00"]}"#, &deep, "[1e999]"] {
            assert!(flaw_of(value).is_some(), "{value}");
        }
        for value in ["1", "\"x\"", r#""\ud83d\ude00""#, r#"{"a":[null,{}]}"#] {
            assert_eq!(flaw_of(value), None, "{value}");
        }
    }
}
