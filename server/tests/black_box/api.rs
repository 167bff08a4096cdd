//! What callers get.

use crate::support::{Server, folder, request};

const ADA: &str = r#"{"email":"Ada@Example.com","first_name":"Ada"}"#;

#[test]
fn the_first_conversation() {
    let folder = folder();
    let server = Server::start(folder.path());
    let created = server.post("/v1/tasks/contacts.upsert", ADA);
    assert_eq!(created.status, 200);
    assert_eq!(created.field("Overtime-Durability"), Some("disk"));
    assert!(created.field("Server-Timing").unwrap().starts_with("queue;dur="));
    assert!(created.field("Date").unwrap().ends_with(" GMT"));
    assert_eq!(created.json()["version"], 1);
    let updated =
        server.post("/v1/tasks/contacts.upsert", r#"{"email":"ada@example.com","phone":"1"}"#);
    assert_eq!(updated.json()["version"], 2);
    let contact = server.get("/v1/contacts/ADA%40example.com");
    assert_eq!(contact.status, 200);
    assert_eq!(contact.json()["first_name"], "Ada");
    assert_eq!(contact.json()["phone"], "1");
    assert_eq!(contact.json()["email"], "ada@example.com");

    let finished = server.get(&format!("/v1/tasks/{}", created.task()));
    assert_eq!(finished.json()["state"], "succeeded");
    assert_eq!(finished.json()["durability"], "disk");
    let result = server.get(&format!("/v1/tasks/{}/result", created.task()));
    assert_eq!(result.body, created.body);
}

#[test]
fn echo_gives_back_bytes_and_type_and_stays_in_memory() {
    let folder = folder();
    let server = Server::start(folder.path());
    let answer = server.request("POST", "/v1/tasks/echo", &["Content-Type: text/x-any"], "hello");
    assert_eq!((answer.status, &*answer.body), (200, "hello"));
    assert_eq!(answer.field("Content-Type"), Some("text/x-any"));
    assert_eq!(answer.field("Overtime-Durability"), Some("memory"));
    let forgotten = server.get(&format!("/v1/tasks/{}", answer.task()));
    assert_eq!(forgotten.code(), "unknown-task");
}

#[test]
fn fall_over_answers_202_and_the_same_attempt_ends() {
    let folder = folder();
    let server = Server::start(folder.path());
    let fields = ["Prefer: wait=0"];
    let accepted = server.request("POST", "/v1/tasks/sleep?wait=30ms", &fields, r#"{"ms":200}"#);
    assert_eq!(accepted.status, 202);
    assert_eq!(accepted.field("Overtime-Durability"), Some("disk"));
    assert!(accepted.field("Retry-After").unwrap().parse::<u64>().unwrap() >= 1);
    let location = accepted.field("Location").unwrap();
    assert_eq!(location, format!("/v1/tasks/{}", accepted.task()));
    assert_eq!(accepted.json()["state"], "running");
    let early = server.get(&format!("{location}/result"));
    assert_eq!(early.status, 202);
    let fields = ["Prefer: wait=10"];
    let document = server.request("GET", location, &fields, "");
    assert_eq!(document.field("Preference-Applied"), None);
    assert_eq!(document.json()["state"], "succeeded");
    assert_eq!(document.json()["attempts"], 1);
    assert_eq!(server.get(&format!("{location}/result")).json()["slept_ms"], 200);
}

#[test]
fn asynchronous_tasks_are_told_by_preference() {
    let folder = folder();
    let server = Server::start(folder.path());
    let fields = ["Prefer: respond-async"];
    let accepted = server.request("POST", "/v1/tasks/contacts.upsert", &fields, ADA);
    assert_eq!(accepted.status, 202);
    assert_eq!(accepted.field("Preference-Applied"), Some("respond-async"));
    server.wait_for(&accepted.task(), &["succeeded"]);
    let waited = server.request("POST", "/v1/tasks/echo", &["Prefer: wait=7"], "x");
    assert_eq!(waited.field("Preference-Applied"), Some("wait=7"));
}

#[test]
fn a_document_has_an_entity_tag_and_head_works() {
    let folder = folder();
    let server = Server::start(folder.path());
    let task = server.post("/v1/tasks/contacts.upsert", ADA).task();
    let path = format!("/v1/tasks/{task}");
    let document = server.get(&path);
    let tag = document.field("ETag").unwrap();
    let known = server.request("GET", &path, &[&format!("If-None-Match: {tag}")], "");
    assert_eq!((known.status, &*known.body), (304, ""));
    let head = server.request("HEAD", &path, &[], "");
    assert_eq!((head.status, &*head.body), (200, ""));
    assert_eq!(head.field("Content-Length"), document.field("Content-Length"));
}

#[test]
fn wrong_input_fails_for_good_and_is_remembered() {
    let folder = folder();
    let server = Server::start(folder.path());
    let failed = server.post("/v1/tasks/contacts.upsert", r#"{"email":"nobody"}"#);
    assert_eq!((failed.status, &*failed.code()), (422, "invalid-email"));
    assert_eq!(failed.json()["submitted"], "yes");
    assert_eq!(failed.field("Overtime-Durability"), Some("disk"));
    let path = format!("/v1/tasks/{}", failed.task());
    assert_eq!(server.get(&path).json()["state"], "failed");
    assert_eq!(server.get(&path).json()["error"]["code"], "invalid-email");
    assert_eq!(server.get(&format!("{path}/result")).code(), "invalid-email");
}

#[test]
fn ephemeral_failures_are_tried_again_until_the_attempts_are_used_up() {
    let folder = folder();
    let server = Server::start_impatient(folder.path());
    let answer = server.post("/v1/tasks/flaky?wait=30s", r#"{"fail_times":2}"#);
    assert_eq!(answer.status, 200);
    let document = server.get(&format!("/v1/tasks/{}", answer.task())).json();
    assert_eq!(document["attempts"], 3);
    let parked = server.post("/v1/tasks/flaky?wait=30s", r#"{"fail_times":9}"#);
    assert_eq!((parked.status, &parked.json()["state"]), (202, &"parked".into()));
    assert_eq!(parked.json()["attempts"], 4);
}

#[test]
fn panics_are_tried_again() {
    let folder = folder();
    let server = Server::start(folder.path());
    let panicking = server.post("/v1/tasks/flaky?wait=0s", r#"{"panic":true}"#).task();
    let document = server.wait_for(&panicking, &["retrying"]);
    assert_eq!(document["error"]["code"], "panic");
    assert!(document["next_attempt_at"].is_string());
    assert_eq!(server.post("/v1/tasks/echo", "still here").body, "still here");
}

#[test]
fn a_delay_holds_the_first_start_back() {
    let folder = folder();
    let server = Server::start(folder.path());
    let accepted = server.post("/v1/tasks/contacts.upsert?delay=400ms&wait=0s", ADA);
    assert_eq!(accepted.json()["state"], "queued");
    assert!(
        server.get(&format!("/v1/tasks/{}", accepted.task())).json()["next_attempt_at"].is_string()
    );
    let document = server.wait_for(&accepted.task(), &["succeeded"]);
    let at = |member: &str| document[member].as_str().unwrap().to_owned();
    assert!(at("started_at") > at("created_at"));
}

#[test]
fn the_admin_port_tells_how_things_stand() {
    let folder = folder();
    let server = Server::start(folder.path());
    server.post("/v1/tasks/contacts.upsert", ADA);
    assert_eq!(request(&server.admin, "GET", "/livez", &[], "").status, 200);
    let ready = request(&server.admin, "GET", "/readyz", &[], "");
    assert_eq!((ready.status, &ready.json()["ready"]), (200, &serde_json::Value::Bool(true)));
    let metrics = request(&server.admin, "GET", "/metrics", &[], "").body;
    let names = [
        "overtime_tasks_ended_total{state=\"succeeded\"} 1\n",
        "overtime_attempts_started_total{lane=\"interactive\"} 1\n",
        // A call that outlives the linger has a second.
        "overtime_journal_records_total ",
        "overtime_error_rate_changes_total{kind=\"echo\"} 0\n",
        "overtime_turn_cpu_seconds_count ",
        "overtime_turns_over_budget_total{cause=\"read\"} ",
    ];
    for name in names {
        assert!(metrics.contains(name), "{name} in\n{metrics}");
    }
}
