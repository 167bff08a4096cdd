//! Good requests with a few bytes changed, from a seed: whatever they have become, the answer does
//! not depend on how the bytes were cut, and a head that httparse refuses is refused.

use crate::drive::{Said, feed, feed_directly};
use crate::good::GOOD;
use overtime_protocol::http::Limits;

const ROUNDS: usize = 30_000;

/// Xorshift (Marsaglia): the same seed is the same run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    const TELLING: &[u8] = b"\r\n\t :;,=\"\\0159afx+-/*?#%@[]\x00\x7f\x80\xff";
    let at = random.below(bytes.len());
    match random.below(6) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = TELLING[random.below(TELLING.len())],
        2 => bytes.insert(at, TELLING[random.below(TELLING.len())]),
        3 if bytes.len() > 1 => drop(bytes.remove(at)),
        4 => {
            let end = (at + random.below(12)).min(bytes.len());
            let copy = bytes[at..end].to_vec();
            let to = random.below(bytes.len());
            bytes.splice(to..to, copy);
        }
        _ => bytes.truncate(at.max(1)),
    }
}

fn pieces<'a>(bytes: &'a [u8], random: &mut Random) -> Vec<&'a [u8]> {
    let (mut pieces, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(1 + random.below(rest.len().min(40)));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

/// Whether httparse finds fault with the first head of `bytes`.
fn httparse_refuses(bytes: &[u8]) -> bool {
    let mut fields = [httparse::EMPTY_HEADER; 128];
    httparse::Request::new(&mut fields).parse(bytes).is_err()
}

#[test]
fn mutated_requests_are_understood_alike_however_they_are_cut() {
    let (mut random, limits) = (Random(0x9e37_79b9_7f4a_7c15), Limits::default());
    let (mut refused, mut taken) = (0, 0);
    for _ in 0..ROUNDS {
        let mut bytes = GOOD[random.below(GOOD.len())].as_bytes().to_vec();
        bytes.extend_from_slice(GOOD[random.below(GOOD.len())].as_bytes());
        for _ in 0..=random.below(3) {
            mutate(&mut bytes, &mut random);
        }
        let shown = bytes.escape_ascii();
        let (_, at_once) = feed([&bytes[..]], &limits);
        assert_eq!(feed(bytes.chunks(1), &limits).1, at_once, "{shown}");
        assert_eq!(feed(pieces(&bytes, &mut random), &limits).1, at_once, "{shown}");
        assert_eq!(feed_directly(pieces(&bytes, &mut random), &limits), at_once, "{shown}");
        if httparse_refuses(&bytes) {
            // It may see that a head is wrong before that head has ended.
            let waits = matches!(at_once[..], [] | [Said::Refused(_)]);
            assert!(waits, "httparse refuses {shown}");
        }
        match at_once.last() {
            Some(Said::Refused(_)) => refused += 1,
            _ => taken += 1,
        }
    }
    // The seeds are close enough to the edge for both to be common.
    assert!(refused > ROUNDS / 10 && taken > ROUNDS / 10, "{refused} refused, {taken} taken");
}
