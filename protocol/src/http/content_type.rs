//! The content type of a result, checked before it becomes a header. A handler's mistake must not
//! end a field early, let alone a message.

use super::token::is_token;

/// What bytes of no known type are.
const UNKNOWN: &str = "application/octet-stream";

/// The longest content type that is passed on.
const MAX_BYTES: usize = 256;

/// `text` if it is `type/subtype`, optionally with parameters in visible ASCII, spaces and tabs;
/// otherwise, or without one, `application/octet-stream`.
pub(super) fn checked(text: Option<&str>) -> &str {
    text.filter(|text| is_sound(text)).unwrap_or(UNKNOWN)
}

/// Whether `text` is passed on as it is.
pub(crate) fn is_sound(text: &str) -> bool {
    text.len() <= MAX_BYTES && is_media_type(text)
}

fn is_media_type(text: &str) -> bool {
    let (essence, parameters) = text.split_at(text.find(';').unwrap_or(text.len()));
    let Some((main, sub)) = essence.trim_end_matches([' ', '\t']).split_once('/') else {
        return false;
    };
    let is_printable = |byte: u8| byte.is_ascii_graphic() || byte == b' ' || byte == b'\t';
    is_token(main.as_bytes())
        && is_token(sub.as_bytes())
        && parameters.bytes().all(is_printable)
        && !parameters.ends_with([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_pass() {
        for text in [
            "application/json",
            "text/plain; charset=utf-8",
            "text/plain ;charset=\"utf-8\"",
            "application/vnd.a+json;v=1;w=\"a b\"",
        ] {
            assert_eq!(checked(Some(text)), text);
        }
    }

    #[test]
    fn anything_else_is_octets() {
        let too_long = format!("text/{}", "a".repeat(MAX_BYTES));
        for text in [
            "",
            "text",
            "text/",
            "/plain",
            "text/plain\r\nX: y",
            "text/plain; a=\n",
            "text/pl ain",
            "text/plain; a=ä",
            "text/plain; a=\0",
            "text/plain\r",
            " text/plain",
            "text/plain; ",
            "a/b/c",
            &too_long,
        ] {
            assert_eq!(checked(Some(text)), UNKNOWN, "{text:?}");
        }
        assert_eq!(checked(None), UNKNOWN);
    }
}
