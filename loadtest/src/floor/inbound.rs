//! Requests as a thread reads them that may wait: heads, and bodies with a length or in chunks.
//! It never holds more of a body than one read.

use crate::head::{HEAD_BYTES_MAX, header};
use std::io::{BufRead, BufReader, Error, ErrorKind, Read};

const BUFFER_BYTES: usize = 64 * 1024;

/// How far a body goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Length(u64),
    Chunked,
}

pub(super) struct Inbound<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
}

impl<R: Read> Inbound<R> {
    pub(super) fn new(from: R) -> Self {
        Self { reader: BufReader::with_capacity(BUFFER_BYTES, from), line: Vec::new() }
    }

    /// Reads the next head; `None` if the sender has closed.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Extent>> {
        let mut head = Vec::new();
        while self.next_line()? {
            head.extend_from_slice(&self.line);
            if self.line == b"\r\n" {
                return extent(&head).map(Some);
            }
            if head.len() > HEAD_BYTES_MAX {
                return Err(malformed("the head does not end"));
            }
        }
        if head.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }

    /// Reads the body that is next, and shows it to `take` part by part.
    pub(super) fn body(
        &mut self,
        extent: Extent,
        mut take: impl FnMut(&[u8]),
    ) -> std::io::Result<()> {
        match extent {
            Extent::Length(bytes) => self.pass(bytes, &mut take),
            Extent::Chunked => {
                loop {
                    self.next_line()?;
                    let bytes = chunk_bytes(&self.line)?;
                    if bytes == 0 {
                        break;
                    }
                    self.pass(bytes, &mut take)?;
                    self.next_line()?;
                }
                // No trailers are sent here: one empty line ends the body.
                self.next_line().map(drop)
            }
        }
    }

    fn next_line(&mut self) -> std::io::Result<bool> {
        self.line.clear();
        let limit = HEAD_BYTES_MAX as u64;
        Ok((&mut self.reader).take(limit).read_until(b'\n', &mut self.line)? > 0)
    }

    fn pass(&mut self, mut left: u64, take: &mut impl FnMut(&[u8])) -> std::io::Result<()> {
        while left > 0 {
            let part = self.reader.fill_buf()?;
            if part.is_empty() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let bytes = part.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            take(&part[..bytes]);
            self.reader.consume(bytes);
            left -= bytes as u64;
        }
        Ok(())
    }
}

fn extent(head: &[u8]) -> std::io::Result<Extent> {
    if header(head, "transfer-encoding").is_some() {
        return Ok(Extent::Chunked);
    }
    let length = header(head, "content-length").unwrap_or("0");
    length.parse().map(Extent::Length).map_err(|_| malformed("the length is not a number"))
}

fn chunk_bytes(line: &[u8]) -> std::io::Result<u64> {
    let text = std::str::from_utf8(line.trim_ascii()).unwrap_or_default();
    u64::from_str_radix(text, 16).map_err(|_| malformed("the size of a chunk is not a number"))
}

fn malformed(why: &str) -> Error {
    Error::new(ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(bytes: &[u8]) -> std::io::Result<Vec<Vec<u8>>> {
        let mut inbound = Inbound::new(bytes);
        let mut bodies = Vec::new();
        while let Some(extent) = inbound.next()? {
            let mut body = Vec::new();
            inbound.body(extent, |part| body.extend_from_slice(part))?;
            bodies.push(body);
        }
        Ok(bodies)
    }

    #[test]
    fn bodies_with_a_length_and_in_chunks_follow_each_other() {
        let bytes = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc\
            POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nd\r\nB\r\nefghijklmno\r\n0\r\n\r\n\
            GET / HTTP/1.1\r\n\r\n";
        let expected = [&b"abc"[..], b"defghijklmno", b""];
        assert_eq!(bodies(bytes).unwrap(), expected);
    }

    #[test]
    fn what_breaks_off_or_is_no_number_is_an_error() {
        for bytes in [
            &b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab"[..],
            b"POST / HTTP/1.1\r\nContent-",
            b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        ] {
            assert!(bodies(bytes).is_err(), "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
