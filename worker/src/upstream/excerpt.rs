//! An excerpt of what a service has said, for a person to read: short, of one line, and unable to
//! steer a terminal. What is secret is not in it.

/// The longest excerpt, in bytes.
const EXCERPT_MAX_BYTES: usize = 240;

/// The beginning of a text, in which `secret` is blotted out.
pub(super) fn excerpt(body: &[u8], secret: Option<&str>) -> String {
    let text = String::from_utf8_lossy(body);
    let text = match secret {
        Some(secret) => text.replace(secret, "…").into(),
        None => text,
    };
    let mut line = String::new();
    for word in
        text.split(|c: char| !is_shown(c) || c.is_whitespace()).filter(|word| !word.is_empty())
    {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > EXCERPT_MAX_BYTES {
            line.truncate(line.floor_char_boundary(EXCERPT_MAX_BYTES));
            line.push('…');
            break;
        }
    }
    line
}

/// Whether a character is seen where it stands, and changes nothing around it.
fn is_shown(c: char) -> bool {
    let steers = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    !c.is_control() && !steers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_short_line_that_steers_nothing() {
        for (body, line) in [
            (&b""[..], ""),
            (b"no such invoice", "no such invoice"),
            (b"\r\n <h1>Bad</h1>\t\n\n gateway ", "<h1>Bad</h1> gateway"),
            (b"a\x1b[31mb\x07c\0d", "a [31mb c d"),
            ("a\u{202e}b\u{2066}c\u{feff}d\u{200b}e".as_bytes(), "a b c d e"),
            (b"a\xff\xfeb", "a\u{fffd}\u{fffd}b"),
            (b"you sent Bearer s3same, not good", "you sent Bearer …, not good"),
        ] {
            assert_eq!(excerpt(body, Some("s3same")), line);
        }
        let long = excerpt("é".repeat(10_000).as_bytes(), None);
        assert_eq!(long.len(), EXCERPT_MAX_BYTES + '…'.len_utf8());
    }
}
