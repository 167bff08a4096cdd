//! Tasks that save on their way: no step is taken twice, whatever comes between them.

use crate::support::{Server, folder};
use serde_json::{Value, json};
use std::fs;

/// Asks until the task has come at least so far.
fn wait_for_steps(server: &Server, task: &str, done: u64) -> Value {
    for _ in 0..6_000 {
        let document = server.get(&format!("/v1/tasks/{task}?wait=10ms")).json();
        if document["progress"]["done"].as_u64().is_some_and(|made| made >= done) {
            return document;
        }
    }
    panic!("{task} has not come to step {done}");
}

#[test]
fn a_step_that_fails_is_one_step_more() {
    let folder = folder();
    let server = Server::start(folder.path());
    let body = r#"{"steps":1000,"fail_at":999}"#;
    let answer = server.post("/v1/tasks/steps?wait=30s", body);
    assert_eq!(answer.json(), json!({"steps": 1000, "made": 1001}), "{answer:?}");
    let document = server.get(&format!("/v1/tasks/{}", answer.task())).json();
    assert_eq!(document["attempts"], 2);
    assert_eq!(document["progress"], json!({"done": 1000, "total": 1000}));
}

#[test]
fn kill_9_between_two_steps_costs_none_however_often_it_comes() {
    let folder = folder();
    let mut server = Server::start(folder.path());
    let body = r#"{"steps":60,"fail_at":50,"ms":10}"#;
    let task = server.post("/v1/tasks/steps?wait=0s", body).task();
    for done in [5, 15, 25, 35, 45] {
        let document = wait_for_steps(&server, &task, done);
        assert_eq!(document["state"], "running");
        assert_eq!(document["progress"]["total"], 60);
        server.kill();
        server = Server::start(folder.path());
    }
    server.wait_for(&task, &["succeeded"]);
    let result = server.get(&format!("/v1/tasks/{task}/result")).json();
    assert_eq!(result, json!({"steps": 60, "made": 61}));
}

#[test]
fn an_orderly_end_costs_no_step_either() {
    let folder = folder();
    let file = folder.path().join("overtime.toml");
    fs::write(&file, "[drain]\ngrace = \"100ms\"\n").unwrap();
    let data = folder.path().join("data");
    let server = Server::start_with(&data, &["--config", file.to_str().unwrap()]);
    let task = server.post("/v1/tasks/steps?wait=0s", r#"{"steps":60,"ms":10}"#).task();
    wait_for_steps(&server, &task, 10);
    server.signal("-TERM");
    assert!(server.wait().success());

    let server = Server::start(&data);
    server.wait_for(&task, &["succeeded"]);
    let result = server.get(&format!("/v1/tasks/{task}/result")).json();
    assert_eq!(result, json!({"steps": 60, "made": 60}));
}
