//! What happens to the foreground when its workers are held for long.

use super::harness::{Stage, check, check_elastic, setup};
use crate::admission::AdmissionRules;
use crate::engine::{Engine, Setup};
use crate::event::Event;
use crate::limits::Limits;
use overtime_protocol::keyring::{KeyEntry, KeyRing, SecretHash};
use overtime_protocol::{Lane, TenantName};
use std::sync::Arc;

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
            stage.tell(&[&format!("submit a{second}-{place} echo wait=600s")]);
        }
        let wanted = stage.tell(&["+1s"]).matches("> hire").count();
        (0..wanted).for_each(|_| drop(stage.tell(&["hired"])));
        let told = stage.tell(&[&format!("submit s{second} control wait=600s")]);
        assert!(told.contains("> dispatch control"), "second {second}: {told}");
        stage.tell(&[&format!("done s{second}")]);
    }
    let stats = stage.engine.stats();
    let started = stats.dispatched[Lane::Interactive];
    // What is kept for `control` is not to be had for anything else.
    assert_eq!(started, (most - plan.control_floor) as u64);
    assert_eq!((stats.spares, stats.charged), (40, 40));
    assert_eq!(stats.long, stats.running[Lane::Interactive]);
    assert_eq!(stats.queued[Lane::Interactive], 600 - started);
}

#[test]
fn how_long_an_attempt_waited_for_its_handler_is_counted() {
    let mut stage = Stage::new(Engine::new(setup(1, Limits::default(), 7)));
    for line in ["submit a echo", "submit b echo", "+3ms done a", "+1ms done b"] {
        stage.tell(&[line]);
    }
    let stats = stage.engine.stats();
    let starts = stats.starts[Lane::Interactive];
    // The clock of these workers says that they began when they were through.
    assert_eq!((starts.buckets.iter().sum::<u64>(), starts.sum_ns), (2, 7_000_000));
    assert_eq!(stats.waited_ns[Lane::Interactive], 3_000_000);
}

/// A stage on which two tenants have keys, with that many workers and as many spares.
fn shared(workers: usize) -> Stage {
    let setup = setup(workers, Limits::default(), 7);
    let mut stage = Stage::new(Engine::new(Setup { plan: setup.plan.up_to(2 * workers), ..setup }));
    let mut ring = KeyRing::default();
    for (id, tenant) in [("one", "acme"), ("two", "other")] {
        let (tenant, secret) = (TenantName::new(tenant).unwrap(), SecretHash::of("s"));
        ring.add(id, KeyEntry { tenant, secret, expires: None });
    }
    stage.event(Event::Policies(Arc::new(ring)));
    stage
}

/// However many calls of one tenant block: those of another start at once. Each is told why.
#[test]
fn a_tenant_whose_calls_block_leaves_workers_to_the_others() {
    let mut stage = shared(10);
    for second in 0..10 {
        for place in 0..10 {
            stage.tell(&[&format!("submit a{second}-{place} echo wait=600s tenant=acme")]);
        }
        let wanted = stage.tell(&["+1s"]).matches("> hire").count();
        (0..wanted).for_each(|_| drop(stage.tell(&["hired"])));
        let told = stage.tell(&[&format!("submit o{second} echo wait=600s tenant=other")]);
        assert!(told.contains("> dispatch interactive"), "second {second}: {told}");
        stage.tell(&[&format!("done o{second}")]);
    }
    // Half of twenty, and those that had begun by then.
    let stats = stage.engine.stats();
    let held = stats.charged + stats.long;
    assert!((10..20).contains(&held), "{held}");
    assert_eq!(stats.dispatched[Lane::Interactive], held + 10, "those of the other included");
    assert!(stats.queued[Lane::Interactive] > 0, "somebody waits all the same");

    let told = stage.tell(&["done a0-0"]);
    assert!(!told.contains("dispatch"), "{told}");
    let mut freed = 1;
    while !stage.tell(&[&format!("done a0-{freed}")]).contains("dispatch") {
        freed += 1;
    }
    assert!(held - freed <= 10, "it has its turns again below its share: {held} - {freed}");
}

#[test]
fn who_has_a_server_alone_holds_as_many_workers_as_there_are() {
    let setup = setup(10, Limits::default(), 7);
    let mut stage = Stage::new(Engine::new(setup));
    for place in 0..20 {
        stage.tell(&[&format!("submit a{place} echo wait=600s tenant=acme")]);
    }
    stage.tell(&["+1s"]);
    stage.tell(&["done a0"]);
    let stats = stage.engine.stats();
    assert_eq!((stats.long, stats.running[Lane::Interactive]), (8, 9));
}
