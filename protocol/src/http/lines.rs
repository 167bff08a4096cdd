//! The lines of an answer's head, written by hand: at a hundred thousand answers a second a
//! formatter would show. It knows how a line is written and never which lines an answer has.

use crate::json::write_decimal as decimal;
use std::time::Duration;

/// A head being written at the end of a buffer. Names come with their colon and space.
pub(super) struct Lines<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Lines<'a> {
    /// Writes the status line.
    pub(super) fn start(out: &'a mut Vec<u8>, status: u16) -> Self {
        out.extend_from_slice(b"HTTP/1.1 ");
        decimal(out, u64::from(status));
        out.push(b' ');
        out.extend_from_slice(reason(status).as_bytes());
        out.extend_from_slice(b"\r\n");
        Self { out }
    }

    /// Writes lines that are always the same, each with its CRLF.
    pub(super) fn fixed(&mut self, lines: &str) {
        self.out.extend_from_slice(lines.as_bytes());
    }

    pub(super) fn text(&mut self, name: &str, value: &[u8]) {
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(value);
        self.out.extend_from_slice(b"\r\n");
    }

    pub(super) fn number(&mut self, name: &str, value: u64) {
        self.out.extend_from_slice(name.as_bytes());
        decimal(self.out, value);
        self.out.extend_from_slice(b"\r\n");
    }

    /// Writes one line whose value is appended by `write`.
    pub(super) fn written(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.out.extend_from_slice(name.as_bytes());
        write(self.out);
        self.out.extend_from_slice(b"\r\n");
    }

    /// Writes one line of spans in milliseconds with three decimals. Each name but the first
    /// comes with the separator before it.
    pub(super) fn spans(&mut self, spans: [(&str, Duration); 3]) {
        for (name, span) in spans {
            self.out.extend_from_slice(name.as_bytes());
            milliseconds(self.out, span);
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// Writes the empty line.
    pub(super) fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

/// RFC 9110, section 15.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        // The reason phrase may be empty (RFC 9112, section 4).
        _ => "",
    }
}

fn milliseconds(out: &mut Vec<u8>, span: Duration) {
    let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    decimal(out, micros / 1000);
    let rest = micros % 1000;
    let digit = |value: u64| b'0' + (value % 10) as u8;
    out.extend_from_slice(&[b'.', digit(rest / 100), digit(rest / 10), digit(rest)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Code;

    #[test]
    fn numbers_are_written_as_the_formatter_writes_them() {
        for value in [0, 1, 9, 10, 99, 100, 12_345, u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            decimal(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }

    #[test]
    fn spans_are_milliseconds_with_three_decimals() {
        for (nanos, text) in
            [(0, "0.000"), (999, "0.000"), (12_000, "0.012"), (1_234_567_890, "1234.567")]
        {
            let mut out = Vec::new();
            milliseconds(&mut out, Duration::from_nanos(nanos));
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn every_problem_has_a_reason() {
        for code in Code::ALL {
            assert_ne!(reason(code.status()), "", "{code:?}");
        }
    }
}
