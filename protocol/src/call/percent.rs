//! Percent-decoding (RFC 3986, section 2.1), strict: what is not well-formed has no value. It
//! never takes a plus sign for a space.

use std::borrow::Cow;

/// `text` with its percent signs decoded; `None` if one is malformed or the result is not UTF-8.
pub(super) fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                bytes.push(hex(*high)? << 4 | hex(*low)?);
                tail
            }
            (b'%', _) => return None,
            (byte, tail) => {
                bytes.push(*byte);
                tail
            }
        };
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_texts_are_decoded_once() {
        for (text, expected) in [
            ("", ""),
            ("a+b", "a+b"),
            ("a%40b", "a@b"),
            ("%c3%A4", "ä"),
            ("%2525", "%25"),
            ("%00", "\0"),
        ] {
            assert_eq!(decoded(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn others_have_no_value() {
        for text in ["%", "%4", "a%", "%zz", "%+1", "%c3", "%ff", "%-1"] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }
}
