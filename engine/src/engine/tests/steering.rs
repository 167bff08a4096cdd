//! Cancelling tasks, and having parked ones run again.

use super::harness::{Stage, check, check_within, setup};
use crate::engine::Engine;
use crate::limits::Limits;
use overtime_protocol::Lane;

#[test]
fn what_waits_ends_once_that_is_on_disk_and_never_starts() {
    check(
        1,
        "
        submit busy call wait=0s
        > append busy accepted
        durable
        > reply busy 202 queued
        > dispatch interactive busy#1
        submit a call
        > append a accepted
        durable
        cancel x a
        > append a cancelled
        done busy
        > append busy succeeded
        ask y document a
        > reply y document queued
        durable a
        > reply a 409 cancelled yes
        > reply x document cancelled
    ",
    );
}

#[test]
fn whoever_is_delayed_or_not_accepted_yet_is_cancelled_too() {
    check(
        1,
        "
        submit a call delay=1s wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        cancel x a
        > append a cancelled
        durable
        > reply x document cancelled
        +2s
        submit b call
        > append b accepted
        cancel y b
        > append b cancelled
        durable
        > reply b 409 cancelled yes
        > reply y document cancelled
        submit c call bytes=65536
        > spool c
        cancel z c
        > append c cancelled
        spooled c
        durable
        > reply c 409 cancelled yes
        > reply z document cancelled
        > unspool c
    ",
    );
}

#[test]
fn a_worker_is_asked_to_stop_and_ends_the_task_where_it_looks() {
    check(
        1,
        "
        submit a call wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        cancel x a
        > stop 0 of a
        > append a cancel-asked
        cancel y a
        durable
        > reply x 202 running
        > reply y 202 running
        cancel z a
        > reply z 202 running
        stopped a
        > append a cancelled
        cancel w a
        durable
        > reply w document cancelled
    ",
    );
}

#[test]
fn a_handler_that_finishes_first_wins() {
    check(
        1,
        "
        submit a call
        > append a accepted
        durable
        > dispatch interactive a#1
        cancel x a
        > stop 0 of a
        > append a cancel-asked
        done a
        > append a succeeded
        durable
        > reply a 200 disk
        > reply x 409 already-finished yes
    ",
    );
}

#[test]
fn an_attempt_that_fails_after_it_was_asked_to_stop_is_the_last() {
    for outcome in ["fail", "yield", "defect"] {
        let scenario = format!(
            "
            submit a call
            > append a accepted
            durable
            > dispatch interactive a#1
            cancel x a
            > stop 0 of a
            > append a cancel-asked
            durable
            > reply x 202 running
            {outcome} a
            > append a cancelled
            durable
            > reply a 409 cancelled yes
        "
        );
        check(1, &scenario);
    }
}

#[test]
fn whoever_comes_while_an_attempt_ends_hears_how_it_ended() {
    check(
        2,
        "
        submit a call wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        fail a
        > append a retrying
        cancel x a
        durable
        > append a cancelled
        durable
        > reply x document cancelled
        submit b call wait=0s
        > append b accepted
        durable
        > reply b 202 queued
        > dispatch interactive b#1
        defect b
        > append b parked
        cancel y b
        durable
        > append b cancelled
        durable
        > reply y document cancelled
        submit c upsert
        > dispatch interactive c#1
        puts c
        > append c succeeded
        cancel z c
        conflict c 7
        > append c cancelled
        durable
        > reply c 409 cancelled yes
        > reply z document cancelled
    ",
    );
}

#[test]
fn whoever_leaves_the_line_of_a_hot_key_holds_nobody_up() {
    check(
        3,
        "
        submit a upsert
        > dispatch interactive a#1
        submit b upsert
        > dispatch interactive b#1
        submit c upsert
        > dispatch interactive c#1
        puts a
        > append a succeeded
        puts b
        > append b succeeded
        puts c
        > append c succeeded
        conflict a 9
        > dispatch interactive a#1
        conflict b 9
        conflict c 9
        cancel x b
        > append b cancelled
        puts a
        > append a succeeded
        durable a
        > reply a 200 disk
        > dispatch interactive c#1
        puts c
        > append c succeeded
        durable
        > reply b 409 cancelled yes
        > reply x document cancelled
        > reply c 200 disk
    ",
    );
}

