//! Good messages with a few bytes changed, from a seed: the same seed is the same run.

use crate::corpus::{BY_HAND, Rfc, bytes};

/// Xorshift (Marsaglia).
pub(crate) struct Mutator {
    state: u64,
    good: Vec<Vec<u8>>,
}

/// What parsers fall over, to be put in anywhere.
const TELLING: &[&[u8]] = &[
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\n\n",
    b" ",
    b"\t",
    b"\x0b",
    b"\x0c",
    b"\0",
    b":",
    b";",
    b",",
    b"=",
    b"\"",
    b"\\",
    b"0",
    b"1",
    b"5",
    b"9",
    b"a",
    b"f",
    b"g",
    b"x",
    b"+",
    b"-",
    b"_",
    b"/",
    b"*",
    b"?",
    b"#",
    b"%",
    b"@",
    b"[",
    b"]",
    b"\x01",
    b"\x7f",
    b"\x80",
    b"\xa0",
    b"\xff",
    b"0x",
    b"chunked",
    b"identity",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: b\r\n",
    b"HTTP/1.0",
    b"HTTP/1.1",
    b"http://",
    b"Connection: close\r\n",
    b"0\r\n\r\n",
];

/// What may be put in at the start of a line.
const LINES: &[&[u8]] = &[
    b"Content-Length: 3\r\n",
    b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding:\r\n chunked\r\n",
    b"Host: b\r\n",
    b" folded\r\n",
    b"X : y\r\n",
    b"Connection: close\r\n",
    b"\r\n",
    b"0\r\n\r\n",
    b"1\r\nx\r\n",
];

/// What may stand for the end of a line.
const ENDS: &[&[u8]] = &[
    b"\n", b"\r", b"x\n", b"\rx", b"\r\r\n", b"\n\n", b" \r\n", b"", b"\n\r", b"\r\n ", b"\0\r\n",
];

impl Mutator {
    pub(crate) fn seeded(seed: u64) -> Self {
        let good = BY_HAND.iter().filter(|(rfc, _)| *rfc == Rfc::Take);
        Self { state: seed | 1, good: good.map(|(_, text)| bytes(text)).collect() }
    }

    /// Two good messages, one behind the other, with up to three changes.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let mut message = Vec::new();
        for _ in 0..2 {
            let at = self.below(self.good.len());
            message.extend_from_slice(&self.good[at]);
        }
        for _ in 0..self.below(4) {
            self.change(&mut message);
        }
        message
    }

    fn change(&mut self, message: &mut Vec<u8>) {
        let pairs = message.windows(2).enumerate();
        let ends: Vec<usize> = pairs.filter(|(_, two)| two == b"\r\n").map(|(at, _)| at).collect();
        if self.below(2) == 0 && !ends.is_empty() {
            let end = ends[self.below(ends.len())];
            let (part, with) = match self.below(2) {
                0 => (end + 2..end + 2, LINES[self.below(LINES.len())]),
                _ => (end..end + 2, ENDS[self.below(ENDS.len())]),
            };
            message.splice(part, with.iter().copied());
            return;
        }
        if message.is_empty() {
            return;
        }
        let at = self.below(message.len());
        let telling = TELLING[self.below(TELLING.len())];
        match self.below(7) {
            0 => message[at] ^= 1 << self.below(8),
            1 => message[at] = telling[0],
            2 | 3 => drop(message.splice(at..at, telling.iter().copied())),
            4 if message.len() > 1 => drop(message.remove(at)),
            5 => {
                let end = (at + self.below(24)).min(message.len());
                let copy = message[at..end].to_vec();
                let to = self.below(message.len());
                message.splice(to..to, copy);
            }
            _ => message.truncate(at.max(1)),
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state % bound as u64) as usize
    }
}
