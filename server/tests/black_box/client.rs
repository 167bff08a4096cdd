//! The client that callers link, against the real server, over both protocols.

mod chaos;
mod crowd;
mod cuts;

use super::support::{Server, folder};
use overtime_client::manners::{Answer, Next};
use overtime_client::{Client, Outcome, Submission, Submitted, TaskState};
use overtime_protocol::IdempotencyKey;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// A client for each protocol.
fn clients(server: &Server) -> [Client; 2] {
    ["http", "overtime"].map(|scheme| client(server, scheme))
}

fn client(server: &Server, scheme: &str) -> Client {
    Client::to(&format!("{scheme}://{}", server.data)).unwrap()
}

/// The server with a port that somebody knows already.
fn start_at(address: &str, folder: &Path) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.args(["--demo", "--listen", address, "--admin", "127.0.0.1:0", "--workers", "20"]);
    command.arg("--data").arg(folder);
    Server::spawn(command)
}

fn text(outcome: Outcome) -> String {
    String::from_utf8(outcome.done().expect("it is done").body.into()).unwrap()
}

#[test]
fn a_call_is_answered_with_the_handlers_answer() {
    let folder = folder();
    let server = Server::start(folder.path());
    for client in clients(&server) {
        let done = client.submit(&Submission::new("echo", "hello")).unwrap().done().unwrap();
        assert_eq!(*done.body, *b"hello");
        assert!(done.task.is_some() && done.durability.is_some() && !done.replayed);
        let large = "x".repeat(3_000_000);
        assert_eq!(text(client.submit(&Submission::new("echo", large.clone())).unwrap()), large);
        assert_eq!((client.stats().first_attempts, client.stats().offered()), (2, 2));
    }
}

