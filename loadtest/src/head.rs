//! The lines of an HTTP/1.1 head, as far as a load generator and a floor need them: where the
//! head ends, how long the body is, whether the connection stays. It never copies and never
//! judges what it does not need.

use memchr::memchr;

/// The longest head that is waited for.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Why bytes are not a head that we understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// A line ended with a bare line feed.
    BareLineFeed,
    /// No end within [`HEAD_BYTES_MAX`].
    TooLong,
    /// The first line is not what it should be.
    FirstLine,
    /// A `Content-Length` that is not a number.
    Length,
    /// A body in chunks; nobody here sends or expects one.
    Chunked,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::BareLineFeed => "a line of the head ends with a bare line feed",
            Self::TooLong => "the head does not end",
            Self::FirstLine => "the first line is not HTTP/1.1",
            Self::Length => "the content length is not a number",
            Self::Chunked => "the body comes in chunks",
        })
    }
}

impl std::error::Error for Malformed {}

/// Whether a connection outlives an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// Another request may follow.
    Kept,
    /// The sender closes.
    Closed,
}

/// What the header lines of a complete head say about the framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    /// Bytes of the head, its empty line included.
    pub head_bytes: usize,
    /// Bytes of the body.
    pub body_bytes: usize,
    /// Whether the connection stays.
    pub persistence: Persistence,
}

impl Framing {
    /// Bytes of head and body.
    pub fn whole_bytes(&self) -> usize {
        self.head_bytes + self.body_bytes
    }
}

/// Reads a head from the start of `bytes`; the first line goes to `first_line`. `None` while its
/// end has not come.
pub fn read<T>(
    bytes: &[u8],
    first_line: impl FnOnce(&[u8]) -> Result<T, Malformed>,
) -> Result<Option<(T, Framing)>, Malformed> {
    let mut lines = Lines { bytes, at: 0 };
    let Some(first) = lines.next_line()? else { return incomplete(bytes) };
    let mut framing = Framing { head_bytes: 0, body_bytes: 0, persistence: Persistence::Kept };
    while let Some(line) = lines.next_line()? {
        if line.is_empty() {
            framing.head_bytes = lines.at;
            return Ok(Some((first_line(first)?, framing)));
        }
        // Only three names matter, so one byte spares most lines a closer look.
        if matches!(line[0] | 0x20, b'c' | b't') {
            note_header(line, &mut framing)?;
        }
    }
    incomplete(bytes)
}

/// The value of the header `name` in a complete head, without the white space around it.
pub fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let mut lines = Lines { bytes: head, at: 0 };
    while let Ok(Some(line)) = lines.next_line() {
        if let Some(value) = value_of(line, name) {
            return std::str::from_utf8(value).ok();
        }
    }
    None
}

fn incomplete<T>(bytes: &[u8]) -> Result<Option<T>, Malformed> {
    if bytes.len() > HEAD_BYTES_MAX { Err(Malformed::TooLong) } else { Ok(None) }
}

fn note_header(line: &[u8], framing: &mut Framing) -> Result<(), Malformed> {
    if let Some(value) = value_of(line, "content-length") {
        framing.body_bytes = decimal(value).ok_or(Malformed::Length)?;
    } else if let Some(value) = value_of(line, "connection") {
        if value.eq_ignore_ascii_case(b"close") {
            framing.persistence = Persistence::Closed;
        }
    } else if value_of(line, "transfer-encoding").is_some() {
        return Err(Malformed::Chunked);
    }
    Ok(())
}

fn value_of<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (found, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    found.eq_ignore_ascii_case(name.as_bytes()).then(|| value.trim_ascii())
}

fn decimal(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    digits.iter().try_fold(0, |value, digit| {
        digit.is_ascii_digit().then(|| value * 10 + usize::from(digit - b'0'))
    })
}

struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    fn next_line(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        let rest = &self.bytes[self.at..];
        let Some(end) = memchr(b'\n', rest) else { return Ok(None) };
        self.at += end + 1;
        rest[..end].strip_suffix(b"\r").map(Some).ok_or(Malformed::BareLineFeed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(_: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }

    #[test]
    fn a_head_without_a_length_has_no_body() {
        let (_, framing) = read(b"GET / HTTP/1.1\r\n\r\nx", any).unwrap().unwrap();
        assert_eq!((framing.head_bytes, framing.body_bytes), (18, 0));
        assert_eq!(framing.persistence, Persistence::Kept);
    }

    #[test]
    fn names_are_compared_without_case_and_values_trimmed() {
        let bytes = b"X\r\ncontent-LENGTH: \t12 \r\nCONNECTION: Close\r\n\r\n";
        let (_, framing) = read(bytes, any).unwrap().unwrap();
        assert_eq!(framing.body_bytes, 12);
        assert_eq!(framing.persistence, Persistence::Closed);
    }

    #[test]
    fn a_longer_name_is_another_header() {
        let bytes = b"X\r\nContent-Length-Of-Old: 12\r\nContent-Type: text/plain\r\n\r\n";
        assert_eq!(read(bytes, any).unwrap().unwrap().1.body_bytes, 0);
    }

    #[test]
    fn what_cannot_be_framed_is_refused() {
        for (bytes, why) in [
            (&b"X\nY: 1\r\n\r\n"[..], Malformed::BareLineFeed),
            (b"X\r\nContent-Length: 1x\r\n\r\n", Malformed::Length),
            (b"X\r\nContent-Length:\r\n\r\n", Malformed::Length),
            (b"X\r\nContent-Length: 1234567890123456\r\n\r\n", Malformed::Length),
            (b"X\r\nTransfer-Encoding: chunked\r\n\r\n", Malformed::Chunked),
        ] {
            assert_eq!(read(bytes, any), Err(why));
        }
        assert_eq!(read(&vec![b'x'; HEAD_BYTES_MAX + 1], any), Err(Malformed::TooLong));
    }

    #[test]
    fn a_header_is_found_by_name() {
        let head = b"HTTP/1.1 202 Accepted\r\nlocation: /v1/tasks/7\r\nRetry-After: 1\r\n\r\n";
        assert_eq!(header(head, "Location"), Some("/v1/tasks/7"));
        assert_eq!(header(head, "Retry"), None);
    }
}
