//! Cancelling tasks, and having parked ones run again.

use crate::support::{Answer, Server, folder};
use std::thread;

impl Server {
    fn cancel(&self, task: &str) -> Answer {
        self.request("DELETE", &format!("/v1/tasks/{task}"), &[], "")
    }
}

#[test]
fn what_has_not_started_is_cancelled_for_good() {
    let folder = folder();
    let server = Server::start(folder.path());
    let task = server.post("/v1/tasks/sleep?wait=0s&delay=200ms", r#"{"ms":1}"#).task();
    let cancelled = server.cancel(&task);
    assert_eq!((cancelled.status, &cancelled.json()["state"]), (200, &"cancelled".into()));
    assert_eq!(server.get(&format!("/v1/tasks/{task}/result")).code(), "cancelled");
    server.kill();
    let server = Server::start(folder.path());
    let document = server.get(&format!("/v1/tasks/{task}")).json();
    assert_eq!((&document["state"], &document["attempts"]), (&"cancelled".into(), &0.into()));
    assert_eq!(document["started_at"], serde_json::Value::Null);
}

#[test]
fn a_running_task_is_asked_to_stop_and_its_caller_hears_of_it() {
    let folder = folder();
    let server = Server::start(folder.path());
    let waiting = server.post("/v1/tasks/sleep?wait=20ms", r#"{"ms":3600000}"#);
    let task = waiting.task();
    let document = thread::scope(|scope| {
        let poll = scope.spawn(|| server.wait_for(&task, &["cancelled"]));
        let asked = server.cancel(&task);
        // It may have stopped before anything could be said.
        let (status, state) = (asked.status, asked.json()["state"].clone());
        assert!(
            (status, &state) == (202, &"running".into())
                || (status, &state) == (200, &"cancelled".into())
        );
        poll.join().unwrap()
    });
    assert_eq!(document["attempts"], 1);
    assert!(document["finished_at"].is_string());
}

#[test]
fn what_was_asked_to_stop_does_not_run_again_after_kill_9() {
    let folder = folder();
    let server = Server::start(folder.path());
    let task = server.post("/v1/tasks/flaky?wait=0s", r#"{"fail_times":100}"#).task();
    server.wait_for(&task, &["retrying"]);
    let running = server.post("/v1/tasks/sleep?wait=20ms", r#"{"ms":3600000}"#).task();
    assert!([200, 202].contains(&server.cancel(&running).status));
    assert_eq!(server.cancel(&task).json()["state"], "cancelled");
    server.kill();
    let server = Server::start(folder.path());
    server.wait_for(&running, &["cancelled"]);
    server.wait_for(&task, &["cancelled"]);
}

/// A task of `flaky` that used its four attempts, of which it needs `needed` to succeed.
fn parked(server: &Server, needed: u32) -> String {
    let body = format!(r#"{{"fail_times":{}}}"#, needed - 1);
    let task = server.post("/v1/tasks/flaky?wait=0s", &body).task();
    server.wait_for(&task, &["parked"]);
    task
}

#[test]
fn a_parked_task_runs_again_and_its_attempts_count_anew() {
    let folder = folder();
    let server = Server::start_impatient(folder.path());
    let task = parked(&server, 7);
    let path = format!("/v1/tasks/{task}/retry");
    let resumed = server.post(&path, "");
    assert_eq!((resumed.status, &resumed.json()["state"]), (202, &"queued".into()));
    let document = server.wait_for(&task, &["succeeded", "parked"]);
    assert_eq!((&document["state"], &document["attempts"]), (&"succeeded".into(), &7.into()));
    let again = server.post(&path, "");
    assert_eq!((again.status, &*again.code()), (409, "not-parked"));
    assert_eq!(server.cancel(&task).code(), "already-finished");
    let nobody = "01DXF6EC000000000000000001";
    assert_eq!(server.post(&format!("/v1/tasks/{nobody}/retry"), "").code(), "unknown-task");
    assert_eq!(server.cancel(nobody).code(), "unknown-task");
}

#[test]
fn of_many_who_retry_and_discard_one_parked_task_all_hear_the_same() {
    let folder = folder();
    let server = Server::start_impatient(folder.path());
    let task = parked(&server, 5);
    let path = format!("/v1/tasks/{task}/retry");
    let (retried, discarded) = thread::scope(|scope| {
        let retries: Vec<_> =
            (0..8).map(|_| scope.spawn(|| server.post(&path, "").status)).collect();
        let discards: Vec<_> =
            (0..4).map(|_| scope.spawn(|| server.cancel(&task).status)).collect();
        let join = |all: Vec<thread::ScopedJoinHandle<'_, u16>>| -> Vec<u16> {
            all.into_iter().map(|one| one.join().unwrap()).collect()
        };
        (join(retries), join(discards))
    });
    let document = server.wait_for(&task, &["succeeded", "cancelled"]);
    assert!(retried.iter().all(|status| [202, 409].contains(status)), "{retried:?}");
    if discarded.contains(&200) {
        assert_eq!(document["state"], "cancelled", "{discarded:?}");
    }
    if document["state"] == "succeeded" {
        assert_eq!(document["attempts"], 5);
        assert!(retried.contains(&202));
    }
}

#[test]
fn a_parked_task_survives_kill_9_on_either_side_of_its_retry() {
    let folder = folder();
    let server = Server::start_impatient(folder.path());
    let (resumed, discarded) = (parked(&server, 6), parked(&server, 6));
    server.kill();
    let server = Server::start_impatient(folder.path());
    assert_eq!(server.cancel(&discarded).status, 200);
    assert_eq!(server.post(&format!("/v1/tasks/{resumed}/retry"), "").status, 202);
    server.kill();
    let server = Server::start_impatient(folder.path());
    server.wait_for(&discarded, &["cancelled"]);
    server.wait_for(&resumed, &["succeeded"]);
}

#[test]
fn tasks_are_listed_by_what_is_named() {
    let folder = folder();
    let server = Server::start_impatient(folder.path());
    let resting = parked(&server, 9);
    server.post("/v1/tasks/flaky", "{}");
    let list = server.get("/v1/tasks?state=parked&kind=flaky&limit=10").json();
    let ids: Vec<&str> =
        list["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap()).collect();
    assert_eq!((ids, &list["next"]), (vec![&*resting], &serde_json::Value::Null));
    let refused = server.get("/v1/tasks?state=asleep");
    assert_eq!((refused.status, &*refused.code()), (400, "malformed-parameter"));
}

#[test]
fn bulk_stops_between_its_items_and_keeps_what_was_committed() {
    let folder = folder();
    let server = Server::start(folder.path());
    let contacts: String =
        (0..300).map(|at| format!("{{\"email\":\"c{at}@example.com\"}}\n")).collect();
    let sleeps = "{\"ms\":20}\n".repeat(5_000);
    let fields = ["Content-Type: application/x-ndjson"];
    let kept = server.request("POST", "/v1/bulk/contacts.upsert", &fields, &contacts);
    assert_eq!(kept.json()["succeeded"], 300);
    let task = server.request("POST", "/v1/bulk/sleep?wait=50ms", &fields, &sleeps).task();
    assert!([200, 202].contains(&server.cancel(&task).status));
    let document = server.wait_for(&task, &["cancelled"]);
    assert_eq!(document["attempts"], 1);
    assert_eq!(server.get(&format!("/v1/tasks/{task}/result")).code(), "cancelled");
    assert_eq!(server.get("/v1/contacts/c299@example.com").status, 200);
}
