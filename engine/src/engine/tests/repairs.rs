//! Repairs of all tasks that are parked for one reason.

use super::harness::{Stage, check, setup};
use crate::engine::Engine;
use crate::limits::Limits;

/// Two tasks that are parked, and not live any more.
const PARKED: &str = "
        submit a upsert wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        defect a
        > append a parked
        durable
        submit b upsert wait=0s
        > append b accepted
        durable
        > reply b 202 queued
        > dispatch interactive b#1
        defect b
        > append b parked
        durable
";

fn check_parked(scenario: &str) {
    check(4, &format!("{PARKED}{scenario}"));
}

fn shown(state: &str, counts: [u64; 6]) -> String {
    let [acted, succeeded, failed, open, left, skipped] = counts;
    format!(
        r#"> reply p value {{"fingerprint":"0000000000000007","repair":{{"state":"{state}","action":"retry","acted":{acted},"succeeded":{succeeded},"failed":{failed},"open":{open},"left":{left},"skipped":{skipped}}}}}"#
    )
}

#[test]
fn a_repair_walks_its_tasks_at_its_pace_and_counts_how_they_end() {
    let (under_way, done) =
        (shown("running", [1, 0, 0, 1, 1, 0]), shown("done", [2, 1, 1, 0, 0, 0]));
    check_parked(&format!(
        "
        repair x retry rate=10
        > reply x 202 running
        > inquire for page
        repair y discard
        > reply y 409 repair-running no
        page a b
        +100ms
        > inquire for a
        parked a
        > append a resumed
        durable
        > dispatch background a#2 stored
        progress p
        {under_way}
        +100ms
        > append a started
        > inquire for b
        > inquire for page
        parked b
        > append b resumed
        page
        durable
        done a
        > append a succeeded
        > dispatch background b#2 stored
        defect b
        > append b parked
        durable
        progress p
        {done}
        repair z retry
        > reply z 202 running
        > inquire for page
    "
    ));
}

#[test]
fn a_repair_stops_when_too_many_are_parked_again() {
    let stopped = shown("stopped", [1, 0, 1, 0, 1, 0]);
    check_parked(&format!(
        "
        repair x retry rate=1 stop_at=0
        > reply x 202 running
        > inquire for page
        page a b
        +1s
        > inquire for a
        parked a
        > append a resumed
        durable
        > dispatch background a#2 stored
        defect a
        > append a parked
        durable
        progress p
        {stopped}
        +1s
        +1s
    "
    ));
}

#[test]
fn a_task_that_somebody_else_steers_is_passed_over() {
    let done = shown("done", [1, 1, 0, 0, 0, 1]);
    check_parked(&format!(
        "
        repair x retry
        > reply x 202 running
        > inquire for page
        page a b
        cancel c a
        > inquire for a
        +10ms
        parked a
        > append a cancelled
        +10ms
        > inquire for b
        > inquire for page
        page
        parked b
        > append b resumed
        durable
        > reply c document cancelled
        > dispatch background b#2 stored
        done b
        > append b succeeded
        durable
        progress p
        {done}
    "
    ));
}

#[test]
fn a_full_disk_only_delays_a_repair() {
    let done = shown("done", [1, 1, 0, 0, 0, 0]);
    check_parked(&format!(
        "
        repair x retry
        > reply x 202 running
        > inquire for page
        page a
        +10ms
        > inquire for a
        > inquire for page
        page
        parked a
        > append a resumed
        full
        +10ms
        > inquire for a
        parked a
        > append a resumed
        durable
        > dispatch background a#2 stored
        done a
        > append a succeeded
        durable
        progress p
        {done}
    "
    ));
}

#[test]
fn a_dry_run_counts_and_does_nothing() {
    check_parked(
        r#"
        repair x discard dry
        > inquire for page
        page a b
        > reply x value {"fingerprint":"0000000000000007","action":"discard","matching":2,"more":false,"dry_run":true}
        progress p
        > reply p value {"fingerprint":"0000000000000007","repair":null}
    "#,
    );
}

