//! What one call sends over HTTP, and what its caller learns.

use super::clock::JumpingClock;
use super::server::{Act, Server, task};
use overtime_client::manners::Why;
use overtime_client::{Cause, Client, Outcome, Submission, Submitted, TaskState};
use overtime_protocol::IdempotencyKey;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn hello() -> Submission {
    Submission::new("echo", "hello")
}

fn body(outcome: Outcome) -> String {
    String::from_utf8(outcome.done().expect("it is done").body.into()).unwrap()
}

#[test]
fn nobody_comes_back_before_the_server_wants_him_to() {
    for status in [429, 503] {
        let busy = Act::problem(status, true, "no").with("Retry-After: 3");
        let server = Server::saying([busy.clone(), busy, Act::answer(200, "hello")]);
        assert_eq!(body(server.client().submit(&hello()).unwrap()), "hello");
        let asked = server.asked();
        assert_eq!(asked.len(), 3);
        assert!(asked.windows(2).all(|two| two[1].at >= two[0].at + 3.0), "{asked:?}");
        assert!(asked.iter().all(|request| request.key() == asked[0].key()), "{asked:?}");
        assert!(asked.iter().all(|request| request.body == "hello"));
    }
}

/// The server does the work and the answer gets lost: the repetition has the same key, so the work
/// is done once.
#[test]
fn a_lost_answer_is_asked_for_again_and_the_work_is_done_once() {
    let done = Arc::new(Mutex::new(HashMap::new()));
    let book = done.clone();
    let server = Server::start(move |request| {
        let mut book = book.lock().unwrap();
        let times = book.entry(request.key()).or_insert(0);
        *times += 1;
        match *times {
            1 => Act::HangUp,
            _ => Act::answer(200, "done").with("Idempotency-Replayed: true"),
        }
    });
    let outcome = server.client().submit(&hello()).unwrap().done().unwrap();
    assert!(outcome.replayed && *outcome.body == *b"done");
    assert_eq!(done.lock().unwrap().values().collect::<Vec<_>>(), [&2]);
}

#[test]
fn another_key_is_tried_once() {
    let server = Server::start(|request| match request.field("Authorization") {
        Some("Bearer new") => Act::answer(200, "hello"),
        _ => Act::problem(401, false, "no"),
    });
    let keys =
        |refused: Option<&str>| Some(if refused == Some("old") { "new" } else { "old" }.to_owned());
    let client = Client::builder(&server.base).credentials(keys).build().unwrap();
    assert_eq!(body(client.submit(&hello()).unwrap()), "hello");
    assert_eq!(server.asked().len(), 2);
    assert_eq!(body(client.submit(&hello()).unwrap()), "hello");
    assert_eq!(server.asked().len(), 3, "the key is kept");

    let nobody = Server::saying([Act::problem(401, false, "no")]);
    let client = Client::builder(&nobody.base).credentials(keys).build().unwrap();
    let error = client.submit(&hello()).unwrap_err();
    assert_eq!((error.status(), error.submitted), (Some(401), Submitted::No));
    assert_eq!(nobody.asked().len(), 2);
    let client = Client::builder(&nobody.base).key("the-only-one").build().unwrap();
    assert_eq!(client.submit(&hello()).unwrap_err().status(), Some(401));
    assert_eq!(nobody.asked().len(), 3, "there is no other key to try");
}

#[test]
fn work_that_goes_on_is_polled_when_the_server_says() {
    let server = Server::saying([
        Act::document(202, "running").with("Retry-After: 5"),
        Act::document(200, "running"),
        Act::problem(503, true, "no").with("Retry-After: 2"),
        Act::document(200, "succeeded"),
        Act::answer(200, "at last").with(&format!("Overtime-Task: {}", task())),
    ]);
    let client = server.client();
    let done = client.submit(&hello()).unwrap().done().unwrap();
    assert_eq!((&*done.body, done.task), (&b"at last"[..], Some(task())));
    let asked = server.asked();
    let paths: Vec<&str> =
        asked.iter().map(|one| one.line.split(['?', ' ']).nth(1).unwrap()).collect();
    let (document, result) =
        (format!("/v1/tasks/{}", task()), format!("/v1/tasks/{}/result", task()));
    assert_eq!(paths, ["/v1/tasks/echo", &document, &document, &document, &result]);
    assert!(asked[1].at >= 5.0 && asked[3].at >= asked[2].at + 2.0, "{asked:?}");
    let stats = client.stats();
    assert_eq!((stats.first_attempts, stats.repetitions), (1, 1));
    assert_eq!((stats.polls, stats.fetches), (2, 1));
}

