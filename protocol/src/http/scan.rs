//! The raw scan of a head: finds its end without ever starting over, and refuses the bytes that
//! lenient readers let through (a bare CR or LF, control characters, folded lines). It splits
//! nothing and keeps nothing but places.

use super::limits::Limits;
use super::refusal::Refusal;
use super::token::is_field_byte;
use crate::problem::Code;

/// How far a head has been scanned.
#[derive(Debug, Default)]
pub(super) struct HeadScan {
    at: usize,
    line_start: usize,
    lines: usize,
}

impl HeadScan {
    /// Goes on over `bytes`, the head from its first byte as far as it has come. Returns the
    /// head's length once its end is there. What is refused depends on the bytes alone, not on
    /// how they were cut into pieces.
    pub(super) fn advance(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Option<usize>, Refusal> {
        loop {
            let limit = self.limit(limits);
            let window = &bytes[..bytes.len().min(limit)];
            if self.reach_line_end(window)? {
                if self.end_line(limits)? {
                    return Ok(Some(self.at));
                }
            } else if window.len() == limit {
                return Err(self.too_long());
            } else {
                return Ok(None);
            }
        }
    }

    fn limit(&self, limits: &Limits) -> usize {
        if self.lines == 0 { limits.request_line_bytes() } else { limits.head_bytes() }
    }

    fn too_long(&self) -> Refusal {
        if self.lines == 0 {
            Refusal::new(Code::TargetTooLong, "The request line is longer than the server reads.")
        } else {
            Refusal::new(Code::HeadTooLarge, "The request head is longer than the server reads.")
        }
    }

    /// Whether the CRLF of this line was reached; `at` is then on its CR.
    fn reach_line_end(&mut self, window: &[u8]) -> Result<bool, Refusal> {
        if self.at == self.line_start && matches!(window.get(self.at), Some(b' ' | b'\t')) {
            return Err(Refusal::malformed("A line of the head starts with whitespace."));
        }
        self.at += plain_prefix(&window[self.at..]);
        match &window[self.at..] {
            [] | [b'\r'] => Ok(false),
            [b'\r', b'\n', ..] => Ok(true),
            [b'\r', ..] => Err(Refusal::malformed("The head holds a CR without an LF behind it.")),
            [b'\n', ..] => Err(Refusal::malformed("The head holds an LF without a CR before it.")),
            _ => Err(Refusal::malformed("The head holds a control character.")),
        }
    }

    /// Passes the CRLF; whether the line was the empty one that ends the head.
    fn end_line(&mut self, limits: &Limits) -> Result<bool, Refusal> {
        let empty = self.at == self.line_start;
        self.at += 2;
        self.line_start = self.at;
        if empty && self.lines == 0 {
            return Err(Refusal::malformed("More than one empty line stands before a request."));
        }
        if !empty && self.lines > limits.fields() {
            return Err(Refusal::new(Code::HeadTooLarge, "The request has too many fields."));
        }
        self.lines += 1;
        Ok(empty)
    }
}

/// How many bytes at the start of `bytes` may stand inside a line. Eight at a time.
fn plain_prefix(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(word) = bytes[at..].first_chunk::<8>() {
        at += (specials(u64::from_le_bytes(*word)).trailing_zeros() / 8) as usize;
        match bytes.get(at) {
            // None of the eight was special, or a tab was, which may stand in a line.
            Some(&byte) if is_field_byte(byte) => at += usize::from(byte == b'\t'),
            _ => return at,
        }
    }
    at + bytes[at..].iter().take_while(|&&byte| is_field_byte(byte)).count()
}

/// Marks in each byte's highest bit whether it is a control character, tabs included. The lowest
/// mark is exact; a borrow may set wrong ones above it.
fn specials(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    let below_space = word.wrapping_sub(ONES * 0x20) & !word;
    let deletes = word ^ (ONES * 0x7f);
    let is_delete = deletes.wrapping_sub(ONES) & !deletes;
    (below_space | is_delete) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_prefix_ends_at_each_special_byte_wherever_it_is() {
        for length in 0..70 {
            assert_eq!(plain_prefix(&vec![b'a'; length]), length);
            for special in [0, b'\r', b'\n', 0x1f, 0x7f] {
                let mut bytes = vec![0xe4; 70];
                bytes[length] = special;
                assert_eq!(plain_prefix(&bytes), length, "{special:#x} at {length}");
            }
            let mut tabs = vec![b'\t'; 70];
            tabs[length] = b'\n';
            assert_eq!(plain_prefix(&tabs), length);
        }
    }

    #[test]
    fn every_byte_is_plain_or_special_as_the_grammar_says() {
        for byte in 0..=u8::MAX {
            let expected = if is_field_byte(byte) { 8 } else { 0 };
            assert_eq!(plain_prefix(&[byte; 8]), expected, "{byte:#x}");
        }
    }

    #[test]
    fn the_scan_alone_refuses_what_lenient_readers_take() {
        for head in [
            &b" GET / HTTP/1.1\r\n\r\n"[..],
            b"GET /\r\n folded\r\n\r\n",
            b"GET /\r\n\tfolded\r\n\r\n",
            b"GET /\r\rHost: a\r\n\r\n",
            b"GET /\rX",
            b"GET /\n",
            b"GET /\r\nHost: a\n",
            b"GET /\r\nHost: \0",
            b"\r\n",
        ] {
            let found = HeadScan::default().advance(head, &Limits::default());
            let shown = head.escape_ascii();
            let code = found.map_err(|refusal| crate::Problem::from(refusal).code);
            assert_eq!(code, Err(Code::MalformedRequest), "{shown}");
        }
    }

    #[test]
    fn a_scan_that_is_fed_byte_by_byte_looks_at_each_byte_once() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let (mut scan, limits) = (HeadScan::default(), Limits::default());
        for end in 0..head.len() {
            assert_eq!(scan.advance(&head[..end], &limits), Ok(None));
            // A CR is looked at again with its LF, nothing else is.
            assert!(scan.at + 1 >= end, "{end}");
        }
        assert_eq!(scan.advance(head, &limits), Ok(Some(head.len())));
    }
}