#[test]
fn attempts_that_begin_to_fail_are_told_once() {
    let mut stage = Stage::new(Engine::new(setup(4, Limits::default(), 7)));
    let mut text = String::new();
    for second in 0..150 {
        let name = format!("t{second}");
        stage.play(&format!("+1s submit {name} call"));
        stage.describe(&mut text);
        stage.play("durable");
        stage.describe(&mut text);
        stage.play(&format!("{} {name}", if second < 100 { "done" } else { "fail" }));
        stage.describe(&mut text);
        // What is retried meanwhile succeeds.
        stage.play("durable");
        stage.describe(&mut text);
    }
    assert_eq!(text.matches("> notice Rose").count(), 1, "{text}");
}

#[test]
fn what_is_discarded_is_cancelled() {
    check_parked(
        "
        repair x discard
        > reply x 202 running
        > inquire for page
        page a b
        +10ms
        > inquire for a
        +10ms
        > inquire for b
        > inquire for page
        parked a
        > append a cancelled
        parked b
        > append b cancelled
        page
        durable
        drain
        repair y retry
        > reply y 503 draining no
    ",
    );
}

#[test]
fn while_a_former_process_is_still_taken_in_nothing_is_repaired() {
    check_parked(
        "
        recovering
        repair x retry
        > reply x 503 reads no
        recovered
        repair x retry
        > reply x 202 running
        > inquire for page
    ",
    );
}

#[test]
fn a_repair_that_only_waits_for_ends_wakes_nobody() {
    let mut stage = Stage::new(Engine::new(setup(4, Limits::default(), 7)));
    let mut text = String::new();
    let lines = PARKED.lines().map(str::trim).filter(|line| !line.is_empty());
    let rest =
        ["repair x retry", "page a", "+10ms", "page", "parked a", "durable", "+1s", "durable"];
    // It was noted that the first attempt hurt.
    let rest = rest.into_iter().chain(["+10s", "durable"]);
    for line in lines.filter(|line| !line.starts_with('>')).chain(rest) {
        stage.play(line);
        stage.describe(&mut text);
    }
    assert!(text.contains("dispatch background a#2"), "{text}");
    assert_eq!(stage.engine.next_deadline(), None, "{text}");
}

#[test]
fn a_repair_goes_at_its_own_pace_though_another_was_over_just_before() {
    check_parked(
        "
        repair x retry rate=1
        > reply x 202 running
        > inquire for page
        page
        repair y retry rate=1
        > reply y 202 running
        > inquire for page
        page a b
        +1s
        > inquire for a
    ",
    );
}

#[test]
fn what_is_under_way_for_a_repair_is_not_taken_for_its_successors() {
    let done = shown("done", [1, 1, 0, 0, 0, 0]);
    check_parked(&format!(
        "
        repair x retry rate=100 stop_at=0
        > reply x 202 running
        > inquire for page
        page a b
        +10ms
        > inquire for a
        parked a
        > append a resumed
        durable
        > dispatch background a#2 stored
        +10ms
        > append a started
        > inquire for b
        > inquire for page
        parked b
        > append b resumed
        durable
        defect a
        > append a parked
        > dispatch background b#2 stored
        durable
        repair y retry
        > reply y 202 running
        > inquire for page
        page
        page a
        +10ms
        > append b started
        > inquire for a
        > inquire for page
        parked a attempts=2
        > append a resumed
        page
        durable
        done b
        > append b succeeded
        > dispatch background a#3 stored
        done a
        > append a succeeded
        durable
        progress p
        {done}
    "
    ));
}

#[test]
fn a_repair_that_has_stopped_comes_to_no_other_task() {
    let stopped = shown("stopped", [1, 0, 1, 0, 1, 0]);
    check_parked(&format!(
        "
        repair x retry stop_at=0
        > reply x 202 running
        > inquire for page
        page a b
        +10ms
        > inquire for a
        +10ms
        > inquire for b
        > inquire for page
        parked a
        > append a resumed
        durable
        > dispatch background a#2 stored
        defect a
        > append a parked
        durable
        parked b
        progress p
        {stopped}
    "
    ));
}