#[test]
fn who_runs_out_of_time_learns_where_the_work_goes_on() {
    let server = Server::saying([
        Act::document(202, "queued").with("Retry-After: 1"),
        Act::document(200, "running"),
    ]);
    let submission = hello().deadline(Duration::from_secs(20));
    let Ok(Outcome::Pending(pending)) = server.client().submit(&submission) else { panic!() };
    assert_eq!((pending.task, pending.why), (task(), Some(Why::Deadline)));
    let asked = server.asked();
    assert!(asked.last().unwrap().at < 20.0 && (5..30).contains(&asked.len()), "{asked:?}");
    let server = Server::saying([Act::document(202, "queued").with("Retry-After: 1")]);
    let Ok(Outcome::Pending(pending)) = server.client().start(&hello()) else { panic!() };
    assert_eq!((pending.task, pending.why), (task(), None));
    assert!(server.asked()[0].line.contains("wait=0ms"));
}

#[test]
fn a_refusal_tells_all_that_the_server_said() {
    let server = Server::saying([Act::problem(422, false, "yes")]);
    let key = IdempotencyKey::new("sign\"up").unwrap();
    let error = server.client().submit(&hello().key(key.clone())).unwrap_err();
    assert_eq!((error.status(), error.code()), (Some(422), Some("c-422")));
    assert_eq!((error.submitted, error.given_up), (Submitted::Yes, None));
    assert_eq!(error.idempotency_key, Some(key));
    assert_eq!(error.to_string(), "T: D (c-422)");
    assert_eq!(server.asked()[0].key(), r#""sign\"up""#);
    assert_eq!(server.asked().len(), 1, "it cannot help to ask again");
}

#[test]
fn whether_it_was_submitted_is_known_or_said_to_be_unknown() {
    // A port that was let go may be another test's by now; this one the system gives to nobody.
    let nobody = Client::builder("http://127.0.0.1:1").clock(JumpingClock::default());
    let error = nobody.build().unwrap().submit(&hello()).unwrap_err();
    assert!(matches!(error.cause, Cause::NotConnected(_)), "{error}");
    assert_eq!(error.submitted, Submitted::No);

    let server = Server::saying([Act::HangUp]);
    let error = server.client().submit(&hello()).unwrap_err();
    assert!(matches!(error.cause, Cause::Lost(_)), "{error}");
    assert_eq!((error.submitted, error.given_up), (Submitted::Unknown, Some(Why::Budget)));
    assert!(error.idempotency_key.is_some(), "with it, the caller can ask again");

    let server = Server::saying([Act::HangUp, Act::problem(413, false, "no")]);
    let error = server.client().submit(&hello()).unwrap_err();
    assert_eq!((error.status(), error.submitted), (Some(413), Submitted::Unknown));
}

#[test]
fn what_stands_between_us_and_the_server_is_understood_by_its_status() {
    let gateway = Act::answer(502, "<html>Bad Gateway</html>");
    let server = Server::saying([gateway.clone(), Act::answer(200, "hello")]);
    assert_eq!(body(server.client().submit(&hello()).unwrap()), "hello");
    let server = Server::saying([gateway]);
    let error = server.client().submit(&hello()).unwrap_err();
    assert_eq!((error.status(), error.submitted), (Some(502), Submitted::Unknown));
    let server = Server::saying([Act::answer(200, "no document")]);
    assert!(matches!(server.client().task(task()).unwrap_err().cause, Cause::Strange(_)));
    let server = Server::saying([Act::answer(302, "").with("Location: /elsewhere")]);
    assert_eq!(server.client().submit(&hello()).unwrap_err().status(), Some(302));
}

#[test]
fn questions_are_asked_once_and_answered() {
    let server = Server::saying([
        Act::document(200, "running"),
        Act::document(202, "running"),
        Act::document(202, "queued"),
        Act::answer(202, "{}").with(&format!("Overtime-Task: {}", task())),
        Act::answer(200, r#"{"tasks":[],"next":"more"}"#),
        Act::problem(404, false, "no"),
    ]);
    let client = server.client();
    assert_eq!(client.task(task()).unwrap().state, TaskState::Running);
    assert_eq!(client.cancel(task()).unwrap().id, task());
    assert_eq!(client.retry(task()).unwrap().state, TaskState::Queued);
    let result = client.result(task()).unwrap();
    assert!(matches!(result, Outcome::Pending(pending) if pending.why.is_none()));
    assert_eq!(client.tasks("state=parked").unwrap().next.as_deref(), Some("more"));
    assert_eq!(client.task(task()).unwrap_err().code(), Some("c-404"));
    let methods: Vec<String> =
        server.asked().iter().map(|one| one.line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(methods, ["GET", "DELETE", "POST", "GET", "GET", "GET"]);
    assert!(matches!(client.tasks("a b").unwrap_err().cause, Cause::Unsendable(_)));
}
