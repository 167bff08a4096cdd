//! Handlers that block, and the workers that stand in for those they hold.

use crate::support::{Server, add_key, folder, request, shows};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The value of a metric, by its name and labels.
fn metric(server: &Server, name: &str) -> f64 {
    let text = request(&server.admin, "GET", "/metrics", &[], "").body;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

/// Waits until the server says so; a request each time takes long enough for a pause.
fn wait_until(server: &Server, name: &str, value: f64) {
    for _ in 0..20_000 {
        if metric(server, name) == value {
            return;
        }
    }
    panic!("{name} is {} and never {value}", metric(server, name));
}

/// A server with so many workers, which waits for nobody when it ends.
fn start(folder: &Path, workers: &str) -> Server {
    let file = folder.join("overtime.toml");
    fs::write(&file, "[drain]\ngrace = \"0s\"\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_overtime"));
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", workers]);
    command.args(["--demo", "--config", file.to_str().unwrap()]);
    command.arg("--data").arg(folder);
    Server::spawn(command)
}

const HOUR: &str = r#"{"ms":3600000}"#;

#[test]
fn workers_that_are_held_are_stood_in_for_up_to_a_bound() {
    let folder = folder();
    let server = start(folder.path(), "2..4");
    let hold = || server.post("/v1/tasks/sleep?wait=0s", HOUR).task();
    let explain = |task: &str| server.get(&format!("/v1/tasks/{task}/explain")).json();

    let held = [hold(), hold()];
    wait_until(&server, "overtime_workers_held", 2.0);
    let quick = server.post("/v1/tasks/echo?wait=60s", "x");
    assert_eq!((quick.status, &*quick.body), (200, "x"));
    let why = explain(&held[0]);
    assert_eq!((&why["lane"], &why["state"]), (&"background".into(), &"running".into()));
    assert!(why["worker"].as_str().unwrap().starts_with("work-"), "{why}");
    assert!(why["reason"].as_str().unwrap().contains("stands in"), "{why}");

    let more = [hold(), hold()];
    wait_until(&server, "overtime_workers_held_alone", 2.0);
    assert_eq!(metric(&server, "overtime_workers_spare"), 2.0);
    assert_eq!(metric(&server, "overtime_lane_running{lane=\"interactive\"}"), 2.0);
    assert!(explain(&more[0])["worker"].as_str().unwrap().starts_with("spare-"));
    let waits = server.post("/v1/tasks/echo?wait=0s", "x").task();
    let why = explain(&waits);
    assert_eq!(why["waits_for"], "worker");
    assert!(why["reason"].as_str().unwrap().contains("there may be no more"), "{why}");

    let cancelled = server.request("DELETE", &format!("/v1/tasks/{}", held[1]), &[], "");
    assert!([200, 202].contains(&cancelled.status), "{cancelled:?}");
    server.wait_for(&waits, &["succeeded"]);
    assert_eq!(metric(&server, "overtime_lane_start_seconds_count{lane=\"interactive\"}"), 3.0);
    assert_eq!(metric(&server, "overtime_lane_ceiling{lane=\"interactive\"}"), 2.0);

    server.signal("-TERM");
    assert!(server.wait().success());
}

#[test]
fn a_tenant_whose_calls_block_leaves_workers_to_the_others() {
    let folder = folder();
    let [acme, beta] = ["acme", "beta"].map(|tenant| shows(&add_key(folder.path(), &[tenant])));
    let server = start(folder.path(), "2..6");
    let post = |key: &str, path: &str, body: &str| server.request("POST", path, &[key], body);
    let tasks: Vec<String> =
        (0..6).map(|_| post(&acme, "/v1/tasks/sleep?wait=0s", HOUR).task()).collect();
    // Two begin at once, and two more when others stand in for those: then it holds half of six.
    let path = format!("/v1/tasks/{}/explain", tasks[5]);
    let mut whys = (0..20_000).map(|_| server.request("GET", &path, &[&acme], "").json());
    let is_told = |why: &serde_json::Value| {
        why["reason"].as_str().is_some_and(|reason| reason.contains("others share this server"))
    };
    assert_eq!(whys.find(is_told).expect("it is told why it waits")["waits_for"], "worker");
    let quick = post(&beta, "/v1/tasks/echo?wait=60s", "x");
    assert_eq!((quick.status, &*quick.body), (200, "x"));
}