#[test]
fn one_that_a_worker_has_not_come_to_is_cancelled_when_it_is_taken_back() {
    check(
        1,
        "
        submit a echo
        > dispatch interactive a#1
        submit b echo
        submit c echo
        submit d echo
        done a
        > reply a 200 memory
        > dispatch interactive b#1 c#1 d#1
        cancel x d
        > stop 2 of b
        > append d accepted started
        > append d cancel-asked
        done b
        > reply b 200 memory
        +1ms
        > recall b
        recalled b 2
        > append d cancelled
        done c
        > reply c 200 memory
        durable
        > reply d 409 cancelled yes
        > reply x document cancelled
    ",
    );
}

#[test]
fn bulk_stops_behind_its_chunk() {
    check(
        1,
        "
        submit a upsert bulk wait=10s
        > append a accepted
        durable
        > dispatch bulk a#1
        chunk a 10
        > append a advanced
        cancel x a
        > stop 0 of a
        > append a cancel-asked
        durable
        > ruling yield
        > reply x 202 running
        stopped a
        > append a cancelled
        durable
        > reply a 409 cancelled yes
    ",
    );
}

#[test]
fn a_full_disk_only_delays_a_cancellation() {
    check(
        1,
        "
        submit a call wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        cancel x a
        > stop 0 of a
        > append a cancel-asked
        full
        +1s
        > append a started
        > append a cancel-asked
        durable
        > reply x 202 running
        stopped a
        > append a cancelled
        full
        cancel y a
        +1s
        > append a cancelled
        full
        +1s
        > reply y 503 undecided unknown
        > append a cancelled
        durable
    ",
    );
}

/// A task that is parked, and not live any more.
const PARKED: &str = "
        submit a upsert wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        defect a
        > append a parked
        durable
";

fn check_parked(scenario: &str) {
    check(2, &format!("{PARKED}{scenario}"));
}

#[test]
fn a_parked_task_runs_again_once_that_is_on_disk() {
    check_parked(
        "
        retry x a
        > inquire for a
        parked a
        > append a resumed
        ask y document a
        > reply y document parked
        durable
        > reply x 202 queued
        > dispatch background a#2 stored
        done a
        > append a succeeded
        durable
        retry z a
        > inquire for a
        parked a not
        > reply z 409 not-parked no
    ",
    );
}

#[test]
fn two_that_have_it_run_again_have_it_run_once() {
    check_parked(
        "
        retry x a
        > inquire for a
        retry y a
        parked a
        > append a resumed
        retry z a
        durable
        > reply x 202 queued
        > reply y 202 queued
        > reply z 202 queued
        > dispatch background a#2 stored
        retry w a
        > reply w 409 not-parked yes
    ",
    );
}

#[test]
fn whoever_comes_first_decides_whether_it_runs_or_ends() {
    check_parked(
        "
        cancel x a
        > inquire for a
        retry y a
        parked a
        > append a cancelled
        > reply y 409 not-parked yes
        ask z document a
        > reply z document parked
        durable
        > reply x document cancelled
        cancel w a
        > inquire for a
        parked a not
        > reply w 409 already-finished yes
    ",
    );
    check_parked(
        "
        retry x a
        > inquire for a
        cancel y a
        parked a
        > append a resumed
        > append a cancelled
        durable
        > reply x 202 queued
        > reply y document cancelled
    ",
    );
}

#[test]
fn what_stands_in_the_way_is_told() {
    check_parked(
        "
        retry x a
        > inquire for a
        parked a unknown
        > reply x 404 unknown-task no
        cancel x a
        > inquire for a
        parked a unknown
        > reply x 404 unknown-task no
        retry x a
        > inquire for a
        parked a kind=gone
        > reply x 409 unhandled-kind yes
        retry x a
        > inquire for a
        parked a lost
        > reply x 409 payload-lost no
        retry x a
        > inquire for a
        parked a
        > append a resumed
        full
        > reply x 503 disk no
        retry x a
        > inquire for a
        poison
        > reply x 503 journal-failed unknown
        retry x a
        > reply x 503 journal-failed no
    ",
    );
    let limits = Limits { tasks_max: 1, ..Limits::default() };
    let scenario = format!(
        "{PARKED}
        submit b call wait=0s
        > append b accepted
        retry x a
        > inquire for a
        parked a
        > reply x 503 backlog no
    "
    );
    check_within(2, limits, &scenario);
}

