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
