//! The characters of RFC 9110, section 5.6, and the few questions asked of them. It knows no
//! field.

/// Whether `byte` is a `tchar`: what names, methods and most parameters are made of.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether `text` is a token.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

/// Whether `byte` may stand in a field value: visible ASCII, space, tab, or above ASCII.
pub(super) const fn is_field_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// `value` without the optional whitespace around it.
pub(crate) fn trimmed(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_characters_are_those_of_the_grammar() {
        let tokens = (0..=u8::MAX).filter(|&byte| is_token_byte(byte)).count();
        assert_eq!(tokens, 77, "15 marks, 10 digits, 52 letters");
        for byte in *b"()<>@,;:\\\"/[]?={} \t\x00\x7f\x80" {
            assert!(!is_token_byte(byte), "{byte:#x}");
        }
        assert!(!is_token(b""));
    }

    #[test]
    fn fields_have_no_control_characters() {
        let barred: Vec<u8> = (0..=u8::MAX).filter(|&byte| !is_field_byte(byte)).collect();
        let controls: Vec<u8> = (0..32).filter(|&byte| byte != b'\t').chain([0x7f]).collect();
        assert_eq!(barred, controls);
    }
}
