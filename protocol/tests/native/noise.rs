//! Random bytes, and good frames with a few bytes changed, from a seed: whatever they have become,
//! nothing panics and what is said does not depend on how the bytes were cut.

use crate::cases::{replies, requests};
use crate::drive::{Said, Shown, feed};
use crate::frames::frame;
use overtime_protocol::native::{Limits, MAGIC, Reply, Request};

const ROUNDS: usize = 20_000;

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
    const TELLING: [u8; 8] = [0, 1, 4, 0x7f, 0xfb, 0xfc, 0xfd, 0xff];
    let at = random.below(bytes.len());
    match random.below(5) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = TELLING[random.below(TELLING.len())],
        2 => bytes.insert(at, random.next() as u8),
        3 if bytes.len() > 1 => drop(bytes.remove(at)),
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

/// How the rounds ended.
#[derive(Debug, Default)]
struct Ends {
    taken: usize,
    refused: usize,
    lost: usize,
}

fn check<M: Shown>(bytes: &[u8], random: &mut Random, ends: &mut Ends) {
    let limits = Limits { payload_max_bytes: 100 };
    let at_once = feed::<M>([bytes], &limits);
    assert_eq!(feed::<M>(bytes.chunks(1), &limits), at_once, "{}", bytes.escape_ascii());
    assert_eq!(feed::<M>(pieces(bytes, random), &limits), at_once, "{}", bytes.escape_ascii());
    let longest = |said: &Said<M>| match said {
        Said::Payload(payload) => payload.len(),
        _ => 0,
    };
    assert!(at_once.iter().map(longest).max().unwrap_or_default() <= 100);
    match at_once.last() {
        Some(Said::Lost(_)) => ends.lost += 1,
        Some(Said::Refused(..)) => ends.refused += 1,
        _ => ends.taken += 1,
    }
}

#[test]
fn mutated_frames_are_understood_alike_however_they_are_cut() {
    let (mut random, mut ends) = (Random(0x9e37_79b9_7f4a_7c15), Ends::default());
    // The largest would take all the time there is.
    let mut requests = requests();
    requests.retain(|case| case.file != "submit-largest");
    let replies = replies();
    for _ in 0..ROUNDS {
        let case = &requests[random.below(requests.len())];
        let mut bytes = frame(0, &requests[0].message, b"");
        let opening = bytes.len();
        bytes.extend(frame(case.id, &case.message, case.payload));
        let mut last = bytes.split_off(opening);
        (0..=random.below(3)).for_each(|_| mutate(&mut last, &mut random));
        bytes.append(&mut last);
        check::<Request>(&bytes, &mut random, &mut ends);

        let case = &replies[random.below(replies.len())];
        let mut bytes = frame(0, &replies[0].message, b"");
        bytes.extend(frame(case.id, &case.message, case.payload));
        (0..=random.below(3)).for_each(|_| mutate(&mut bytes, &mut random));
        check::<Reply>(&bytes, &mut random, &mut ends);
    }
    let common = |count: usize| count > ROUNDS / 20;
    assert!(common(ends.taken) && common(ends.refused) && common(ends.lost), "{ends:?}");
}

#[test]
fn random_bytes_are_refused_or_wait_for_more() {
    let (mut random, mut ends) = (Random(0x2545_f491_4f6c_dd1d), Ends::default());
    for _ in 0..ROUNDS {
        let mut bytes = vec![0; 1 + random.below(200)];
        bytes.iter_mut().for_each(|byte| *byte = random.next() as u8);
        bytes[0] = MAGIC;
        check::<Request>(&bytes, &mut random, &mut ends);
        check::<Reply>(&bytes, &mut random, &mut ends);
    }
}
