//! Bulk bodies with items that fail and may do better the next time: the others do not wait.

use crate::support::{Server, folder};
use serde_json::{Value, json};

const NDJSON: &str = "Content-Type: application/x-ndjson";

fn counters(document: &Value) -> [Value; 3] {
    ["items", "succeeded", "failed"].map(|name| document[name].clone())
}

#[test]
fn items_that_fail_are_tried_again_alone() {
    let folder = folder();
    let server = Server::start(folder.path());
    let lines = (0..500).map(|n| match n % 100 {
        7 => "{\"fail_times\":1}\n",
        8 => "{\"reject\":true}\n",
        _ => "{}\n",
    });
    let body: String = lines.collect();
    let answer = server.request("POST", "/v1/bulk/flaky?wait=30s", &[NDJSON], &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let document = answer.json();
    assert_eq!(counters(&document), [json!(500), json!(495), json!(5)]);
    let told: Vec<u64> = document["errors"].as_array().unwrap().iter().map(index).collect();
    assert_eq!(told, [8, 108, 208, 308, 408]);
    let document = server.get(&format!("/v1/tasks/{}", answer.task())).json();
    assert_eq!(document["attempts"], 2);
    assert_eq!(document["progress"], json!({"done": 500, "total": 500}));
}

fn index(error: &Value) -> u64 {
    error["index"].as_u64().unwrap()
}

#[test]
fn an_item_that_always_fails_holds_up_none_also_after_kill_9() {
    let folder = folder();
    let server = Server::start(folder.path());
    let body = format!("{{\"panic\":true}}\n{{\"fail_times\":99}}\n{}", "{}\n".repeat(300));
    let task = server.request("POST", "/v1/bulk/flaky?wait=0s", &[NDJSON], &body).task();
    let document = server.wait_for(&task, &["retrying"]);
    assert_eq!(document["error"]["code"], "items-left");
    assert_eq!(document["progress"]["done"], 300);
    let detail = document["error"]["detail"].as_str().unwrap();
    assert!(detail.starts_with("2 items failed ephemerally, first: item 0: "), "{detail}");
    server.kill();

    let server = Server::start(folder.path());
    for _ in 0..6_000 {
        let document = server.get(&format!("/v1/tasks/{task}?wait=10ms")).json();
        // Only a pass over what was left over knows how many items there are.
        if document["progress"] == json!({"done": 300, "total": 302}) {
            return;
        }
    }
    panic!("{task} is not tried again");
}
