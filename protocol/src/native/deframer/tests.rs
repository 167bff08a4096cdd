//! What a deframer holds on to, which nobody sees from outside.

use super::*;
use crate::native::{Hello, Request, write};

#[test]
fn a_deframer_is_small() {
    let size = size_of::<Deframer<Request>>();
    assert!(size <= 144, "{size}");
}

/// What is kept of a head never passes the longest head, whatever it claims and however it
/// comes.
#[test]
fn no_more_is_kept_than_a_head_may_measure() {
    let hello = Request::Hello(Hello::from(&"x".repeat(4_000)));
    let mut bytes = Vec::new();
    write(0, &hello, 0, &mut bytes).unwrap();
    bytes.extend_from_slice(&[0xff; 10_000]);
    for size in [1, 7, 500, 4_000] {
        let mut deframer = Deframer::<Request>::new();
        for piece in bytes.chunks(size) {
            let _ = deframer.advance(piece, &Limits::default());
            if let State::Head(kept) = &deframer.state {
                assert!(kept.capacity() <= PREAMBLE_BYTES + HEADER_MAX_BYTES, "{size}");
            }
        }
        assert_eq!(deframer.phase(), Phase::Refused, "{size}");
    }
}