#[test]
fn while_a_former_process_is_still_taken_in_nobody_is_told_that_a_task_is_over() {
    check_parked(
        "
        recovering
        cancel x a
        recovered
        > inquire for a
        parked a not
        > reply x 409 already-finished yes
        recovering
        retry x a
        poison
        > reply x 503 journal-failed unknown
    ",
    );
}

#[test]
fn attempts_count_anew_behind_a_retry() {
    check_parked(
        "
        retry x a
        > inquire for a
        parked a kind=twice attempts=2
        > append a resumed
        durable
        > reply x 202 queued
        > dispatch background a#3 stored
        fail a
        > append a retrying
        durable
        +2s
        > dispatch background a#4 stored
        fail a
        > append a parked
    ",
    );
}

#[test]
fn a_disk_that_is_nearly_full_takes_nothing_new_and_lets_the_rest_go_on() {
    check_parked(
        "
        submit b call
        > append b accepted
        durable
        > dispatch interactive b#1
        space low
        submit c call
        > reply c 503 disk no
        done b
        > append b succeeded
        retry x a
        > inquire for a
        parked a
        > append a resumed
        durable
        > reply b 200 disk
        > reply x 202 queued
        > dispatch background a#2 stored
        space upsert
        submit d upsert
        > reply d 503 disk no
        submit e call
        > append e accepted
        space
        submit f upsert
        > dispatch interactive f#1
    ",
    );
}

#[test]
fn a_delayed_task_that_is_cancelled_leaves_nothing_behind() {
    let mut stage = Stage::new(Engine::new(setup(2, Limits::default(), 7)));
    let mut text = String::new();
    for line in ["submit a call delay=8000h wait=0s", "durable", "cancel x a", "durable"] {
        stage.play(line);
        stage.describe(&mut text);
    }
    assert_eq!((stage.engine.stats().cancelled, stage.engine.next_deadline()), (1, None), "{text}");
}

#[test]
fn whoever_steers_is_told_when_the_tasks_of_a_former_process_take_long() {
    check_parked(
        "
        recovering
        cancel x a
        +10s
        > note default 0 0 1 in 10s
        > reply x 503 reads no
        cancel y a
        grace-ends
        > reply y 503 reads no
        recovered
    ",
    );
}

#[test]
fn a_wish_that_its_caller_heard_nothing_of_in_time_goes_on() {
    check(
        1,
        "
        submit a call wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        fail a
        > append a retrying
        cancel x a
        full a
        +1s
        > append a retrying
        full a
        +1s
        > reply x 503 undecided unknown
        > append a retrying
        durable
        > append a cancelled
    ",
    );
}

#[test]
fn whoever_submits_and_cancels_again_and_again_leaves_nothing_in_the_lane() {
    let mut stage = Stage::new(Engine::new(setup(1, Limits::default(), 7)));
    let keep = |stage: &mut Stage| {
        // What is described is what can be judged.
        stage.describe(&mut String::new());
        stage.play("durable");
    };
    stage.play("submit busy call wait=0s");
    keep(&mut stage);
    for round in 0..100 {
        let name = format!("t{round}");
        stage.play(&format!("submit {name} call wait=0s"));
        keep(&mut stage);
        assert_eq!(stage.engine.stats().queued[Lane::Interactive], 1);
        if round % 2 == 0 {
            stage.play(&format!("ask x{round} document {name} wait=10s"));
        }
        stage.play(&format!("cancel c{round} {name}"));
        keep(&mut stage);
    }
    assert_eq!(stage.engine.queues[Lane::Interactive].len(), 0);
    assert_eq!(stage.engine.stats().queued[Lane::Interactive], 0);
}