#[test]
fn the_same_key_is_the_same_work_whoever_sends_it() {
    let folder = folder();
    let server = Server::start(folder.path());
    let ada = Submission::new("contacts.upsert", r#"{"email":"ada@example.com"}"#)
        .key(IdempotencyKey::new("signup-42").unwrap());
    let [http, native] = clients(&server);
    let first = http.submit(&ada).unwrap().done().unwrap();
    for client in [&http, &native] {
        let again = client.submit(&ada).unwrap().done().unwrap();
        assert!(again.replayed && again.body == first.body && again.task == first.task);
    }
    let other = ada.clone().content_type("text/plain");
    let error = native.submit(&other).unwrap_err();
    assert_eq!(error.code(), Some("idempotency-key-reused"));
    let without = Submission::new("contacts.upsert", r#"{"email":"ada@example.com"}"#);
    assert!(text(http.submit(&without).unwrap()).contains(r#""version":2"#));
}

#[test]
fn work_that_outlasts_the_wait_is_followed_to_its_result() {
    let folder = folder();
    let server = Server::start(folder.path());
    for client in clients(&server) {
        let nap = Submission::new("sleep", r#"{"ms":300}"#).wait(Duration::from_millis(10));
        assert_eq!(text(client.submit(&nap).unwrap()), r#"{"slept_ms":300}"#);
        assert_eq!(client.stats().repetitions, 0);
        assert!(client.stats().polls >= 1 && client.stats().fetches == 1);

        let Ok(Outcome::Pending(pending)) = client.start(&nap) else { panic!("it was started") };
        let outcome = client.wait_for(pending.task, Duration::from_secs(30)).unwrap();
        assert_eq!(text(outcome), r#"{"slept_ms":300}"#);
        let result = client.result(pending.task).unwrap();
        assert_eq!(text(result), r#"{"slept_ms":300}"#);
    }
}

#[test]
fn who_waits_no_longer_can_ask_cancel_and_list() {
    let folder = folder();
    let server = Server::start(folder.path());
    for client in clients(&server) {
        let long = Submission::new("sleep", r#"{"ms":600000}"#).deadline(Duration::from_secs(1));
        let Ok(Outcome::Pending(pending)) = client.submit(&long) else { panic!("it goes on") };
        let task = client.task(pending.task).unwrap();
        assert_eq!((task.state, &*task.kind), (TaskState::Running, "sleep"));
        client.cancel(pending.task).unwrap();
        let error = client.wait_for(pending.task, Duration::from_secs(30)).unwrap_err();
        assert_eq!(error.code(), Some("cancelled"), "{error}");
        assert_eq!((error.submitted, error.task), (Submitted::Yes, Some(pending.task)));
        let listed = client.tasks("state=cancelled&limit=1").unwrap();
        assert_eq!(listed.tasks[0].id, pending.task);
        assert_eq!(client.retry(pending.task).unwrap_err().code(), Some("not-parked"));
    }
}

#[test]
fn many_at_once_are_counted_and_the_wrong_ones_told() {
    let folder = folder();
    let server = Server::start(folder.path());
    for client in clients(&server) {
        let many = "email,first_name\nada@example.com,Ada\nnobody,\n";
        let many = Submission::new("contacts.upsert", many).content_type("text/csv");
        let told = text(client.submit_bulk(&many).unwrap());
        assert!(told.contains(r#""items":2,"succeeded":1,"failed":1"#), "{told}");
    }
}

#[test]
fn what_failed_says_why_and_that_it_was_submitted() {
    let folder = folder();
    let server = Server::start(folder.path());
    for client in clients(&server) {
        let wrong = Submission::new("flaky", r#"{"reject":true}"#);
        let error = client.submit(&wrong).unwrap_err();
        assert_eq!((error.status(), error.submitted), (Some(422), Submitted::Yes), "{error}");
        assert!(error.task.is_some() && error.idempotency_key.is_some());
        let error = client.submit(&Submission::new("no-such-kind", "")).unwrap_err();
        assert_eq!((error.code(), error.submitted), (Some("unknown-kind"), Submitted::No));
        assert_eq!(client.stats().repetitions, 0, "neither could be helped by asking again");
    }
}

#[test]
fn a_parked_task_is_no_reason_to_wait() {
    let folder = folder();
    let server = Server::start_impatient(folder.path());
    for client in clients(&server) {
        let flaky = Submission::new("flaky", r#"{"fail_times":5}"#);
        let Ok(Outcome::Pending(pending)) = client.submit(&flaky) else { panic!("it is parked") };
        assert_eq!(client.task(pending.task).unwrap().state, TaskState::Parked);
        client.retry(pending.task).unwrap();
        client.wait_for(pending.task, Duration::from_secs(30)).unwrap().done().unwrap();
    }
}

/// The server is killed, or told to leave, under a client that waits for its work; started again on
/// the same port, it answers the same call.
#[test]
fn a_call_outlives_the_server() {
    for (scheme, signal) in
        [("http", "-KILL"), ("overtime", "-KILL"), ("http", "-TERM"), ("overtime", "-TERM")]
    {
        let folder = folder();
        let server = Server::start(folder.path());
        let address = server.data.clone();
        let client = client(&server, scheme);
        let add = Submission::new("steps", r#"{"steps":40,"ms":25}"#);
        let call = thread::spawn(move || (client.submit(&add), client.stats()));
        while !server.get("/v1/tasks?kind=steps").body.contains(r#""state":"running""#) {
            thread::yield_now();
        }
        server.signal(signal);
        server.wait();
        let _server = start_at(&address, folder.path());
        let (outcome, stats) = call.join().unwrap();
        let told = text(outcome.unwrap());
        assert!(told.contains(r#""steps":40"#), "{scheme}, {signal}: {told}");
        assert!(stats.offered() <= 1 + 10, "{scheme}, {signal}: {stats:?}");
    }
}

fn add_key(folder: &Path, limits: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.args(["keys", "add", "acme", "--data"]).arg(folder).args(limits);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// The key that a client has is revoked, and it asks for another, once for all that wait.
#[test]
fn a_key_that_counts_no_more_is_replaced() {
    let folder = folder();
    let (old, new) = (add_key(folder.path(), &[]), add_key(folder.path(), &[]));
    let server = Server::start(folder.path());
    for scheme in ["http", "overtime"] {
        let last = if old.ends_with('0') { '1' } else { '0' };
        let (wrong, right) = (format!("{}{last}", &old[..old.len() - 1]), new.clone());
        let keys = move |refused: Option<&str>| match refused {
            None => Some(wrong.clone()),
            Some(_) => Some(right.clone()),
        };
        let address = format!("{scheme}://{}", server.data);
        let client = Client::builder(&address).credentials(keys).build().unwrap();
        assert_eq!(text(client.submit(&Submission::new("echo", "hi")).unwrap()), "hi");
        let task = client.start(&Submission::new("echo", "hi")).unwrap();
        assert!(matches!(task, Outcome::Pending(_)));
        assert_eq!(client.stats().repetitions, 1);

        let nobody = Client::to(&address).unwrap();
        let error = nobody.submit(&Submission::new("echo", "hi")).unwrap_err();
        assert_eq!((error.code(), error.submitted), (Some("unauthorized"), Submitted::No));
        assert_eq!(nobody.stats().offered(), 1, "it has no key to try");
        let large = Submission::new("echo", "x".repeat(3_000_000));
        let error = nobody.submit(&large).unwrap_err();
        assert_eq!(error.code(), Some("unauthorized"), "the refusal is heard: {error}");
    }
}

/// A tenant that sends more than it may is told how long to wait, and its client does.
#[test]
fn a_tenant_over_its_rate_gets_all_of_it_done_later() {
    let folder = folder();
    let key = add_key(folder.path(), &["--rate", "2/s", "--burst", "1"]);
    let server = Server::start(folder.path());
    for scheme in ["http", "overtime"] {
        let address = format!("{scheme}://{}", server.data);
        let (refused, waits) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let counted = (refused.clone(), waits.clone());
        let watcher = move |answer: &Answer, next: &Next| {
            if let (Answer::Said(said), Next::Send { after }) = (answer, next) {
                assert_eq!(said.status, 429);
                assert!(*after >= said.retry_after.expect("each refusal says it"));
                counted.0.fetch_add(1, Ordering::SeqCst);
                counted.1.fetch_add(after.as_millis() as u64, Ordering::SeqCst);
            }
        };
        let client = Client::builder(&address).key(&key).watch(watcher).build().unwrap();
        for number in 0..4 {
            let echo = Submission::new("echo", format!("{number}"));
            assert_eq!(text(client.submit(&echo).unwrap()), format!("{number}"));
        }
        let (refused, stats) = (refused.load(Ordering::SeqCst), client.stats());
        assert_eq!(stats.repetitions, refused);
        assert!((1..=10).contains(&refused), "{scheme}: {stats:?}, {waits:?} ms");
    }
}
