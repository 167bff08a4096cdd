//! Requests over the native protocol: each is answered as over HTTP, in the order in which they
//! end.

use crate::native_client::{Client, frame, submit, submit_asynchronously};
use crate::support::{Server, folder};
use overtime_protocol::native::{Get, GetContact, Part, Reply, Request, Submit};
use overtime_protocol::{Durability, Form};
use std::io::Write;

fn get(task: [u8; 26], part: Part) -> Get {
    Get { task, part, wait_ms: None, known_tag: None }
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
    client.send(1, &submit_asynchronously("sleep"), r#"{"ms":50}"#);
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
fn a_bulk_payload_is_many_inputs_and_tells_what_was_wrong_with_them() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = Client::connect(&server.data);
    let bulk = Submit {
        form: Form::Bulk,
        content_type: Some("application/x-ndjson".into()),
        ..Submit::to("contacts.upsert")
    };
    let items =
        "{\"email\":\"a@example.com\"}\n{\"email\":\"nobody\"}\n{\"email\":\"b@example.com\"}\n";
    client.send(1, &Request::Submit(Box::new(bulk)), items);
    let done = client.receive().unwrap();
    assert_eq!(done.answered().status, 200);
    assert_eq!((&done.json()["succeeded"], &done.json()["failed"]), (&2.into(), &1.into()));
    let task = done.answered().task.unwrap();
    client.send(2, &Request::Get(get(task, Part::Errors)), "");
    let errors = client.receive().unwrap();
    let path = format!("/v1/tasks/{}/errors", str::from_utf8(&task).unwrap());
    assert_eq!(errors.payload, server.get(&path).body);
    assert!(errors.payload.contains("\"index\":1"), "{errors:?}");
}

#[test]
fn refusals_are_those_of_http_and_the_connection_goes_on() {
    let folder = folder();
    let server = Server::start(folder.path());
    let mut client = Client::connect(&server.data);
    let keyed = Submit { idempotency_key: Some("two words".into()), ..Submit::to("echo") };
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
        (Request::Submit(Box::new(keyed)), 400, "malformed-parameter"),
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
    // On a machine that has other things to do so many may be too many for their time.
    let server = Server::start_configured(folder.path(), "[admission]\nenabled = false\n");
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
