//! What survives.

use crate::support::{Server, folder, overtime};
use std::fs;
use std::process::Stdio;

#[test]
fn what_was_acknowledged_survives_kill_9_and_counts_once() {
    let folder = folder();
    let mut version = 0;
    for round in 0..5 {
        let server = Server::start(folder.path());
        for _ in 0..20 {
            let body = format!(r#"{{"email":"ada@example.com","fields":{{"round":{round}}}}}"#);
            let answer = server.post("/v1/tasks/contacts.upsert", &body);
            version += 1;
            assert_eq!(answer.json()["version"], version);
        }
        server.kill();
    }
    let server = Server::start(folder.path());
    let contact = server.get("/v1/contacts/ada@example.com").json();
    assert_eq!((&contact["version"], &contact["fields"]["round"]), (&100.into(), &4.into()));
}

#[test]
fn unfinished_tasks_go_on_after_kill_9() {
    let folder = folder();
    let server = Server::start_impatient(folder.path());
    let delayed = server
        .post("/v1/tasks/contacts.upsert?wait=0s&delay=700ms", r#"{"email":"late@example.com"}"#)
        .task();
    let running = server.post("/v1/tasks/sleep?wait=20ms", r#"{"ms":600}"#).task();
    let retrying = server.post("/v1/tasks/flaky?wait=0s", r#"{"fail_times":3}"#).task();
    server.kill();
    let server = Server::start_impatient(folder.path());
    for task in [&delayed, &running, &retrying] {
        server.wait_for(task, &["succeeded"]);
    }
    assert_eq!(server.get("/v1/contacts/late@example.com").json()["version"], 1);
    assert_eq!(server.get(&format!("/v1/tasks/{running}/result")).json()["slept_ms"], 600);
}

#[test]
fn tasks_without_a_handler_rest_until_one_comes() {
    let folder = folder();
    let server = Server::start(folder.path());
    let task = server.post("/v1/tasks/sleep?wait=0s&delay=200ms", r#"{"ms":1}"#).task();
    server.kill();
    let server = Server::spawn(overtime(folder.path()));
    assert_eq!(server.get(&format!("/v1/tasks/{task}")).json()["state"], "queued");
    server.kill();
    let server = Server::start(folder.path());
    server.wait_for(&task, &["succeeded"]);
}

#[test]
fn a_second_server_on_the_same_folder_is_refused_with_the_reason() {
    let folder = folder();
    let server = Server::start(folder.path());
    let second = overtime(folder.path()).stdout(Stdio::null()).output().unwrap();
    assert!(!second.status.success());
    let reason = String::from_utf8(second.stderr).unwrap();
    assert!(reason.contains(&server.child.id().to_string()), "{reason}");
    assert_eq!(server.post("/v1/tasks/echo", "unharmed").body, "unharmed");
}

#[test]
fn a_folder_from_a_newer_version_is_refused_with_the_reason() {
    let folder = folder();
    Server::start(folder.path()).kill();
    fs::write(folder.path().join("FORMAT"), "overtime 9\n").unwrap();
    let refused = overtime(folder.path()).output().unwrap();
    assert!(!refused.status.success());
    let reason = String::from_utf8(refused.stderr).unwrap();
    assert!(reason.contains("newer"), "{reason}");
}

#[test]
fn a_configuration_that_contradicts_itself_is_refused() {
    let folder = folder();
    let file = folder.path().join("overtime.toml");
    fs::write(&file, "[wait]\ndefault = \"2m\"\nmax = \"1m\"\n").unwrap();
    let check = || {
        let mut command = overtime(&folder.path().join("data"));
        command.arg("check-config").arg("--config").arg(&file).output().unwrap()
    };
    let refused = check();
    assert!(!refused.status.success());
    let reason = String::from_utf8(refused.stderr).unwrap();
    assert!(reason.contains("wait.default") && reason.contains("wait.max"), "{reason}");
    fs::write(&file, "[wait]\ndefault = \"2s\"\n").unwrap();
    let accepted = check();
    assert!(accepted.status.success());
    assert!(String::from_utf8(accepted.stdout).unwrap().contains("default = \"2s\""));
}
