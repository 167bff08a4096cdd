//! Errors in the ledger, and what a person can do about all tasks that are parked for one of them.

use crate::support::{Server, folder};
use serde_json::Value;

/// Parks so many tasks for the same reason, and returns the fingerprint of that.
fn park(server: &Server, count: usize) -> String {
    let tasks: Vec<String> = (0..count)
        .map(|_| server.post("/v1/tasks/flaky?wait=0s", r#"{"fail_times":6}"#).task())
        .collect();
    for task in &tasks {
        server.wait_for(task, &["parked"]);
    }
    let ledger = server.get("/v1/errors?kind=flaky").json();
    let errors = ledger["errors"].as_array().unwrap();
    let error = errors.iter().find(|error| error["parked"] == count).expect("all are parked");
    error["fingerprint"].as_str().unwrap().to_owned()
}

/// Waits until the repair is over.
fn ended(server: &Server, address: &str) -> Value {
    loop {
        let repair = server.get(address).json()["repair"].clone();
        if repair["state"] != "running" {
            return repair;
        }
    }
}

#[test]
fn all_that_are_parked_for_one_reason_run_again() {
    let folder = folder();
    let server = Server::start_impatient(folder.path());
    let print = park(&server, 5);
    let address = format!("/v1/errors/{print}");
    assert_eq!(server.get(&address).json()["repair"], Value::Null);
    let dry = server.post(&format!("{address}/retry?dry_run=true&kind=flaky"), "").json();
    assert_eq!((&dry["matching"], &dry["action"]), (&5.into(), &"retry".into()));
    let begun = server.post(&format!("{address}/retry?rate=1000"), "");
    assert_eq!((begun.status, begun.field("Location")), (202, Some(&*address)));
    let repair = ended(&server, &address);
    assert_eq!((&repair["state"], &repair["acted"]), (&"done".into(), &5.into()));
    assert_eq!((&repair["succeeded"], &repair["failed"]), (&5.into(), &0.into()));
    let parked = server.get("/v1/tasks?state=parked").json();
    assert_eq!(parked["tasks"], Value::Array(Vec::new()));
}

#[test]
fn a_repair_that_does_not_help_stops_and_the_rest_can_be_discarded() {
    let folder = folder();
    let retries = "[kinds.flaky]\nattempts = 1\n";
    let server = Server::start_configured(folder.path(), retries);
    let print = park(&server, 6);
    let address = format!("/v1/errors/{print}");
    let refused = server.post(&format!("{address}/retry?rate=fast"), "");
    assert_eq!(refused.code(), "malformed-parameter");
    assert_eq!(server.post(&format!("{address}/retry?rate=5&stop_at=0"), "").status, 202);
    assert_eq!(server.post(&format!("{address}/discard"), "").code(), "repair-running");
    let repair = ended(&server, &address);
    assert_eq!(repair["state"], "stopped");
    assert!(repair["acted"].as_u64() < Some(6), "{repair}");
    server.post(&format!("{address}/discard"), "");
    let repair = ended(&server, &address);
    assert_eq!((&repair["state"], &repair["action"]), (&"done".into(), &"discard".into()));
}
