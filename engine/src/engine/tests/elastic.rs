//! What happens to the foreground when its workers are held for long.

use super::harness::{Stage, check, check_elastic, setup};
use crate::admission::AdmissionRules;
use crate::engine::{Engine, Setup};
use crate::limits::Limits;
use overtime_protocol::Lane;

#[test]
fn one_that_takes_long_makes_room_for_the_next() {
    check_elastic(
        1,
        2,
        "
        submit a echo wait=60s
        > dispatch interactive a#1
        submit b echo wait=60s
        +1ms
        +999ms
        > hire
        why x b
        > read ReplyTo(2)
        hired
        > dispatch interactive b#1
        submit c echo wait=60s
        +1s
        done b
        > reply b 200 memory
        > dispatch interactive c#1
        done a
        > reply a 200 memory
        submit d echo wait=60s
        +1ms
        done c
        > reply c 200 memory
        > dispatch interactive d#1
    ",
    );
}

#[test]
fn nobody_is_hired_beyond_the_most_and_whoever_ends_makes_room() {
    check_elastic(
        1,
        2,
        "
        submit a call wait=0s
        > append a accepted
        durable
        > reply a 202 queued
        > dispatch interactive a#1
        submit b call wait=0s
        > append b accepted
        durable
        > reply b 202 queued
        +1s
        > append a started
        > hire
        hired
        > dispatch interactive b#1
        submit c call wait=0s
        > append c accepted
        durable
        > reply c 202 queued
        +1s
        > append b started
        why x c
        > explain x queued waits for worker behind 0
        why x a
        > explain x running waits for nothing
        done a
        > append a succeeded
        > dispatch interactive c#1
    ",
    );
}

#[test]
fn one_that_nobody_waits_for_any_more_makes_room_at_once() {
    check_elastic(
        1,
        2,
        "
        submit a call wait=100ms
        > append a accepted
        durable
        > dispatch interactive a#1
        submit b call wait=1s
        > append b accepted
        durable
        +99ms
        > append a started
        +1ms
        > reply a 202 running
        > hire
        hired
        > dispatch interactive b#1
    ",
    );
}

#[test]
fn one_that_has_just_begun_keeps_its_place_though_nobody_waits() {
    check_elastic(
        1,
        2,
        "
        submit a call wait=50ms
        > append a accepted
        durable
        > dispatch interactive a#1
        +50ms
        > append a started
        > reply a 202 running
        +949ms
        +1ms
        > hire
    ",
    );
}

#[test]
fn a_system_that_has_no_thread_is_asked_again_after_a_while() {
    check_elastic(
        1,
        3,
        "
        submit a echo wait=60s
        > dispatch interactive a#1
        submit b echo wait=60s
        +1s
        > hire
        not-hired
        +999ms
        +1ms
        > hire
        hired
        > dispatch interactive b#1
        +30s
        > hire
    ",
    );
}

#[test]
fn spares_go_when_nobody_has_needed_them_for_a_while() {
    check_elastic(
        1,
        2,
        "
        submit a echo wait=60s
        > dispatch interactive a#1
        +1s
        > hire
        hired
        +1s done a
        > reply a 200 memory
        +29s
        +30s
        > retire 1
        +1h
        submit b echo wait=60s
        > dispatch interactive b#1
        +1s
        > hire
    ",
    );
}

#[test]
fn without_spares_nobody_is_charged_elsewhere() {
    check(
        1,
        "
        submit a echo wait=60s
        > dispatch interactive a#1
        submit b echo wait=60s
        +20s
    ",
    );
}

/// All workers are held for ten minutes: those that come later start as long as there may be spares,
/// and status and cancellation do so for ever.
#[test]
fn handlers_that_block_leave_the_floors_alone() {
    let (workers, most) = (20, 60);
    // Nobody's wait is cut, so that all stand in the lane.
    let admission = AdmissionRules { enabled: false, ..AdmissionRules::default() };
    let setup = setup(workers, Limits { admission, ..Limits::default() }, 7);
    let plan = setup.plan.up_to(most);
    let mut stage = Stage::new(Engine::new(Setup { plan, ..setup }));
    for second in 0..60 {
        for place in 0..10 {
            play(&mut stage, &format!("submit a{second}-{place} echo wait=600s"));
        }
        let wanted = play(&mut stage, "+1s").matches("> hire").count();
        (0..wanted).for_each(|_| drop(play(&mut stage, "hired")));
        let told = play(&mut stage, &format!("submit s{second} control wait=600s"));
        assert!(told.contains("> dispatch control"), "second {second}: {told}");
        play(&mut stage, &format!("done s{second}"));
    }
    let stats = stage.engine.stats();
    let started = stats.dispatched[Lane::Interactive];
    // What is kept for `control` is not to be had for anything else.
    assert_eq!(started, (most - plan.control_floor) as u64);
    assert_eq!((stats.spares, stats.charged), (40, 40));
    assert_eq!(stats.long, stats.running[Lane::Interactive]);
    assert_eq!(stats.queued[Lane::Interactive], 600 - started);
}

fn play(stage: &mut Stage, line: &str) -> String {
    let mut told = String::new();
    stage.play(line);
    stage.describe(&mut told);
    told
}

#[test]
fn how_long_an_attempt_waited_for_its_handler_is_counted() {
    let mut stage = Stage::new(Engine::new(setup(1, Limits::default(), 7)));
    for line in ["submit a echo", "submit b echo", "+3ms done a", "+1ms done b"] {
        play(&mut stage, line);
    }
    let stats = stage.engine.stats();
    let starts = stats.starts[Lane::Interactive];
    // The clock of these workers says that they began when they were through.
    assert_eq!((starts.buckets.iter().sum::<u64>(), starts.sum_ns), (2, 7_000_000));
    assert_eq!(stats.waited_ns[Lane::Interactive], 3_000_000);
}
