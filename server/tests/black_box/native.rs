//! The native protocol from outside.

use crate::native_client::{Client, frame, submit};
use crate::support::{Server, folder};
use overtime_protocol::native::{Get, GetContact, Hello, Part, Reply, Request, Submit};
use overtime_protocol::{Durability, Form};
use std::io::Write;

fn get(task: [u8; 26], part: Part) -> Get {
    Get { task, part, wait_ms: None, known_tag: None }
}

fn asynchronous(kind: &str) -> Request {
    Request::Submit(Box::new(Submit { wait_ms: Some(0), ..Submit::to(kind) }))
}

#[test]
fn answers_come_in_the_order_in_which_they_end() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = Client::connect(&server.data);
    client.submit(1, "sleep", r#"{"ms":300}"#);
    client.submit(2, "echo", "quick");
    client.send(3, &Request::Ping, "");
    let order: Vec<u32> = (0..3).map(|_| client.receive().unwrap().id).collect();
    assert_eq!(order, [3, 2, 1]);
    // An id that was answered is free again.
    client.submit(1, "echo", "again");
    let again = client.receive().unwrap();
    assert_eq!((again.id, &*again.payload, again.answered().status), (1, "again", 200));
    assert_eq!(again.answered().spent.unwrap().durability, Durability::Memory);
}

#[test]
fn a_task_is_the_same_over_both_protocols() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = Client::connect(&server.data);
    client.send(1, &asynchronous("sleep"), r#"{"ms":50}"#);
    let accepted = client.receive().unwrap();
    assert_eq!(accepted.answered().status, 202);
    assert!(accepted.answered().retry_after_ms.is_some());
    assert_eq!(accepted.answered().spent.unwrap().durability, Durability::Disk);
    let task = accepted.answered().task.unwrap();
    let text = str::from_utf8(&task).unwrap();
    assert_eq!(accepted.json()["id"], text);

    let document = Get { wait_ms: Some(60_000), ..get(task, Part::Document) };
    client.send(2, &Request::Get(document), "");
    let document = client.receive().unwrap();
    assert_eq!(document.json(), server.get(&format!("/v1/tasks/{text}")).json());
    assert_eq!(document.json()["state"], "succeeded");

    let known_tag = document.answered().tag;
    client.send(3, &Request::Get(Get { known_tag, ..get(task, Part::Document) }), "");
    let unchanged = client.receive().unwrap();
    assert_eq!((unchanged.answered().status, &*unchanged.payload), (304, ""));

    client.send(4, &Request::Get(get(task, Part::Result)), "");
    let result = client.receive().unwrap();
    assert_eq!(result.payload, server.get(&format!("/v1/tasks/{text}/result")).body);
    assert_eq!(result.payload, r#"{"slept_ms":50}"#);

    server.post("/v1/tasks/contacts.upsert", r#"{"email":"ada@example.com"}"#);
    let contact = GetContact { email: "Ada@Example.com".into(), known_tag: None };
    client.send(5, &Request::GetContact(contact), "");
    let contact = client.receive().unwrap();
    assert_eq!(contact.json(), server.get("/v1/contacts/ada@example.com").json());
}

#[test]
fn refusals_are_those_of_http_and_the_connection_goes_on() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = Client::connect(&server.data);
    let keyed = Submit { idempotency_key: Some("k".into()), ..Submit::to("echo") };
    let cases = [
        (submit("nobody"), 404, "unknown-kind"),
        (submit("No Kind"), 404, "unknown-kind"),
        (
            Request::Submit(Box::new(Submit { urgency: 8, ..Submit::to("echo") })),
            400,
            "malformed-parameter",
        ),
        (
            Request::Submit(Box::new(Submit { form: Form::Bulk, ..Submit::to("echo") })),
            415,
            "unsupported-media-type",
        ),
        (Request::Submit(Box::new(keyed)), 501, "not-implemented"),
        (Request::Get(get(*b"01KAHP5ZQ00000000000000000", Part::Document)), 404, "unknown-task"),
        (Request::Get(get([b'x'; 26], Part::Result)), 404, "unknown-task"),
        (
            Request::GetContact(GetContact { email: "nobody@example.com".into(), known_tag: None }),
            404,
            "unknown-contact",
        ),
        (submit("contacts.upsert"), 422, "invalid-json"),
    ];
    for (id, (request, status, code)) in (1..).zip(&cases) {
        client.send(id, request, "");
        let refused = client.receive().unwrap();
        assert_eq!((refused.id, refused.failed().status), (id, *status), "{code}");
        if *code != "invalid-json" {
            assert_eq!(&*refused.failed().code, *code);
        }
    }
    client.submit(99, "echo", "well");
    assert_eq!(client.receive().unwrap().payload, "well");
}

#[test]
fn a_doubled_id_is_refused_and_the_first_is_answered() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = Client::connect(&server.data);
    client.submit(7, "sleep", r#"{"ms":200}"#);
    client.submit(7, "echo", "second");
    let refused = client.receive().unwrap();
    assert_eq!((refused.id, &*refused.failed().code), (7, "request-id-in-use"));
    let answered = client.receive().unwrap();
    assert_eq!((answered.id, &*answered.payload), (7, r#"{"slept_ms":200}"#));
}

#[test]
fn the_1025th_in_flight_is_refused() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = Client::connect(&server.data);
    let mut bytes = Vec::new();
    for id in 1..=1024 {
        bytes.extend(frame(id, &submit("sleep"), r#"{"ms":60000}"#));
    }
    bytes.extend(frame(1025, &submit("echo"), "one too many"));
    bytes.extend(frame(1026, &Request::Ping, ""));
    client.stream.write_all(&bytes).unwrap();
    let refused = client.receive().unwrap();
    assert_eq!((refused.id, refused.failed().status), (1025, 429));
    assert_eq!(&*refused.failed().code, "too-many-in-flight");
    assert_eq!(client.receive().unwrap().id, 1026);
    let mut other = Client::connect(&server.data);
    other.send(1, &Request::Ping, "");
    assert_eq!(other.receive().unwrap().reply, Reply::Pong);
}

#[test]
fn a_thousand_pipelined_echoes_are_each_answered_once() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = Client::connect(&server.data);
    let echoes = 1..=1_000;
    let bytes: Vec<u8> =
        echoes.clone().flat_map(|id| frame(id, &submit("echo"), &format!("echo {id}"))).collect();
    client.stream.write_all(&bytes).unwrap();
    let replies = client.receive_all(1_000);
    for id in echoes {
        assert_eq!(replies[&id].payload, format!("echo {id}"));
    }
}

#[test]
fn a_version_that_is_not_spoken_is_refused_by_name() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = Client::silent(&server.data);
    let hello = Hello { version_min: 2, version_max: 9, client: "tomorrow".into() };
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
    client.send(2, &asynchronous("sleep"), r#"{"ms":100}"#);
    let accepted = client.receive_all(2).remove(&2).unwrap();
    let task = String::from_utf8(accepted.answered().task.unwrap().to_vec()).unwrap();
    drop(client);
    server.wait_for(&task, &["succeeded"]);
}

#[test]
fn what_was_answered_before_a_kill_is_there_after_it() {
    let folder = folder();
    let server = Server::start(folder.path());
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
