//! Who was hurt: whom to tell after an incident, also after a restart.

use crate::support::{Server, add_key, folder, shows};
use serde_json::{Value, json};
use std::process::Command;

fn affected(server: &Server, key: &str, query: &str) -> (u16, Value) {
    let path = format!("/v1/tenants/affected{query}");
    let answer = server.request("GET", &path, &[&shows(key)], "");
    (answer.status, answer.json())
}

#[test]
fn whoever_was_delayed_or_refused_is_told_of_afterwards_and_nobody_else() {
    let folder = folder();
    let [slow, greedy, calm] = ["slow", "greedy", "calm"].map(|tenant| match tenant {
        "greedy" => add_key(folder.path(), &[tenant, "--rate", "1/h", "--burst", "1"]),
        _ => add_key(folder.path(), &[tenant]),
    });
    let operator = add_key(folder.path(), &["operator", "--lanes", "control"]);
    let server = Server::start(folder.path());
    let post = |key: &str, path: &str, body: &str| {
        server.request("POST", path, &[&shows(key)], body).status
    };
    assert_eq!(post(&slow, "/v1/tasks/sleep?wait=50ms", r#"{"ms":700}"#), 202);
    assert_eq!(post(&slow, "/v1/tasks/sleep?wait=50ms", r#"{"ms":700}"#), 202);
    // Whoever does not want to wait is not delayed.
    assert_eq!(post(&calm, "/v1/tasks/sleep?wait=0s", r#"{"ms":1}"#), 202);
    assert_eq!(post(&calm, "/v1/tasks/echo", "x"), 200);
    assert_eq!(post(&greedy, "/v1/tasks/echo", "x"), 200);
    for _ in 0..3 {
        assert_eq!(post(&greedy, "/v1/tasks/echo", "x"), 429);
    }
    server.signal("-TERM");
    assert!(server.wait().success());

    let server = Server::start(folder.path());
    let (status, document) = affected(&server, &operator, "");
    assert_eq!(status, 200, "{document}");
    let told = |entry: &Value| json!([entry["tenant"], entry["delayed"], entry["refused"]]);
    let tenants: Vec<Value> = document["tenants"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(tenants, [json!(["greedy", 0, 3]), json!(["slow", 2, 0])], "{document}");
    let (_, before) = affected(&server, &operator, "?to=2020-01-01T00:00:00Z");
    assert_eq!(before["tenants"], json!([]));
    assert_eq!(affected(&server, &operator, "?from=yesterday").0, 400);
    // Whom else it hit is not everybody's to know.
    assert_eq!(affected(&server, &slow, "").0, 403);

    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.args(["tenants", "affected", "--server", &server.data]).env("OVERTIME_KEY", &operator);
    let printed = command.output().unwrap();
    let text = String::from_utf8(printed.stdout).unwrap();
    let lines: Vec<&str> =
        text.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(lines, ["TENANT", "greedy", "slow"], "{text}");
}
