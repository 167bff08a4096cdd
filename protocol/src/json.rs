//! A write-only JSON encoder (RFC 8259) for the little that the core itself says: problems and
//! task documents. There is no decoder here, and there must never be one.

/// An object being written. Call [`Json::end`] to close it.
pub struct Json<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Json<'a> {
    /// Opens an object at the end of `out`.
    pub fn object(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Goes on with an object that was opened before and has members already.
    pub(crate) fn within(out: &'a mut Vec<u8>) -> Self {
        Self { out, first: false }
    }

    /// Members that are JSON already, with the comma before them.
    pub(crate) fn fixed(&mut self, members: &str) {
        self.out.extend_from_slice(members.as_bytes());
    }

    /// Closes the object.
    pub fn end(self) {
        self.out.push(b'}');
    }

    /// A text member.
    pub fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        write_text(self.out, value);
    }

    /// A text member made of two parts.
    pub fn joined_text(&mut self, name: &str, [first, second]: [&str; 2]) {
        self.name(name);
        self.out.push(b'"');
        write_within(self.out, first);
        write_within(self.out, second);
        self.out.push(b'"');
    }

    /// A text member, or null.
    pub fn optional_text(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.null(name),
        }
    }

    /// A number member.
    pub fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        write_decimal(self.out, value);
    }

    /// A number member, or null.
    pub fn optional_number(&mut self, name: &str, value: Option<u64>) {
        match value {
            Some(value) => self.number(name, value),
            None => self.null(name),
        }
    }

    /// A boolean member.
    pub fn boolean(&mut self, name: &str, value: bool) {
        self.name(name);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// A null member.
    pub fn null(&mut self, name: &str) {
        self.name(name);
        self.out.extend_from_slice(b"null");
    }

    /// An object member, filled by `fill`.
    pub fn nested(&mut self, name: &str, fill: impl FnOnce(&mut Json<'_>)) {
        self.name(name);
        let mut inner = Json::object(self.out);
        fill(&mut inner);
        inner.end();
    }

    /// An array member: each entry is appended by `write`.
    pub fn array<T>(&mut self, name: &str, entries: &[T], write: impl Fn(&T, &mut Vec<u8>)) {
        self.name(name);
        self.out.push(b'[');
        for (place, entry) in entries.iter().enumerate() {
            if place > 0 {
                self.out.push(b',');
            }
            write(entry, self.out);
        }
        self.out.push(b']');
    }

    /// Members that are JSON already, without braces around them; nothing if there are none.
    pub fn members(&mut self, members: &str) {
        if !members.is_empty() {
            self.comma();
            self.out.extend_from_slice(members.as_bytes());
        }
    }

    fn name(&mut self, name: &str) {
        self.comma();
        write_text(self.out, name);
        self.out.push(b':');
    }

    fn comma(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
    }
}

/// Appends `value` as a JSON string, quotes included.
pub fn write_text(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    write_within(out, value);
    out.push(b'"');
}

/// Appends `value` as it stands within a JSON string: most of it at a stroke, because nearly nothing
/// has to be escaped.
fn write_within(out: &mut Vec<u8>, value: &str) {
    let mut rest = value.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| is_escaped(byte)) {
        out.extend_from_slice(&rest[..at]);
        write_escaped(out, rest[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

fn is_escaped(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20 | 0x7f)
}

fn write_escaped(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        }
    }
}

/// Appends `value` in decimal digits.
pub(crate) fn write_decimal(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_nesting() {
        let mut out = Vec::new();
        let mut json = Json::object(&mut out);
        json.number("n", u64::MAX);
        json.boolean("b", false);
        json.nested("o", |o| {
            o.null("x");
            o.nested("empty", |empty| empty.members(""));
            o.members("\"y\":[1],\"z\":2");
        });
        json.array("a", &["x", "y"], |text, out| write_text(out, text));
        json.array("none", &[] as &[&str], |text, out| write_text(out, text));
        json.optional_text("t", Some("ü"));
        json.optional_number("m", None);
        json.end();
        let expected = r#"{"n":18446744073709551615,"b":false,"o":{"x":null,"empty":{},"y":[1],"z":2},"a":["x","y"],"none":[],"t":"ü","m":null}"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn every_character_that_must_be_escaped_is() {
        let mut out = Vec::new();
        write_text(&mut out, "\"\\\n\r\t\u{0}\u{1f}\u{7f}/é");
        assert_eq!(String::from_utf8(out).unwrap(), r#""\"\\\n\r\t\u0000\u001f\u007f/é""#);
    }
}
