//! Tenants that share the memory for payloads: what one of them has under way leaves room for the
//! others, however it sends.

use crate::memory::{KIB, start_small};
use crate::support::{Server, limits, read_until, submit};
use overtime_core::Mail;
use overtime_protocol::keyring::{KeyEntry, KeyRing, SecretHash};
use overtime_protocol::{Policy, TenantName};
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

const NOISY: &str = "nnnnnnnnnn";
const QUIET: &str = "qqqqqqqqqq";

fn secret() -> String {
    "5".repeat(64)
}

/// The keys of these tenants, each with a name like its key's id.
fn ring(tenants: &[&str]) -> KeyRing {
    let mut ring = KeyRing::default();
    for id in tenants {
        let tenant = TenantName::new(id).unwrap();
        let secret = SecretHash::of(&secret());
        ring.allow(tenant.clone(), Policy::default());
        ring.add(id, KeyEntry { tenant, secret, expires: None });
    }
    ring
}

/// A core with memory for payloads of 298 KiB, of which 42 are for small ones.
fn start(tenants: &[&str]) -> Server {
    let server = start_small(256, limits());
    server.mailbox.push(Mail::Keys(Arc::new(ring(tenants))));
    // What was told before is known by the time of an answer.
    server.inspect();
    server
}

fn begin(server: &Server, id: &str, kind: &str, framing: &str) -> TcpStream {
    let mut stream = server.connect();
    let head =
        submit(kind, &format!("Authorization: Bearer ot_{id}_{}\r\n{framing}\r\n", secret()));
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

fn is_served(server: &Server, id: &str, bytes: usize) {
    let mut stream = begin(server, id, "sink", &format!("Content-Length: {bytes}"));
    stream.write_all(&vec![b'x'; bytes]).unwrap();
    assert!(read_until(&mut stream, "taken").starts_with("HTTP/1.1 200"));
}

/// Opens so many uploads of a tenant that do not go on, and returns those that may.
fn flood(server: &Server, framing: &str) -> Vec<TcpStream> {
    let before = server.inspect().core.requests;
    let uploads: Vec<TcpStream> = (0..30).map(|_| begin(server, NOISY, "sink", framing)).collect();
    server.wait_until(|snapshot| snapshot.core.requests == before + 30);
    uploads
}

#[test]
fn one_tenants_uploads_leave_memory_and_places_to_the_others() {
    for (framing, bytes) in [("Content-Length: 4000", 4_000), ("Content-Length: 70000", 70_000)] {
        let server = start(&[NOISY, QUIET]);
        let mut uploads = flood(&server, framing);
        let core = server.inspect().core;
        assert!(core.bytes_reserved <= 75 * KIB as u64, "{framing}: {}", core.bytes_reserved);
        for bytes in [100, bytes, 60 * KIB] {
            is_served(&server, QUIET, bytes);
        }
        let refused = uploads.last_mut().unwrap();
        let told = read_until(refused, "\r\n\r\n");
        assert!(told.starts_with("HTTP/1.1 429") && told.contains("Retry-After: "), "{told}");
        // Those that were let in go on.
        uploads[0].write_all(&vec![b'x'; bytes]).unwrap();
        assert!(read_until(&mut uploads[0], "taken").starts_with("HTTP/1.1 200"));
    }
}

#[test]
fn a_tenant_that_has_the_server_for_itself_may_have_all_of_it() {
    let server = start(&[NOISY]);
    let uploads = flood(&server, "Content-Length: 60000");
    assert!(server.inspect().core.bytes_reserved > 150 * KIB as u64);
    drop(uploads);
}

#[test]
fn one_tenants_questions_do_not_stand_in_front_of_anothers() {
    let server = start(&[NOISY, QUIET]);
    let ask = |id: &str| {
        let mut stream = server.connect();
        let field = format!("Authorization: Bearer ot_{id}_{}", secret());
        let text = format!("GET /v1/errors HTTP/1.1\r\nHost: localhost\r\n{field}\r\n\r\n");
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    let noisy: Vec<TcpStream> = (0..50).map(|_| ask(NOISY)).collect();
    server.wait_until(|snapshot| snapshot.core.requests == 50);
    let mut quiet = ask(QUIET);
    server.wait_until(|snapshot| snapshot.core.requests == 51);
    // Each of these is held until it is let go; some of the noisy one's have begun.
    (0..10).for_each(|_| server.let_go());
    assert!(read_until(&mut quiet, "\r\n\r\n").starts_with("HTTP/1.1 404"));
    (0..41).for_each(|_| server.let_go());
    drop(noisy);
}
