//! One upload: contacts that are made while they are sent, so that hundreds of large bodies take
//! no memory here.

use crate::ask::exchange;
use crate::bulk::body::PATH;
use crate::bulk::client::{Answer, answer};
use crate::contacts::Form;
use crate::request::write_decimal;
use anyhow::Context;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bytes that are written at once.
const WRITE_BYTES: usize = 64 * 1024;
/// Longer than whoever watches waits.
const PATIENCE: Duration = Duration::from_secs(600);
const NUMBER_DIGITS: usize = 4;
const LINE_DIGITS: usize = 7;

/// How a body says where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// By its length.
    Sized,
    /// In chunks of 16 KB.
    Chunked,
    /// In chunks of a single byte.
    Trickling,
}

impl Framing {
    fn chunk_bytes(self) -> Option<usize> {
        match self {
            Self::Sized => None,
            Self::Chunked => Some(16 * 1024),
            Self::Trickling => Some(1),
        }
    }
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upload {
    pub(super) framing: Framing,
    pub(super) lines: usize,
    pub(super) line_bytes: usize,
    /// Tells its contacts from those of other uploads.
    pub(super) number: u64,
}

impl Upload {
    /// Sends it on a connection of its own and reads the answer; every byte written is counted.
    pub(super) fn send(&self, target: SocketAddr, moved: &AtomicU64) -> anyhow::Result<Answer> {
        let mut stream = TcpStream::connect(target).context("cannot connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        // A refusal may come before the end of the body; then the rest is of no interest.
        let sent = self.write(target, &mut Counted { out: &mut stream, moved });
        let mut input = Vec::new();
        let response = exchange(&mut stream, b"", &mut input);
        moved.fetch_add(1, Ordering::Relaxed);
        match (response, sent) {
            (Ok(response), _) => answer(&response),
            (Err(_), Err(error)) => Err(error).context("cannot send"),
            (Err(error), Ok(())) => Err(error),
        }
    }

    fn write(&self, host: SocketAddr, out: &mut impl Write) -> std::io::Result<()> {
        let end = match self.framing {
            Framing::Sized => format!("Content-Length: {}", self.lines * self.line_bytes),
            Framing::Chunked | Framing::Trickling => "Transfer-Encoding: chunked".to_owned(),
        };
        write!(
            out,
            "POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {}\r\n{end}\r\n\r\n",
            Form::Ndjson.content_type()
        )?;
        let mut line = self.line();
        let mut waiting = Vec::with_capacity(WRITE_BYTES * 2);
        for number in 0..self.lines {
            let digits = line.digits_at..line.digits_at + LINE_DIGITS;
            write_decimal(&mut line.bytes[digits], number as u64);
            match self.framing.chunk_bytes() {
                None => waiting.extend_from_slice(&line.bytes),
                Some(bytes) => {
                    line.bytes.chunks(bytes).for_each(|chunk| put_chunk(&mut waiting, chunk));
                }
            }
            if waiting.len() >= WRITE_BYTES {
                out.write_all(&waiting)?;
                waiting.clear();
            }
        }
        if self.framing != Framing::Sized {
            waiting.extend_from_slice(b"0\r\n\r\n");
        }
        out.write_all(&waiting)
    }

    /// A contact, with blanks up to the length of a line.
    fn line(&self) -> Line {
        let mut front = b"{\"email\":\"flood-0000-".to_vec();
        let digits_at = front.len();
        write_decimal(&mut front[digits_at - NUMBER_DIGITS - 1..digits_at - 1], self.number);
        front.extend_from_slice(&[b'0'; LINE_DIGITS]);
        front.extend_from_slice(b"@load.test\"");
        let back = b"}\n";
        front.resize(self.line_bytes.saturating_sub(back.len()).max(front.len()), b' ');
        front.extend_from_slice(back);
        Line { bytes: front, digits_at }
    }
}

struct Line {
    bytes: Vec<u8>,
    digits_at: usize,
}

fn put_chunk(out: &mut Vec<u8>, chunk: &[u8]) {
    write!(out, "{:x}\r\n", chunk.len()).expect("a vector takes all that is written");
    out.extend_from_slice(chunk);
    out.extend_from_slice(b"\r\n");
}

/// Counts what is taken.
struct Counted<'a, W> {
    out: &'a mut W,
    moved: &'a AtomicU64,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.moved.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(framing: Framing) -> String {
        let upload = Upload { framing, lines: 3, line_bytes: 100, number: 12 };
        let mut out = Vec::new();
        upload.write("127.0.0.1:1".parse().unwrap(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn with_a_length_every_line_is_a_contact_of_its_own() {
        let text = written(Framing::Sized);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with("Content-Length: 300"), "{head}");
        assert_eq!(body.len(), 300);
        for (number, line) in body.lines().enumerate() {
            let contact: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(contact["email"], format!("flood-0012-{number:07}@load.test"));
        }
    }

    #[test]
    fn chunks_add_up_to_the_same_body() {
        let sized = written(Framing::Sized);
        let (_, body) = sized.split_once("\r\n\r\n").unwrap();
        for (framing, chunks) in [(Framing::Chunked, 3), (Framing::Trickling, 300)] {
            let chunked = written(framing);
            let (_, mut rest) = chunked.split_once("\r\n\r\n").unwrap();
            let (mut joined, mut count) = (String::new(), 0);
            while let Some((size, after)) = rest.split_once("\r\n") {
                let size = usize::from_str_radix(size, 16).unwrap();
                if size == 0 {
                    assert_eq!(after, "\r\n");
                    break;
                }
                joined.push_str(&after[..size]);
                rest = after[size..].strip_prefix("\r\n").unwrap();
                count += 1;
            }
            assert_eq!((joined.as_str(), count), (body, chunks));
        }
    }
}
