//! Lists in field values (RFC 9110, section 5.6.1). It parts elements at commas and parameters at
//! semicolons, and never at one inside a quoted string.

use super::token::trimmed;

/// The elements of a comma-separated list, trimmed; empty ones are passed over. A quoted string
/// that never ends reaches to the end of the value.
pub(crate) fn elements(value: &str) -> impl Iterator<Item = &str> {
    parts(value, b',').filter(|element| !element.is_empty())
}

/// The parts of `value` between separators outside quoted strings, trimmed.
pub(crate) fn parts(value: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let whole = rest?;
        let end = first_outside_quotes(whole.as_bytes(), separator);
        rest = end.map(|at| &whole[at + 1..]);
        Some(trimmed(&whole[..end.unwrap_or(whole.len())]))
    })
}

fn first_outside_quotes(value: &[u8], separator: u8) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    value.iter().position(|&byte| {
        if escaped {
            escaped = false;
            return false;
        }
        match byte {
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => return byte == separator && !quoted,
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &[&str]) {
        assert_eq!(elements(value).collect::<Vec<_>>(), expected, "{value}");
    }

    #[test]
    fn elements_are_parted_outside_quotes_only() {
        check("", &[]);
        check("a", &["a"]);
        check(" a ,\tb,,c, ", &["a", "b", "c"]);
        check(r#"a="x,y", b"#, &[r#"a="x,y""#, "b"]);
        check(r#"a="\",", b"#, &[r#"a="\",""#, "b"]);
        check(r#"a="never, ends"#, &[r#"a="never, ends"#]);
        check(r"a\,b", &[r"a\", "b"]);
    }

    #[test]
    fn parts_keep_empty_ones() {
        assert_eq!(parts("a; ;b", b';').collect::<Vec<_>>(), ["a", "", "b"]);
    }
}
