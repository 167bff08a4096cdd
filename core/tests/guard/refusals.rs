//! What a refusal costs the core in allocations, each for all of a caller's requests together.

use crate::{allocations, support};
use overtime_core::{Core, Mail};
use overtime_protocol::keyring::{KeyEntry, KeyRing, SecretHash};
use overtime_protocol::{Policy, Rate, TenantName};
use std::io::{Read as _, Write};
use std::sync::Arc;

const KEY_ID: &str = "abcdefghij";

fn secret() -> String {
    "5".repeat(64)
}

/// One key, of a tenant that may send one task a minute.
fn ring() -> KeyRing {
    let tenant = TenantName::new("busy").unwrap();
    let mut ring = KeyRing::default();
    let rate = Some(Rate { per_second: 1.0 / 60.0, burst: 1 });
    ring.allow(tenant.clone(), Policy { rate, ..Policy::default() });
    let secret = SecretHash::of(&secret());
    ring.add(KEY_ID, KeyEntry { tenant, secret, expires: None });
    ring
}

/// Why requests are refused.
#[derive(Clone, Copy, Debug)]
enum Why {
    Backlog,
    Rate,
    NoKey,
}

impl Why {
    fn status(self) -> &'static str {
        match self {
            Self::Backlog => "HTTP/1.1 503",
            Self::Rate => "HTTP/1.1 429",
            Self::NoKey => "HTTP/1.1 401",
        }
    }

    fn request(self) -> Vec<u8> {
        let key = match self {
            Self::Backlog | Self::NoKey => String::new(),
            Self::Rate => format!("Authorization: Bearer ot_{KEY_ID}_{}\r\n", secret()),
        };
        let fields = format!("{key}Content-Type: application/json\r\nContent-Length: 256\r\n");
        let mut request = support::submit("echo", &fields).into_bytes();
        request.extend([b'x'; 256]);
        request
    }
}

/// How often the core's thread allocates in all while a caller is refused so often.
fn allocations_for(why: Why, refusals: usize) -> u64 {
    let tasks_max = if matches!(why, Why::Backlog) { 0 } else { 10 };
    let engine_limits = overtime_engine::Limits { tasks_max, ..support::engine_limits() };
    let server = support::start_on(support::limits(), engine_limits, |core: Core| {
        let before = allocations::of_this_thread().all;
        core.run().expect("the core polls");
        allocations::of_this_thread().all - before
    });
    if !matches!(why, Why::Backlog) {
        server.mailbox.push(Mail::Keys(Arc::new(ring())));
        server.inspect();
    }
    let (mut stream, request) = (server.connect(), why.request());
    if matches!(why, Why::Rate) {
        // The only one that is let in.
        stream.write_all(&request).unwrap();
        support::read_until(&mut stream, &"x".repeat(256));
    }
    let mut room = [0; 4096];
    for _ in 0..refusals {
        stream.write_all(&request).unwrap();
        let mut count = 0;
        while !room[..count].ends_with(b"}") {
            let more = stream.read(&mut room[count..]).unwrap();
            assert_ne!(more, 0, "it was closed");
            count += more;
        }
        assert!(room.starts_with(why.status().as_bytes()), "{}", room[..count].escape_ascii());
    }
    server.stop()
}

#[test]
fn a_refusal_costs_the_core_few_allocations() {
    const MORE: u64 = 1_000;
    // The text of the head, the name of the kind where the path is looked at, the problem, and what it
    // says of a rate.
    for (why, most) in [(Why::Backlog, 3), (Why::Rate, 4), (Why::NoKey, 2)] {
        let few = allocations_for(why, 10);
        let many = allocations_for(why, 10 + MORE as usize);
        let each = (many - few) as f64 / MORE as f64;
        assert!(each < f64::from(most) + 0.1, "{why:?}: {each} allocations, and {most} are enough");
    }
}
