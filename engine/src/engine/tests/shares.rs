//! The shares of tenants: what each may send, have under way and keep in memory, and who was hurt.

use super::harness::{Stage, setup};
use crate::engine::Engine;
use crate::event::{Effect, Event};
use crate::limits::Limits;
use overtime_protocol::keyring::{KeyEntry, KeyRing, SecretHash};
use overtime_protocol::{
    Answer, Aside, Code, Hurt, Lane, Policy, Problem, Rate, RateLimit, TenantId, TenantName,
};
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A stage with the tenants `acme`, of which that policy is said, and `other`.
fn stage(policy: Policy, limits: Limits) -> Stage {
    let mut stage = Stage::new(Engine::new(setup(4, limits, 7)));
    stage.event(Event::Policies(Arc::new(ring(policy))));
    stage
}

fn ring(policy: Policy) -> KeyRing {
    let name = |text| TenantName::new(text).unwrap();
    let mut ring = KeyRing::default();
    for (id, tenant) in [("one", "acme"), ("two", "other")] {
        let secret = SecretHash::of("s");
        ring.add(id, KeyEntry { tenant: name(tenant), secret, expires: None });
    }
    ring.allow(name("acme"), policy);
    ring
}

fn of_rate(per_second: f64, burst: u32) -> Policy {
    Policy { rate: Some(Rate { per_second, burst }), ..Policy::default() }
}

fn of_concurrency(most: u32) -> Policy {
    Policy { concurrency: Some(most), ..Policy::default() }
}

/// Plays lines; what was refused meanwhile.
fn refused(stage: &mut Stage, lines: &[&str]) -> Vec<Problem> {
    let mut seen = Vec::new();
    for line in lines {
        stage.play(line);
        seen.extend(stage.out.iter().filter_map(|effect| match effect {
            Effect::Reply { answer: Answer::Problem(problem), .. } => Some((**problem).clone()),
            _ => None,
        }));
        stage.describe(&mut String::new());
    }
    seen
}

fn codes(stage: &mut Stage, lines: &[&str]) -> Vec<Code> {
    refused(stage, lines).iter().map(|problem| problem.code).collect()
}

fn screened(stage: &mut Stage, tenant: &str) -> Option<Problem> {
    let tenant = stage.engine.tenant(tenant);
    stage.engine.screen(tenant, Lane::Interactive, 0, stage.now).err()
}

#[test]
fn a_tenant_that_is_over_its_rate_is_told_when_there_is_more() {
    let mut stage = stage(of_rate(0.5, 2), Limits::default());
    let lines = ["submit a echo tenant=acme", "submit b echo tenant=acme"];
    assert_eq!(codes(&mut stage, &lines), []);
    let others = ["submit c echo tenant=other", "submit d echo"];
    assert_eq!(codes(&mut stage, &others), []);
    assert_eq!(screened(&mut stage, "other"), None);
    for _ in 0..2 {
        let on_head = screened(&mut stage, "acme").unwrap();
        let whole = refused(&mut stage, &["submit e echo tenant=acme"]).remove(0);
        for problem in [on_head, whole] {
            assert_eq!((problem.code, problem.code.status()), (Code::RateLimited, 429));
            let wait = problem.retry_after.unwrap();
            assert!(wait >= SECOND * 2 && wait <= SECOND * 3, "{wait:?}");
            let limit = RateLimit { quota: 2, window_s: 4, remaining: 0, reset_s: 2 };
            assert_eq!(*problem.aside.unwrap(), Aside::Limit(limit));
        }
    }
    stage.advance(SECOND * 2);
    // To be screened takes nothing.
    assert_eq!((screened(&mut stage, "acme"), screened(&mut stage, "acme")), (None, None));
    let lines = ["submit f echo tenant=acme", "submit g echo tenant=acme"];
    assert_eq!(codes(&mut stage, &lines), [Code::RateLimited]);
}

#[test]
fn a_body_of_many_inputs_takes_one_token() {
    let mut stage = stage(of_rate(1.0, 2), Limits::default());
    let bulk = |name: &str| format!("submit {name} upsert bulk bytes=60000 tenant=acme");
    let lines = [bulk("a"), bulk("b"), bulk("c")];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(codes(&mut stage, &lines), [Code::RateLimited]);
}

