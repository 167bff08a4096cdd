//! Entity tags (RFC 9110, sections 8.8.3 and 13.1.2): a tag for a document, and whether a caller
//! has it already. It guards against waste only, never against a lost update.

/// The strong tag of a body, quotes included: its 64-bit FNV-1a hash in hexadecimal.
pub(crate) fn of(body: &[u8]) -> [u8; 18] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let mut hash =
        body.iter().fold(BASIS, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    let mut tag = [b'"'; 18];
    for place in tag[1..17].iter_mut().rev() {
        *place = HEX[(hash & 15) as usize];
        hash >>= 4;
    }
    tag
}

/// Whether `if_none_match` names `tag`, by the weak comparison. What comes behind a malformed
/// element is not looked at: then the document is sent, which is never wrong.
pub(super) fn is_named(if_none_match: &str, tag: &[u8]) -> bool {
    if if_none_match == "*" {
        return true;
    }
    let mut rest = if_none_match;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let opaque = rest.strip_prefix("W/").unwrap_or(rest);
        let Some(end) = opaque.strip_prefix('"').and_then(|inner| inner.find('"')) else {
            return false;
        };
        let (candidate, behind) = opaque.split_at(end + 2);
        if candidate.as_bytes() == tag {
            return true;
        }
        rest = behind.trim_start_matches([' ', '\t']);
        if !rest.starts_with(',') {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_fnv_1a() {
        // The reference values of the algorithm's authors.
        assert_eq!(&of(b""), b"\"cbf29ce484222325\"");
        assert_eq!(&of(b"a"), b"\"af63dc4c8601ec8c\"");
        assert_eq!(&of(b"foobar"), b"\"85944171f73967e8\"");
    }

    #[test]
    fn tags_are_found_by_weak_comparison() {
        let tag = br#""ab""#;
        for value in
            ["*", r#""ab""#, r#"W/"ab""#, r#""x", "ab""#, r#" , "x" ,W/"ab","y""#, r#""a,b","ab""#]
        {
            assert!(is_named(value, tag), "{value}");
        }
    }

    #[test]
    fn other_tags_are_not() {
        let tag = br#""ab""#;
        for value in [
            "",
            "ab",
            r#""ab"#,
            r#"w/"ab""#,
            r#""AB""#,
            r#""a", "b""#,
            r#""x" "ab""#,
            "*, \"x\"",
            r#"x, "ab""#,
            "W/",
        ] {
            assert!(!is_named(value, tag), "{value}");
        }
    }
}
