//! One HTTP/1.1 answer as a caller of a task server reads it. It understands a status line, a
//! `Content-Length` and nothing else, because the reader shares its processor with the server
//! that it measures.

use crate::head::{self, Framing, Malformed};

/// A complete answer, still in the buffer it was read into.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// The head, its empty line included.
    pub head: &'a [u8],
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Response<'a> {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        head::header(self.head, name)
    }

    /// Bytes of head and body.
    pub fn whole_bytes(&self) -> usize {
        self.head.len() + self.body.len()
    }
}

/// The status and the framing of the answer that starts `bytes`; `None` while its head has not
/// come whole.
pub fn read_head(bytes: &[u8]) -> Result<Option<(u16, Framing)>, Malformed> {
    let answer = head::read(bytes, status)?;
    Ok(answer.map(|(status, framing)| (status, bodiless(status, framing))))
}

/// A 204 and a 304 have no body, whatever length they name.
fn bodiless(status: u16, framing: Framing) -> Framing {
    if matches!(status, 204 | 304) { Framing { body_bytes: 0, ..framing } } else { framing }
}

fn status(line: &[u8]) -> Result<u16, Malformed> {
    match line {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', digits @ ..] => code(digits),
        _ => Err(Malformed::FirstLine),
    }
}

fn code(digits: &[u8]) -> Result<u16, Malformed> {
    let (number, rest) = digits.split_at_checked(3).ok_or(Malformed::FirstLine)?;
    let plain = number.iter().all(u8::is_ascii_digit) && rest.first().is_none_or(|b| *b == b' ');
    if !plain {
        return Err(Malformed::FirstLine);
    }
    Ok(number.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\n\r\nhello";

    #[test]
    fn a_head_split_at_every_byte_is_read_once_it_is_whole() {
        let head_bytes = ANSWER.len() - 5;
        for end in 0..=ANSWER.len() {
            let read = read_head(&ANSWER[..end]).unwrap();
            assert_eq!(read.is_some(), end >= head_bytes, "after {end} bytes");
            if let Some((status, framing)) = read {
                assert_eq!((status, framing.head_bytes, framing.body_bytes), (200, head_bytes, 5));
            }
        }
    }

    #[test]
    fn a_status_line_without_a_reason_is_a_status_line() {
        let (status, _) = read_head(b"HTTP/1.1 503\r\n\r\n").unwrap().unwrap();
        assert_eq!(status, 503);
    }

    #[test]
    fn what_is_not_a_status_line_is_refused() {
        for line in [&b"HTTP/2 200 OK"[..], b"HTTP/1.1 20x OK", b"HTTP/1.1 2000", b"HTTP/1.1 20"] {
            let bytes = [line, b"\r\n\r\n"].concat();
            assert_eq!(read_head(&bytes), Err(Malformed::FirstLine));
        }
    }

    #[test]
    fn a_304_has_no_body() {
        let bytes = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n";
        assert_eq!(read_head(bytes).unwrap().unwrap().1.body_bytes, 0);
    }
}