#[test]
fn a_repetition_takes_no_token() {
    let mut stage = stage(of_rate(0.1, 1), Limits::default());
    let lines = ["submit a call key=m tenant=acme", "found a", "durable"];
    assert_eq!(codes(&mut stage, &lines), []);
    // It attaches, however little is left.
    let lines = ["submit b call key=m tenant=acme", "found b"];
    assert_eq!(codes(&mut stage, &lines), []);
    // One that has ended is answered again.
    let lines = ["submit c call key=n tenant=acme", "found c held-by=a ended"];
    assert_eq!(codes(&mut stage, &lines), [Code::Cancelled]);
    // What is new is not taken in.
    let lines = ["submit d call key=o tenant=acme", "found d"];
    assert_eq!(codes(&mut stage, &lines), [Code::RateLimited]);
}

#[test]
fn what_is_refused_for_another_reason_takes_no_token() {
    let limits = Limits { tasks_max: 1, ..Limits::default() };
    let mut stage = stage(of_rate(0.1, 2), limits);
    let lines = ["submit a call tenant=acme", "submit b call tenant=acme"];
    assert_eq!(codes(&mut stage, &lines), [Code::Backlog]);
    let lines = ["durable", "done a", "durable", "submit c call tenant=acme"];
    assert_eq!(codes(&mut stage, &lines), []);
}

#[test]
fn another_policy_counts_from_the_next_request_on() {
    let mut stage = stage(of_rate(0.1, 1), Limits::default());
    let lines = ["submit a echo tenant=acme", "submit b echo tenant=acme"];
    assert_eq!(codes(&mut stage, &lines), [Code::RateLimited]);
    stage.event(Event::Policies(Arc::new(ring(Policy::default()))));
    assert_eq!(codes(&mut stage, &["submit c echo tenant=acme"]), []);
}

#[test]
fn what_is_under_way_is_waited_for_or_with_a_worker() {
    let mut stage = stage(of_concurrency(2), Limits::default());
    let over = [Code::Concurrency];
    // Two callers wait: for a worker, for a time.
    let lines = ["submit a call tenant=acme", "submit b call delay=60s tenant=acme"];
    assert_eq!(codes(&mut stage, &lines), []);
    assert_eq!(codes(&mut stage, &["durable", "submit c call tenant=acme"]), over);
    assert_eq!(codes(&mut stage, &["submit d call tenant=other"]), []);
    // One of them waits no more, and its task has no worker.
    assert_eq!(codes(&mut stage, &["+10s", "submit e call tenant=acme wait=0s"]), []);
    // The worker of the other is at work still, and `e` is not on disk.
    assert_eq!(codes(&mut stage, &["submit f call tenant=acme"]), over);
    assert_eq!(codes(&mut stage, &["durable", "submit g call tenant=acme"]), over);
    let lines = ["done e", "durable", "submit h call tenant=acme", "durable"];
    assert_eq!(codes(&mut stage, &lines), []);
    // Whoever looks at a task or steers one has nothing under way by that.
    let lines = ["ask x document b wait=50s", "done h", "durable", "submit i call tenant=acme"];
    assert_eq!(codes(&mut stage, &lines), []);
    let problem = refused(&mut stage, &["submit j call tenant=acme"]).remove(0);
    assert_eq!((problem.code.status(), problem.aside), (429, None));
    assert!(problem.retry_after.unwrap() >= SECOND);
}

#[test]
fn what_was_accepted_by_a_former_process_is_under_way_once_a_worker_has_it() {
    let mut stage = stage(of_concurrency(1), Limits::default());
    let mut task = super::recovery::unfinished(1, "call", None);
    task.acceptance.tenant = "acme".into();
    stage.event(Event::Recovered { unfinished: vec![task], clean: true });
    assert_eq!(screened(&mut stage, "acme"), None);
    stage.name("old", overtime_protocol::TaskId::from_key(1).unwrap());
    let lines = ["", "durable", "submit b call tenant=acme"];
    assert_eq!(codes(&mut stage, &lines), [Code::Concurrency]);
}

