//! What the client reads of an answer: whether it is whole, and how long its task waited. It knows
//! only the answers of the server here, and takes them as they are.

use std::time::Duration;

/// The servers tell whole microseconds and cut off the rest.
pub(crate) const CUT_OFF_NANOS: u64 = 1_000;

/// A whole answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// A result, and how long its task waited for its handler.
    Result {
        /// From the turn that read the end of the request to the handler's start, less what was cut off.
        queue: Duration,
    },
    /// Anything else.
    Refusal,
}

/// Reads the answer at the start of a connection's bytes; `None` if it is not whole yet.
pub(crate) fn read(bytes: &[u8]) -> Option<Told> {
    let head_end = place(bytes, b"\r\n\r\n")? + 4;
    let head = &bytes[..head_end];
    let length = value(head, b"Content-Length: ", b'\r').expect("every answer tells its length");
    if bytes.len() < head_end + length.parse::<usize>().expect("a length is a number") {
        return None;
    }
    if !head.starts_with(b"HTTP/1.1 200 ") {
        return Some(Told::Refusal);
    }
    let queue = value(head, b"queue;dur=", b',').expect("every result tells its spans");
    let queue: f64 = queue.parse().expect("a span is a number");
    Some(Told::Result { queue: Duration::from_secs_f64(queue / 1000.0) })
}

fn value<'a>(head: &'a [u8], name: &[u8], end: u8) -> Option<&'a str> {
    let start = place(head, name)? + name.len();
    let length = head[start..].iter().position(|&byte| byte == end)?;
    std::str::from_utf8(&head[start..start + length]).ok()
}

fn place(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
