//! Why a task is where it is.

use crate::support::{Server, folder};

#[test]
fn a_task_is_explained_wherever_it_is() {
    let folder = folder();
    let server = Server::start_impatient(folder.path());
    let explain = |task: &str| server.get(&format!("/v1/tasks/{task}/explain")).json();
    let delayed = server.post("/v1/tasks/echo?wait=0s&delay=1m", "x").task();
    let running = server.post("/v1/tasks/sleep?wait=20ms", r#"{"ms":3600000}"#).task();
    let resting = server.post("/v1/tasks/flaky", r#"{"fail_times":9}"#).task();
    let waits = explain(&delayed);
    assert_eq!((&waits["waits_for"], &waits["attempts_max"]), (&"time".into(), &25.into()));
    assert!(waits["back_off_ms"].as_u64().unwrap() > 0);
    let runs = explain(&running);
    assert!(runs["worker"].as_str().unwrap().starts_with("work-"), "{runs}");
    assert_eq!((&runs["state"], &runs["lane_running"]), (&"running".into(), &1.into()));
    let rests = explain(&resting);
    assert_eq!(
        (&rests["state"], &rests["last_error"]["code"]),
        (&"parked".into(), &"flaky".into())
    );
    assert!(rests["reason"].as_str().unwrap().contains("retry"), "{rests}");
    let nobody = server.get("/v1/tasks/01DXF6EC000000000000000001/explain");
    assert_eq!((nobody.status, &*nobody.code()), (404, "unknown-task"));
}