#[test]
fn payloads_of_one_of_many_tenants_have_a_quarter_of_the_memory() {
    let limits = Limits { payload_memory_max_bytes: 200_000, ..Limits::default() };
    let mut stage = stage(Policy::default(), limits);
    let over = [Code::Concurrency];
    let lines = ["submit a call bytes=40000 tenant=acme", "submit b call bytes=10000 tenant=acme"];
    assert_eq!(codes(&mut stage, &lines), []);
    assert_eq!(codes(&mut stage, &["submit c call bytes=1 tenant=acme"]), over);
    assert_eq!(codes(&mut stage, &["submit d call bytes=50000 tenant=other"]), []);
    assert_eq!(codes(&mut stage, &["durable", "done a", "durable"]), []);
    assert_eq!(codes(&mut stage, &["submit e call bytes=40000 tenant=acme"]), []);
    // Whoever has none there may bring one that is larger.
    let lines = ["durable", "done b", "done d", "done e", "durable"];
    assert_eq!(codes(&mut stage, &lines), []);
    assert_eq!(codes(&mut stage, &["submit f call bytes=60000 tenant=other"]), []);
    assert_eq!(codes(&mut stage, &["submit g call bytes=1 tenant=other"]), over);
}

#[test]
fn a_tenant_that_is_alone_has_all_of_it() {
    let limits = Limits { payload_memory_max_bytes: 200_000, ..Limits::default() };
    let mut stage = Stage::new(Engine::new(setup(4, limits, 7)));
    let lines =
        ["submit a call bytes=60000", "submit b call bytes=60000", "submit c call bytes=60000"];
    assert_eq!(codes(&mut stage, &lines), []);
    assert_eq!(codes(&mut stage, &["submit d call bytes=60000"]), [Code::PayloadMemory]);
}

/// Of the memory for what is read again nobody has more because he has more in line.
#[test]
fn large_payloads_of_one_tenant_are_not_all_read_before_that_of_another() {
    let limits = Limits { payload_memory_max_bytes: 800_000, ..Limits::default() };
    let mut stage = stage(Policy::default(), limits);
    let of_acme = ["a", "b", "c", "d", "e"].map(|name| (name, "acme", "1s"));
    for (name, tenant, delay) in of_acme.into_iter().chain([("f", "other", "2s")]) {
        let line = format!("submit {name} call wait=0s bytes=190000 delay={delay} tenant={tenant}");
        let spooled = format!("spooled {name}");
        assert_eq!(codes(&mut stage, &[&line, &spooled, "durable"]), []);
    }
    // There is memory for two at a time, and three wait for it when the sixth comes.
    assert_eq!(codes(&mut stage, &["+1s", "+1s"]), []);
    let at_work = |stage: &Stage| ["a", "b", "c", "d", "e", "f"].map(|name| stage.has(name));
    assert_eq!(at_work(&stage), [true, true, false, false, false, false]);
    assert_eq!(codes(&mut stage, &["done a", "durable", "done b", "durable"]), []);
    assert_eq!(at_work(&stage), [false, false, true, false, false, true]);
    let lines = ["done c", "durable", "done f", "durable", "done d", "done e", "durable"];
    assert_eq!(codes(&mut stage, &lines), []);
    assert_eq!(stage.engine.stats().tasks, 0);
}

/// What the journal is asked is answered in turn: whoever repeats himself without end has a part of it.
#[test]
fn requests_that_wait_to_hear_of_their_keys_are_bounded_for_each_tenant() {
    let limits =
        Limits { inquiries_max: 128, payload_memory_max_bytes: 200_000, ..Limits::default() };
    let mut stage = stage(Policy::default(), limits);
    let over = [Code::Concurrency];
    let lines = ["submit a call key=m tenant=acme", "submit b call key=n tenant=acme"];
    assert_eq!(codes(&mut stage, &lines), []);
    assert_eq!(codes(&mut stage, &["submit c call key=o tenant=acme"]), over);
    assert_eq!(codes(&mut stage, &["submit d call key=p tenant=other bytes=50000"]), []);
    assert_eq!(codes(&mut stage, &["submit e call key=q tenant=other bytes=1"]), over);
    assert_eq!(codes(&mut stage, &["found a", "submit f call key=o tenant=acme"]), []);
}

