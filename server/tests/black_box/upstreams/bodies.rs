//! Bulk bodies whose upstream has no place for them, through the real binary.

use super::{Upstream, ok};
use crate::support::{Server, folder};
use serde_json::json;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

const JSON: &str = "Content-Type: application/json";

/// Until what is to happen has happened.
fn await_fact(what: &str, fact: impl Fn() -> bool) {
    let started = Instant::now();
    while !fact() {
        assert!(started.elapsed() < Duration::from_secs(60), "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn bodies_that_may_not_call_keep_no_worker_and_go_on_when_they_may() {
    let (gone, stays) = mpsc::channel::<()>();
    let stays = Mutex::new(stays);
    let upstream = Upstream::new(move |_, body| {
        if body == "slow" {
            let _ = stays.lock().unwrap().recv();
        }
        ok("0")
    });
    let folder = folder();
    let bounds = "concurrency = 1\ntimeout = \"5m\"\nslow = \"5m\"\n";
    let server = Server::start_configured(folder.path(), &upstream.config(bounds));
    let slow = server.post("/v1/tasks/job.run?wait=0s", "slow").task();
    server.wait_for(&slow, &["running"]);
    let body = json!(vec![7; 40]).to_string();
    let submit = |_| server.request("POST", "/v1/bulk/job.run?wait=0s", &[JSON], &body).task();
    // There are fewer workers for bulk than that.
    let tasks: Vec<String> = (0..4).map(submit).collect();
    let contacts = r#"[{"email":"a@b.example"},{"email":"c@d.example"}]"#;
    let answer = server.request("POST", "/v1/bulk/contacts.upsert?wait=60s", &[JSON], contacts);
    assert_eq!((answer.status, &answer.json()["succeeded"]), (200, &json!(2)), "{answer:?}");
    let waits_for = |task: &String| {
        let explained = server.get(&format!("/v1/tasks/{task}/explain")).json();
        explained["waits_for"] == "upstream"
    };
    await_fact("all stand in the line of the upstream", || tasks.iter().all(waits_for));

    drop(gone);
    for task in &tasks {
        let document = server.wait_for(task, &["succeeded"]);
        assert_eq!(document["progress"]["done"], 40, "{document}");
    }
    let heads = upstream.heads();
    let answered = |task: &String| {
        let key = format!("idempotency-key: {}-", task.to_ascii_lowercase());
        heads.iter().filter(|head| head.contains(&key)).count()
    };
    assert_eq!(tasks.iter().map(answered).collect::<Vec<_>>(), [40; 4], "each item once");
}
