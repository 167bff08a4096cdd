//! The urgency in a `Priority` field (RFC 9218), which is a dictionary of structured fields (RFC
//! 9651). What is malformed counts as not said, never as an error.

use crate::http::list;

/// The urgency where none is said.
pub(super) const USUAL: u8 = 3;

/// The urgency that `field` tells. Of several members `u` the last counts; a dictionary that
/// cannot be read tells nothing.
pub(super) fn urgency(field: Option<&str>) -> u8 {
    let mut urgency = USUAL;
    for member in list::elements(field.unwrap_or_default()) {
        let (key, value) = key_and_value(member);
        if !is_key(key) {
            return USUAL;
        }
        if key == "u" {
            urgency = value.and_then(level).unwrap_or(USUAL);
        }
    }
    urgency
}

/// A member's parameters mean nothing to us. Nothing may stand around its equals sign.
fn key_and_value(member: &str) -> (&str, Option<&str>) {
    let said = list::parts(member, b';').next().unwrap_or_default();
    match said.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (said, None),
    }
}

fn is_key(text: &str) -> bool {
    let starts = |byte: u8| byte.is_ascii_lowercase() || byte == b'*';
    let goes_on = |byte: u8| starts(byte) || byte.is_ascii_digit() || b"_-.".contains(&byte);
    text.bytes().next().is_some_and(starts) && text.bytes().all(goes_on)
}

/// An integer from 0 to 7.
fn level(text: &str) -> Option<u8> {
    let is_integer = (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|&level| is_integer && level <= 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urgencies_are_read() {
        for (field, expected) in [
            ("u=0", 0),
            ("u=7", 7),
            ("i, u=5", 5),
            ("u=5, i=?0", 5),
            ("u=5;a=\"b,c\", x=(1 2)", 5),
            ("u=1, u=6", 6),
            ("u=07", 7),
        ] {
            assert_eq!(urgency(Some(field)), expected, "{field}");
        }
    }

    #[test]
    fn what_is_malformed_says_nothing() {
        for field in [
            "",
            "i",
            "u",
            "u=",
            "u=8",
            "u=-1",
            "u=+3",
            "u=1.0",
            "u=a",
            "u=\"1\"",
            "U=1",
            "u =1",
            "u= 1",
            "u=1, =",
            "u=1, X",
            "u=?1",
            "u=0000000000000001",
        ] {
            assert_eq!(urgency(Some(field)), USUAL, "{field}");
        }
        assert_eq!(urgency(None), USUAL);
    }
}