/// A turn of bulk is a slice of at most a second, whatever the length of the body.
#[test]
fn a_long_body_waits_no_longer_for_its_next_slice_than_a_short_one() {
    let mut stage = stage(Policy::default(), Limits::default());
    let lines = ["submit a upsert bulk bytes=5000000 tenant=acme wait=0s", "spooled a", "durable"];
    assert_eq!(codes(&mut stage, &lines), []);
    for number in 0..20 {
        let line = format!("submit o{number} upsert bulk bytes=100 tenant=other wait=0s");
        assert_eq!(codes(&mut stage, &[&line]), []);
    }
    assert_eq!(codes(&mut stage, &["durable"]), []);
    assert!(stage.has("a") && stage.has("o0"));
    assert_eq!(codes(&mut stage, &["yield a", "done o0"]), []);
    assert!(stage.has("a"), "only one has its turn in between");
}

fn hurts(stage: &mut Stage) -> Vec<(String, Hurt)> {
    let taken = stage.engine.tenants.take_hurts(usize::MAX).into_iter();
    taken.map(|(id, hurt)| (stage.engine.tenant_name(id).to_string(), hurt)).collect()
}

#[test]
fn who_was_delayed_refused_or_parked_is_counted() {
    let mut stage = stage(of_rate(0.001, 4), Limits::default());
    assert_eq!(hurts(&mut stage), []);
    let play = |stage: &mut Stage, lines: &[&str]| drop(refused(stage, lines));
    // Whoever did not want to wait is not hurt, nor is whoever sends wrong input or is answered.
    play(&mut stage, &["submit a call tenant=acme wait=0s", "durable"]);
    play(&mut stage, &["submit b call tenant=acme", "durable", "reject b", "durable"]);
    play(&mut stage, &["done a", "durable"]);
    assert_eq!(hurts(&mut stage), []);
    play(&mut stage, &["submit c call tenant=acme wait=1s", "durable", "+1s ask x document c"]);
    play(&mut stage, &["submit d call tenant=other wait=1s", "+1s durable"]);
    play(&mut stage, &["defect c", "durable", "submit e call tenant=acme"]);
    play(&mut stage, &["submit f call tenant=acme"]);
    let delayed = Hurt { delayed: 1, ..Hurt::default() };
    let acme = Hurt { failed: 1, refused: 1, ..delayed };
    assert_eq!(hurts(&mut stage), [("acme".to_owned(), acme), ("other".to_owned(), delayed)]);
    assert_eq!(hurts(&mut stage), []);
    assert_eq!(stage.engine.policy(TenantId::default()), Policy::default());
}

#[test]
fn whoever_is_refused_for_want_of_anything_is_counted() {
    let limits = Limits { inquiries_max: 1, ..Limits::default() };
    let mut stage = stage(Policy::default(), limits);
    let lines = ["submit a call key=m tenant=other", "submit b call key=n tenant=acme"];
    assert_eq!(codes(&mut stage, &lines), [Code::Reads]);
    assert_eq!(codes(&mut stage, &["space upsert", "submit c upsert tenant=acme"]), [Code::Disk]);
    let refused = Hurt { refused: 2, ..Hurt::default() };
    assert_eq!(hurts(&mut stage), [("acme".to_owned(), refused)]);
    assert_eq!(stage.engine.stats().refused, 2);
}

/// Neither its own part of the memory nor its rate is what it lacks.
#[test]
fn whoever_finds_no_memory_because_others_have_it_is_told_so() {
    let mut stage = stage(of_rate(0.001, 1), Limits::default());
    assert_eq!(codes(&mut stage, &["submit a call tenant=acme bytes=100"]), []);
    hurts(&mut stage);
    let acme = stage.engine.tenant("acme");
    let told = stage.engine.refuse_payload(acme).map(|problem| problem.code);
    assert_eq!(told, Some(Code::PayloadMemory));
    let refused = Hurt { refused: 1, ..Hurt::default() };
    assert_eq!(hurts(&mut stage), [("acme".to_owned(), refused)]);
    assert_eq!(stage.engine.stats().refusals.payload_memory, 1);
}
