//! The native protocol: many requests on one connection, and what its end says about them.

use super::clock::JumpingClock;
use super::native_server::{Connection, listen, serve, welcome};
use overtime_client::{Client, Submission};
use overtime_protocol::IdempotencyKey;
use std::sync::Arc;
use std::thread;

fn client(address: &str) -> Client {
    Client::builder(address).clock(JumpingClock::default()).seed(1).build().unwrap()
}

fn submission(payload: &'static str) -> Submission {
    Submission::new("echo", payload).key(IdempotencyKey::new("the-key").unwrap())
}

/// Answers with the key that the submission came with.
fn answer_with_key(connection: &mut Connection) {
    let asked = connection.submission();
    connection.answer(asked.id, asked.submit.idempotency_key.unwrap().as_bytes());
    while connection.next().is_some() {}
}

#[test]
fn answers_find_their_callers_in_any_order() {
    let (address, server) = serve(
        10,
        [|connection: &mut Connection| {
            let first = connection.submission();
            connection.answer(first.id, b"");
            let asked = [connection.submission(), connection.submission()];
            for one in asked.iter().rev() {
                connection.answer(one.id, one.payload.len().to_string().as_bytes());
            }
            while connection.next().is_some() {}
        }],
    );
    let client = Arc::new(client(&address));
    // The connection is there before two ask at once, so both use the one.
    client.submit(&submission("")).unwrap();
    let first = {
        let client = client.clone();
        thread::spawn(move || client.submit(&submission("four")).unwrap().done().unwrap().body)
    };
    let second = client.submit(&submission("of seven")).unwrap().done().unwrap().body;
    assert_eq!((&*first.join().unwrap(), &*second), (&b"4"[..], &b"8"[..]));
    drop(client);
    server.join().unwrap();
}

#[test]
fn what_a_server_that_leaves_has_not_answered_is_asked_of_the_next() {
    let leave = |connection: &mut Connection| {
        connection.submission();
        connection.goodbye();
    };
    let (address, server) = serve(10, [leave, answer_with_key]);
    let client = client(&address);
    assert_eq!(*client.submit(&submission("x")).unwrap().done().unwrap().body, *b"the-key");
    assert_eq!(client.stats().repetitions, 1);
    drop(client);
    server.join().unwrap();
}

#[test]
fn a_connection_that_breaks_is_replaced_and_the_key_stays_the_same() {
    let break_off = |connection: &mut Connection| drop(connection.submission());
    let (address, server) = serve(10, [break_off, break_off, answer_with_key]);
    let client = client(&address);
    assert_eq!(*client.submit(&submission("x")).unwrap().done().unwrap().body, *b"the-key");
    assert_eq!(client.stats().repetitions, 2);
    drop(client);
    server.join().unwrap();
}

/// A payload that nobody reads yet fills its connection; the requests of others go over another.
#[test]
fn a_long_payload_stands_in_nobodys_way() {
    const LONG: usize = 16 * 1024 * 1024;
    let (listener, address) = listen();
    let client = Arc::new(client(&address));
    let upload = {
        let client = client.clone();
        let upload = Submission::new("echo", vec![0; LONG]);
        thread::spawn(move || client.submit(&upload).unwrap().done().unwrap().body)
    };
    let mut long = welcome(&listener, 10);
    let call = {
        let client = client.clone();
        thread::spawn(move || client.submit(&submission("x")).unwrap().done().unwrap().body)
    };
    let mut short = welcome(&listener, 10);
    let asked = short.submission();
    short.answer(asked.id, b"at once");
    assert_eq!(*call.join().unwrap(), *b"at once");
    let asked = long.submission();
    assert_eq!(asked.payload.len(), LONG as u64);
    long.answer(asked.id, b"at last");
    assert_eq!(*upload.join().unwrap(), *b"at last");
}
