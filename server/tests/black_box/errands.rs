//! The commands that talk to a running server: what they print, and how they end.

use crate::support::{Server, folder};
use serde_json::Value;
use std::process::{Command, Output};

/// Where nobody listens. A port that was let go may be another test's by then; this one the system
/// gives to nobody.
const NOBODY: &str = "127.0.0.1:1";

/// Runs `overtime` with these words against the server at `address`.
fn errand(address: &str, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.args(words).env("OVERTIME_SERVER", address).output().expect("the binary starts")
}

/// What a command prints that succeeds.
fn printed(server: &Server, words: &[&str]) -> String {
    let output = errand(&server.data, words);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a command complains of that fails.
fn complaint(address: &str, words: &[&str]) -> String {
    let output = errand(address, words);
    assert!(!output.status.success() && output.stdout.is_empty(), "{words:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_task_is_shown_with_its_result_and_what_happened_to_it() {
    let folder = folder();
    let server = Server::start(folder.path());
    let task = server.post("/v1/tasks/contacts.upsert", r#"{"email":"a@example.com"}"#).task();
    let shown = printed(&server, &["tasks", "show", &task]);
    for line in ["state             succeeded", "kind              contacts.upsert"] {
        let line: Vec<&str> = line.split_whitespace().collect();
        let found = shown.lines().any(|shown| shown.split_whitespace().eq(line.iter().copied()));
        assert!(found, "{line:?} in {shown}");
    }
    let document: Value =
        serde_json::from_str(&printed(&server, &["tasks", "show", &task, "--json"])).unwrap();
    assert_eq!(document, server.get(&format!("/v1/tasks/{task}")).json());
    let result = printed(&server, &["tasks", "result", &task]);
    assert_eq!(result, server.get(&format!("/v1/tasks/{task}/result")).body);
    let events = printed(&server, &["tasks", "events", &task]);
    assert!(events.trim_end().ends_with("#1  succeeded"), "{events}");
}

#[test]
fn what_the_server_refuses_is_told_in_its_words() {
    let folder = folder();
    let server = Server::start(folder.path());
    let unknown = complaint(&server.data, &["tasks", "show", "01KAHP5ZQ00000000000000000"]);
    assert!(unknown.contains("No task has this id") && unknown.contains("(unknown-task)"));
    let later = server.post("/v1/tasks/echo?delay=1m&wait=0s", "later").task();
    let none = complaint(&server.data, &["tasks", "result", &later]);
    assert!(none.contains("the task is queued; it has no result yet"), "{none}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let complaint = complaint(NOBODY, &["tasks", "list"]);
    assert!(
        complaint.contains("no server answers at") && complaint.contains(NOBODY),
        "{complaint}"
    );
}

#[test]
fn tasks_are_listed_cancelled_and_run_again() {
    let folder = folder();
    let server = Server::start_impatient(folder.path());
    let parked = server.post("/v1/tasks/flaky?wait=0s", r#"{"fail_times":5}"#).task();
    let later = server.post("/v1/tasks/echo?delay=1m&wait=0s", "later").task();
    server.wait_for(&parked, &["parked"]);
    let rows = |words: &[&str]| -> Vec<String> {
        let text = printed(&server, words);
        assert!(text.starts_with("ID  "), "{text}");
        text.lines().skip(1).map(str::to_owned).collect()
    };
    let all = rows(&["tasks", "list"]);
    assert!(all.len() == 2 && all[0].starts_with(&later) && all[1].starts_with(&parked), "{all:?}");
    let some = rows(&["tasks", "list", "--state", "parked", "--kind", "flaky", "--all"]);
    assert!(some.len() == 1 && some[0].contains(" parked "), "{some:?}");
    let newest = rows(&["tasks", "list", "--limit", "1"]);
    assert!(newest.len() == 1 && newest[0].starts_with(&later), "{newest:?}");
    let page: Value =
        serde_json::from_str(&printed(&server, &["tasks", "--json", "list"])).unwrap();
    assert_eq!(page, server.get("/v1/tasks").json());
    let cancelled = printed(&server, &["tasks", "cancel", &later]);
    assert!(cancelled.contains("cancelled"), "{cancelled}");
    let again = complaint(&server.data, &["tasks", "cancel", &later]);
    assert!(again.contains("(already-finished)"), "{again}");
    printed(&server, &["tasks", "retry", &parked]);
    let events = printed(&server, &["tasks", "events", &parked]);
    assert!(events.contains("parked: ") && events.trim_end().ends_with("succeeded"), "{events}");
    let malformed = complaint(&server.data, &["tasks", "list", "--state", "Parked"]);
    assert!(malformed.contains("`state`"), "{malformed}");
}

#[test]
fn errors_are_listed_and_what_they_left_parked_is_repaired() {
    let folder = folder();
    let server = Server::start_impatient(folder.path());
    let submit = |_| server.post("/v1/tasks/flaky?wait=0s", r#"{"fail_times":6}"#).task();
    let tasks: Vec<String> = (0..3).map(submit).collect();
    for task in &tasks {
        server.wait_for(task, &["parked"]);
    }
    let list = printed(&server, &["errors", "list", "--kind", "flaky"]);
    let mut words = list.lines().nth(1).unwrap_or_else(|| panic!("{list}")).split_whitespace();
    let print = words.next().unwrap().to_owned();
    assert_eq!(words.next(), Some("flaky"), "{list}");
    let dry = printed(&server, &["errors", "retry", &print, "--dry-run"]);
    assert!(dry.lines().any(|line| line.split_whitespace().eq(["matching", "3"])), "{dry}");
    let repair = printed(&server, &["errors", "retry", &print, "--rate", "1000"]);
    let last = repair.lines().last().unwrap();
    assert_eq!(last, "done: acted 3, succeeded 3, failed 0, open 0, skipped 0");
    let shown = printed(&server, &["errors", "show", &print, "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["repair"]["state"], "done");
    let discarded = printed(&server, &["errors", "discard", &print]);
    assert!(discarded.trim_end().ends_with("acted 0, succeeded 0, failed 0, open 0, skipped 0"));
}
