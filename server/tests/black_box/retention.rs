//! What has ended is kept for as long as the operator says, and no longer.

use crate::support::*;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_finished_task_is_gone_when_its_time_is_over_and_a_parked_one_stays() {
    let data = folder();
    let text = "[retention]\nfinished = \"1s\"\n[kinds.flaky]\nattempts = 1\n";
    let server = Server::start_configured(data.path(), text);
    let parked = server.post("/v1/tasks/flaky?wait=0s", "{\"fail_times\":1000}").task();
    server.wait_for(&parked, &["parked"]);
    let finished = server.post("/v1/tasks/contacts.upsert", "{\"email\":\"a@example.com\"}").task();
    let until = Instant::now() + PATIENCE;
    while server.get(&format!("/v1/tasks/{finished}")).status == 200 {
        assert!(Instant::now() < until, "it is still there");
    }
    for part in ["", "/result", "/events"] {
        let answer = server.get(&format!("/v1/tasks/{finished}{part}"));
        assert_eq!((answer.status, answer.code().as_str()), (410, "gone"), "{part}");
    }
    assert_eq!(server.get(&format!("/v1/tasks/{parked}")).json()["state"], "parked");
    assert_eq!(server.get("/v1/contacts/a@example.com").status, 200);
    let unknown = server.get("/v1/tasks/01KAHP5ZQ00000000000000000");
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "unknown-task"));
}
