//! Idempotency keys: a request that comes again is done once.

use crate::native_client::Client;
use crate::support::{Answer, Server, folder, overtime};
use overtime_protocol::native::{Request, Submit};

const KEYED: [&str; 1] = ["Idempotency-Key: \"order-1\""];
const ADA: &str = r#"{"email":"ada@example.com","first_name":"Ada"}"#;

fn upsert(server: &Server, body: &str) -> Answer {
    server.request("POST", "/v1/tasks/contacts.upsert", &KEYED, body)
}

fn is_replayed(answer: &Answer) -> bool {
    answer.field("Idempotency-Replayed") == Some("true")
}

#[test]
fn a_finished_task_is_replayed_and_does_nothing_again() {
    let folder = folder();
    let server = Server::start(folder.path());
    let first = upsert(&server, ADA);
    assert_eq!((first.status, is_replayed(&first)), (200, false));
    let expires = first.field("Overtime-Idempotency-Expires").expect("it is told").to_owned();
    let again = upsert(&server, ADA);
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(again.field("Content-Type"), first.field("Content-Type"));
    assert_eq!(again.task(), first.task());
    assert!(is_replayed(&again));
    assert_eq!(again.field("Overtime-Idempotency-Expires"), Some(&*expires));
    let other = upsert(&server, r#"{"email":"ada@example.com","first_name":"Eve"}"#);
    assert_eq!((other.status, other.code()), (422, "idempotency-key-reused".to_owned()));
    assert_eq!(other.json()["submitted"], "no");
    assert_eq!(server.get("/v1/contacts/ada@example.com").json()["version"], 1);
    // The key is the kind's: another may have the same.
    let deleted = server.request(
        "POST",
        "/v1/tasks/contacts.delete",
        &KEYED,
        r#"{"email":"ada@example.com"}"#,
    );
    assert_eq!((deleted.status, is_replayed(&deleted)), (200, false));
}

#[test]
fn bad_input_is_replayed_too() {
    let folder = folder();
    let server = Server::start(folder.path());
    let first = upsert(&server, "{}");
    let again = upsert(&server, "{}");
    assert_eq!((first.status, again.status), (422, 422));
    assert_eq!(again.body, first.body);
    assert!(is_replayed(&again));
}

#[test]
fn a_key_survives_a_crash_and_holds_over_the_native_protocol() {
    let folder = folder();
    let server = Server::start(folder.path());
    let first = upsert(&server, ADA);
    let slow = ["Idempotency-Key: slow", "Prefer: respond-async"];
    let accepted = server.request("POST", "/v1/tasks/sleep", &slow, r#"{"ms":300}"#);
    assert_eq!(accepted.status, 202);
    server.kill();
    let server = Server::start(folder.path());
    let again = upsert(&server, ADA);
    assert_eq!((again.task(), is_replayed(&again)), (first.task(), true));
    let other = server.request("POST", "/v1/tasks/sleep", &slow, r#"{"ms":301}"#);
    assert_eq!(other.code(), "idempotency-key-reused");
    let waited =
        server.request("POST", "/v1/tasks/sleep", &["Idempotency-Key: slow"], r#"{"ms":300}"#);
    assert_eq!((waited.status, waited.task()), (200, accepted.task()));
    let mut client = Client::connect(&server.data);
    let keyed = Submit { idempotency_key: Some("order-1".into()), ..Submit::to("contacts.upsert") };
    client.send(1, &Request::Submit(keyed.into()), ADA);
    let native = client.receive().unwrap();
    assert_eq!(native.answered().task.map(|id| id.to_vec()), Some(first.task().into_bytes()));
    let spent = native.answered().spent.unwrap();
    assert!(spent.replayed && spent.key_expires_ms.is_some(), "{spent:?}");
    assert_eq!(server.get("/v1/contacts/ada@example.com").json()["version"], 1);
}

#[test]
fn whoever_insists_gets_409_while_it_runs() {
    let folder = folder();
    let server = Server::start(folder.path());
    let fields = ["Idempotency-Key: k", "Prefer: respond-async"];
    let accepted = server.request("POST", "/v1/tasks/sleep", &fields, r#"{"ms":2000}"#);
    let strict = ["Idempotency-Key: k", "Prefer: handling=strict"];
    let refused = server.request("POST", "/v1/tasks/sleep", &strict, r#"{"ms":2000}"#);
    assert_eq!((refused.status, refused.code()), (409, "in-progress".to_owned()));
    assert_eq!(refused.json()["task_id"], accepted.task());
    assert_eq!(refused.json()["submitted"], "yes");
}

#[test]
fn a_spooled_payload_is_compared_whole() {
    let folder = folder();
    let server = Server::start(folder.path());
    let body = "x".repeat(300_000);
    let first = server.request("POST", "/v1/tasks/echo", &KEYED, &body);
    assert_eq!((first.status, first.body.len()), (200, body.len()));
    let again = server.request("POST", "/v1/tasks/echo", &KEYED, &body);
    assert_eq!((again.task(), is_replayed(&again)), (first.task(), true));
    let mut other = body.clone();
    other.replace_range(299_999.., "y");
    let other = server.request("POST", "/v1/tasks/echo", &KEYED, &other);
    assert_eq!(other.code(), "idempotency-key-reused");
}

#[test]
fn a_key_that_has_expired_is_new_again() {
    let folder = folder();
    let mut command = overtime(folder.path());
    command.env("OVERTIME_RETENTION_KEYS", "0s");
    let server = Server::spawn(command);
    let first = upsert(&server, ADA);
    let again = upsert(&server, ADA);
    assert_ne!(again.task(), first.task());
    assert_eq!(again.json()["version"], 2);
}

#[test]
fn a_malformed_key_is_refused() {
    let folder = folder();
    let server = Server::start(folder.path());
    let fields = ["Idempotency-Key: \"two words\""];
    let refused = server.request("POST", "/v1/tasks/echo", &fields, "x");
    assert_eq!((refused.status, refused.code()), (400, "malformed-parameter".to_owned()));
}
