//! The process stands still for a while, as under a debugger or on a machine that was suspended.

use crate::chance::number;
use crate::ledger::Mix;
use crate::load;
use crate::series::Series;
use crate::server::wait_until;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

#[test]
fn a_server_that_stood_still_goes_on_as_if_nothing_had_been() {
    let span = Duration::from_millis(number("OVERTIME_FAULTS_STOP_MS", 2_000));
    let series = Series::new();
    let server = series.place.start();
    // One that comes due meanwhile, one that runs meanwhile, and one that is not yet due.
    let due = server.post("/v1/tasks/sleep?wait=0s&delay=500ms", r#"{"ms":1}"#).task();
    let running = server.post("/v1/tasks/sleep?wait=0s", r#"{"ms":900}"#).task();
    let later = server.post("/v1/tasks/sleep?wait=0s&delay=60m", r#"{"ms":1}"#).task();
    let goes_on = AtomicBool::new(false);
    thread::scope(|scope| {
        let impatient = scope.spawn(|| server.post("/v1/tasks/sleep?wait=300ms", r#"{"ms":800}"#));
        let callers = scope.spawn(|| {
            while !goes_on.load(Ordering::SeqCst) {
                let seen = load::run(&server, &series.ledger, (Mix::Usual, 64));
                assert!(seen.cut_off == 0 && seen.refusals().is_empty(), "{seen:?}");
            }
        });
        wait_until("it has started", || {
            server.get(&format!("/v1/tasks/{running}")).json()["started_at"].is_string()
        });
        server.signal("-STOP");
        // The fault itself: nothing is waited for.
        thread::sleep(span);
        server.signal("-CONT");
        goes_on.store(true, Ordering::SeqCst);
        callers.join().expect("every caller was answered");
        let impatient = impatient.join().expect("it was answered");
        assert!([200, 202].contains(&impatient.status), "{impatient:?}");
        // What ended while somebody waited is on no disk: it is of a kind that is kept in memory.
        let fell_over = (impatient.status == 202).then(|| impatient.task());
        for task in [&due, &running].into_iter().chain(&fell_over) {
            let document = server.wait_for(task, "succeeded");
            assert_eq!(document["attempts"], 1, "{document}");
        }
    });
    let waiting = server.wait_for(&later, "queued");
    assert_eq!(waiting["attempts"], 0, "{waiting}");
    // Nobody was taken for dead, and it can still be ended in order.
    assert!(server.is_ready());
    assert!(!series.place.stderr().contains("panicked"));
    let stopped = server.stop();
    assert!(stopped.success(), "{stopped}");
}
