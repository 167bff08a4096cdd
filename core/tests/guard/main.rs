//! What the core does for a bulk-size body, and that it does the same whatever the body says; and what
//! a refusal costs it.

mod allocations;
mod refusals;
#[path = "../loop/support.rs"]
#[expect(dead_code, reason = "the loop's tests need more of it")]
mod support;

use overtime_core::{Core, Limits, Snapshot};
use std::io::Write;

const BODY_BYTES: usize = 5_000_000;

/// What one body cost the core's thread.
#[derive(Debug, PartialEq, Eq)]
struct Cost {
    /// Until all but the last part of the body was read. What follows depends on whether the
    /// answers of other threads come in one turn or in two.
    allocations: u64,
    bytes_read: u64,
    bytes_copied: u64,
}

/// Has a fresh core take `body`, for which it asks, so that no byte of it comes with the head.
fn cost_of(route: &str, body: &[u8]) -> (Cost, Snapshot) {
    let http = overtime_protocol::http::Limits { body_max_bytes: 8 << 20, ..Default::default() };
    let limits = Limits { http, ..support::limits() };
    let server = support::start_on(limits, support::engine_limits(), |core: Core| {
        let before = allocations::of_this_thread();
        core.run().expect("the core polls");
        let after = allocations::of_this_thread();
        (after.at_last_segment - before.all, after.all - before.all)
    });
    let mut stream = server.connect();
    let head = format!(
        "POST {route} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    support::read_until(&mut stream, "100 Continue\r\n\r\n");
    stream.write_all(body).unwrap();
    support::read_until(&mut stream, "taken");
    let snapshot = server.inspect();
    let (allocations, in_all) = server.stop();
    assert!(in_all < allocations + 100, "{in_all} allocations in all");
    let cost = Cost {
        allocations,
        bytes_read: snapshot.core.bytes_read,
        bytes_copied: snapshot.core.bytes_copied,
    };
    (cost, snapshot)
}

/// An array of contacts, of exactly the right length.
fn json() -> Vec<u8> {
    let mut text = b"[".to_vec();
    while text.len() < BODY_BYTES - 100 {
        let number = text.len();
        text.extend(format!(r#"{{"email":"caller-{number}@example.com","n":[1,2]}},"#).bytes());
    }
    text.extend(br#"""#);
    text.resize(BODY_BYTES - 2, b'x');
    text.extend(br#""]"#);
    text
}

/// The same, broken early on.
fn broken_json() -> Vec<u8> {
    let mut text = json();
    text[1_000..1_010].fill(b'{');
    text
}

/// Xorshift (Marsaglia).
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..BODY_BYTES).map(|_| next()).collect()
}

fn check(route: &str) {
    let (reference, snapshot) = cost_of(route, &json());
    assert_eq!(reference.bytes_copied, 0, "no byte is copied once it is read");
    let segments = BODY_BYTES.div_ceil(allocations::SEGMENT_BYTES) as u64;
    // The kernel decides how much a read finds, so there is no upper bound to reads and turns.
    assert!(snapshot.core.reads > segments, "{} reads", snapshot.core.reads);
    assert!(snapshot.turns.turns > segments / 2, "{} turns", snapshot.turns.turns);
    assert!(reference.allocations < 3 * segments, "{} allocations", reference.allocations);
    for (name, body) in [("broken JSON", broken_json()), ("noise", noise())] {
        assert_eq!(cost_of(route, &body).0, reference, "{name}");
    }
}

#[test]
fn bulk_costs_the_core_the_same_whatever_it_says() {
    check("/v1/bulk/sink");
}

#[test]
fn a_large_single_payload_costs_the_core_the_same_whatever_it_says() {
    check("/v1/tasks/sink");
}
