//! Bulk bodies whose items call an upstream: how they share its places, and that none keeps a worker
//! that it cannot use.

use super::harness::{Stage, check, setup};
use crate::engine::Engine;
use crate::limits::Limits;
use overtime_protocol::{Lane, UpstreamId};

#[test]
fn one_that_may_not_call_for_long_takes_no_worker_until_it_may() {
    check(
        8,
        "
        submit a pay wait=0s
        > append a accepted
        submit b pay wait=0s
        > append b accepted
        durable
        > reply a 202 queued
        > reply b 202 queued
        > dispatch interactive a#1
        > dispatch interactive b#1
        submit c pay bulk wait=0s
        > append c accepted
        durable
        > reply c 202 queued
        > dispatch bulk c#1
        wants c 4
        +2s held c
        > append a started
        > append b started
        why w c
        > explain w queued waits for upstream
        +20s
        done a
        > append a succeeded
        > dispatch bulk c#1
        wants c 4
        > grant 1 calls
    ",
    );
}

#[test]
fn those_that_gave_way_come_back_as_there_are_places() {
    let mut stage = Stage::new(Engine::new(setup(8, Limits::default(), 7)));
    stage.tell(&["submit x pay wait=0s", "submit y pay wait=0s", "durable"]);
    for name in ["a", "b", "c", "d"] {
        let (submit, wants, held) = (
            format!("submit {name} pay bulk wait=0s"),
            format!("wants {name} 4"),
            format!("+2s held {name}"),
        );
        let seen = stage.tell(&[&submit, "durable", &wants, &held]);
        assert_eq!(seen.matches("dispatch bulk").count(), 1, "{seen}");
    }
    let at_work = |stage: &Stage| ["a", "b", "c", "d"].map(|name| stage.has(name));
    assert_eq!(at_work(&stage), [false; 4]);
    stage.tell(&["done x", "durable"]);
    assert_eq!(at_work(&stage), [true, false, false, false], "one has gone to see");
    // It has all that are free, and with them the next may try.
    stage.tell(&["wants a 4"]);
    assert_eq!(at_work(&stage), [true, true, false, false]);
    let seen = stage.tell(&["wants b 4", "wants a 0 3", "wants a 4"]);
    assert!(seen.contains("grant 1 calls"), "they take turns: {seen}");
    assert_eq!(stage.engine.bulk_calls.of(UpstreamId(0)), 1);
    assert_eq!(stage.engine.stats().queued[Lane::Bulk], 1, "the third waits for a worker only");
}

#[test]
fn one_whose_upstream_is_paused_goes_on_when_that_is_over() {
    let mut stage = Stage::new(Engine::new(setup(8, Limits::default(), 7)));
    stage.tell(&["submit a pay bulk wait=0s", "durable", "wants a 1", "busy a 1 20s"]);
    let lines = ["wants a 1", "+2s held a", "submit b pay bulk wait=0s", "durable", "+10s"];
    let seen = stage.tell(&lines);
    assert_eq!(seen.matches("dispatch").count(), 0, "nor does another start: {seen}");
    let seen = stage.tell(&["+8s", "wants a 1", "wants b 1"]);
    assert!(seen.contains("dispatch bulk a#1") && seen.contains("dispatch bulk b#1"), "{seen}");
    assert_eq!(seen.matches("grant 1 calls").count(), 1, "its places were halved: {seen}");
}

#[test]
fn many_that_were_held_go_when_their_upstream_is_well() {
    let mut stage = Stage::new(Engine::new(setup(8, Limits::default(), 7)));
    stage.tell(&["hold op bank", "durable"]);
    let names: Vec<String> = (0..20).map(|number| format!("t{number}")).collect();
    for name in &names {
        stage.tell(&[&format!("submit {name} pay bulk wait=0s"), "durable"]);
    }
    assert_eq!(stage.engine.lines.get(UpstreamId(0)).len(), 20);
    stage.tell(&["release op bank", "durable"]);
    for name in &names {
        for _ in 0..20 {
            if !stage.has(name) {
                stage.tell(&["+1s"]);
            }
        }
        assert!(stage.has(name), "{name} has its turn");
        stage.tell(&[&format!("done {name}"), "durable"]);
    }
    assert_eq!(stage.engine.stats().tasks, 0);
}
