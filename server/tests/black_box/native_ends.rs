//! How native connections end: refused, by mistake, by their client, and with the server.

use crate::native_client::{Client, frame, submit, submit_asynchronously};
use crate::support::{Server, folder};
use overtime_protocol::native::{Hello, Reply, Request};
use std::io::Write;

#[test]
fn a_version_that_is_not_spoken_is_refused_by_name() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = Client::silent(&server.data);
    let hello = Hello { version_min: 2, version_max: 9, ..Hello::from("tomorrow") };
    client.send(0, &Request::Hello(hello), "");
    client.submit(1, "echo", "unread");
    let refused = client.receive().unwrap();
    let Reply::HelloRefused(versions) = &refused.reply else { panic!("{refused:?}") };
    assert_eq!((versions.version_min, versions.version_max), (1, 1));
    assert_eq!(refused.json()["code"], "version-unsupported");
    assert!(client.receive().is_none());
}

#[test]
fn garbage_is_said_goodbye_to_behind_what_is_in_flight() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut oversized = frame(2, &submit("echo"), "");
    oversized[9] = 0xff;
    let mut tomorrow = frame(2, &submit("echo"), "");
    tomorrow[1] = 2;
    let cases: [(&[u8], &str); 4] = [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "malformed-frame"),
        (&[0xf5; 40], "version-unsupported"),
        (&oversized, "head-too-large"),
        (&tomorrow, "version-unsupported"),
    ];
    for (garbage, code) in cases {
        let mut client = Client::connect(&server.data);
        let bytes =
            [&frame(1, &submit("sleep"), r#"{"ms":50}"#), garbage, &frame(3, &Request::Ping, "")];
        client.stream.write_all(&bytes.concat()).unwrap();
        assert_eq!(client.receive().unwrap().goodbye(), code);
        let answered = client.receive().unwrap();
        assert_eq!((answered.id, answered.answered().status), (1, 200));
        assert!(client.receive().is_none(), "nothing behind garbage is answered");
    }
    let mut rude = Client::silent(&server.data);
    rude.submit(1, "echo", "no hello");
    assert_eq!(rude.receive().unwrap().goodbye(), "malformed-frame");
    assert!(rude.receive().is_none());
    assert_eq!(server.post("/v1/tasks/echo", "well").body, "well");
}

#[test]
fn a_refused_payload_is_passed_over_if_it_is_short() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = Client::connect(&server.data);
    client.submit(1, "nobody", &"x".repeat(64 * 1024));
    assert_eq!(&*client.receive().unwrap().failed().code, "unknown-kind");
    client.submit(2, "echo", "goes on");
    assert_eq!(client.receive().unwrap().payload, "goes on");
    client.submit(3, "nobody", &"x".repeat(64 * 1024 + 1));
    assert_eq!(&*client.receive().unwrap().failed().code, "unknown-kind");
    assert_eq!(client.receive().unwrap().goodbye(), "unknown-kind");
    assert!(client.receive().is_none());

    let mut client = Client::connect(&server.data);
    let mut endless = frame(1, &submit("echo"), "");
    endless[12..20].copy_from_slice(&u64::MAX.to_le_bytes());
    client.stream.write_all(&endless).unwrap();
    assert_eq!(&*client.receive().unwrap().failed().code, "payload-too-large");
    assert_eq!(client.receive().unwrap().goodbye(), "payload-too-large");
}

#[test]
fn a_client_that_has_no_more_to_ask_is_answered_what_it_is_owed() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = Client::connect(&server.data);
    client.submit(1, "sleep", r#"{"ms":100}"#);
    client.submit(2, "echo", "quick");
    let half = frame(3, &submit("echo"), "half");
    client.stream.write_all(&half[..half.len() - 2]).unwrap();
    client.finish();
    let replies = client.receive_all(2);
    assert_eq!((&*replies[&1].payload, &*replies[&2].payload), (r#"{"slept_ms":100}"#, "quick"));
    assert!(client.receive().is_none(), "a frame that is not whole is not run");
}

#[test]
fn a_client_that_hangs_up_cancels_nothing() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = Client::connect(&server.data);
    client.submit(1, "contacts.upsert", r#"{"email":"ada@example.com"}"#);
    client.send(2, &submit_asynchronously("sleep"), r#"{"ms":100}"#);
    let accepted = client.receive_all(2).remove(&2).unwrap();
    let task = String::from_utf8(accepted.answered().task.unwrap().to_vec()).unwrap();
    drop(client);
    server.wait_for(&task, &["succeeded"]);
}

#[test]
fn what_was_answered_before_a_kill_is_there_after_it() {
    let folder = folder();
    // On a slow machine so many at once would have their waits cut, and this is about results.
    let server = Server::start_configured(folder.path(), "[admission]\nenabled = false\n");
    let mut client = Client::connect(&server.data);
    for id in 1..=1_000 {
        let payload = format!(r#"{{"email":"{id}@example.com"}}"#);
        client.submit(id, "contacts.upsert", &payload);
    }
    let mut answered: Vec<u32> = Vec::new();
    while answered.len() < 100 {
        let reply = client.receive().unwrap();
        assert_eq!(reply.answered().status, 200);
        answered.push(reply.id);
    }
    server.kill();
    // What had left before the kill may still be read; then the connection ends without a word.
    while let Ok(Some(reply)) = client.try_receive() {
        assert!(!matches!(reply.reply, Reply::Goodbye(_)));
        answered.push(reply.id);
    }
    let server = Server::start(folder.path());
    for id in answered {
        let contact = server.get(&format!("/v1/contacts/{id}@example.com"));
        assert_eq!((contact.status, &contact.json()["version"]), (200, &1.into()), "{id}");
    }
}

#[test]
fn a_drain_says_goodbye_and_answers_what_is_in_flight() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = Client::connect(&server.data);
    let mut idle = Client::connect(&server.data);
    client.submit(1, "sleep", r#"{"ms":1000}"#);
    client.send(2, &Request::Ping, "");
    assert_eq!(client.receive().unwrap().id, 2);
    server.signal("-TERM");
    assert_eq!(idle.receive().unwrap().goodbye(), "draining");
    assert!(idle.receive().is_none());
    assert_eq!(client.receive().unwrap().goodbye(), "draining");
    client.submit(3, "echo", "too late");
    let answered = client.receive().unwrap();
    assert_eq!((answered.id, &*answered.payload), (1, r#"{"slept_ms":1000}"#));
    assert!(client.receive().is_none());
    drop((client, idle));
    assert!(server.wait().success());
}
