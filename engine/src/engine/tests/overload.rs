//! What a storm of callers leaves of the lane of single calls. Everything is counted over the time of
//! a simulation; `OVERTIME_ENGINE_STORM_ROUNDS` plays as many seeds, with storms of a minute.

use super::callers::{Callers, Returns, percentile};
use super::storm::{EXEC, Storm};
use crate::admission::AdmissionRules;
use overtime_protocol::Monotonic;
use std::time::Duration;

fn rounds() -> Option<u64> {
    std::env::var("OVERTIME_ENGINE_STORM_ROUNDS").ok()?.parse().ok()
}

fn seeds() -> std::ops::Range<u64> {
    0..rounds().unwrap_or(1)
}

/// The seconds that a storm takes.
fn seconds() -> usize {
    if rounds().is_some() { 60 } else { 15 }
}

/// Rules by which no lane is ever overloaded.
const PATIENT: AdmissionRules =
    AdmissionRules { enabled: true, delay: Duration::MAX, standing: Duration::MAX, room_min: 16 };
const NONE: AdmissionRules = AdmissionRules { enabled: false, ..PATIENT };

/// So many callers that fifty times as many come as can be served: each every two and a half seconds.
fn fiftyfold(storm: &Storm) -> u64 {
    (50.0 * storm.capacity() * 2.5) as u64
}

fn stormy(seed: u64, rules: AdmissionRules, callers: Callers) -> Storm {
    let mut storm = Storm::new(seed, rules);
    // It has served such calls before.
    storm.engine.admission.note_exec(EXEC);
    let callers = Callers { returns: Returns::Always, ..callers };
    storm.crowd(callers, fiftyfold(&storm));
    storm.run(Duration::from_secs(seconds() as u64));
    storm
}

/// How many were served since that second, and how many could have been.
fn served_of(storm: &Storm, since: usize) -> (u64, f64) {
    let served = storm.groups[0].1.served_between(since, seconds());
    (served, storm.capacity() * (seconds() - since) as f64)
}

#[test]
fn fifty_times_what_can_be_done_leaves_all_that_can_be_done() {
    for seed in seeds() {
        let storm = stormy(seed, AdmissionRules::default(), Callers::default());
        let seen = &storm.groups[0].1;
        let (served, can) = served_of(&storm, 1);
        assert!(seen.offered > 40 * served, "seed {seed}: only {} came", seen.offered);
        assert!(served as f64 >= 0.95 * can, "seed {seed}: {served} of {can}");
        assert!(seen.percentile(990) <= Duration::from_millis(200), "seed {seed}");
        let told = percentile(&seen.told, 990);
        assert!(told <= Duration::from_millis(20), "seed {seed}: told 202 after {told:?}");
        assert!(storm.waiting_max < 200, "seed {seed}: {} stood", storm.waiting_max);
        let background = storm.engine.stats().queued[overtime_protocol::Lane::Background];
        assert!(background < 30_000, "seed {seed}: {background} were promised");
    }
}

/// The disk stands still while the most are put off.
#[test]
fn a_stall_of_the_disk_is_that_of_the_few_who_are_on_their_way() {
    for seed in seeds() {
        let mut storm = Storm::new(seed, AdmissionRules::default());
        storm.engine.admission.note_exec(EXEC);
        let at = |millis: u64| Monotonic(0) + Duration::from_millis(millis);
        storm.stall = at(1_000)..at(1_500);
        storm.crowd(Callers { returns: Returns::Always, ..Callers::default() }, fiftyfold(&storm));
        storm.run(Duration::from_secs(seconds() as u64));
        let seen = &storm.groups[0].1;
        let late = seen.told.iter().filter(|&&told| told > Duration::from_millis(20)).count();
        // Some 11,000 a second come.
        assert!(seen.told.len() > 10_000, "seed {seed}: only {} were told", seen.told.len());
        assert!(late < 200, "seed {seed}: {late} of {} late", seen.told.len());
        let (served, can) = served_of(&storm, 2);
        assert!(served as f64 >= 0.95 * can, "seed {seed}: {served} of {can}");
    }
}

#[test]
fn without_admission_nobody_who_still_waits_is_served() {
    let storm = stormy(0, NONE, Callers::default());
    let (served, can) = served_of(&storm, 5);
    assert!((served as f64) < 0.05 * can, "{served} of {can}");
}

#[test]
fn those_who_insist_are_refused_and_nothing_else_changes() {
    let callers = Callers { strict: true, ..Callers::default() };
    let storm = stormy(3, AdmissionRules::default(), callers);
    let seen = &storm.groups[0].1;
    let (served, can) = served_of(&storm, 1);
    assert!(served as f64 >= 0.95 * can, "{served} of {can}");
    assert!(seen.refused > 40 * served, "{} were refused", seen.refused);
    assert_eq!(seen.cut, 0, "were told 202");
}

#[test]
fn a_step_over_what_can_be_done_is_taken_at_once() {
    for seed in 0..3 * seeds().end {
        let mut storm = Storm::new(seed, AdmissionRules::default());
        let capacity = storm.capacity();
        let group = storm.stream(Callers::default(), 0.7 * capacity);
        storm.run(Duration::from_secs(5));
        storm.rates[group] = 1.4 * capacity;
        storm.run(Duration::from_millis(500));
        let settled = storm.groups[group].1.spans.len();
        storm.run(Duration::from_millis(5_500));
        let seen = &storm.groups[group].1;
        for second in 5..11 {
            let served = seen.served_between(second, second + 1) as f64;
            assert!(served >= 0.9 * capacity, "seed {seed}: {served} of {capacity}");
        }
        let longest = seen.spans[settled..].iter().max();
        assert!(longest <= Some(&Duration::from_millis(200)), "seed {seed}: {longest:?}");
    }
}

#[test]
fn below_what_can_be_done_hardly_anybody_is_cut() {
    for seed in 0..3 * seeds().end {
        let mut storm = Storm::new(seed, AdmissionRules::default());
        let group = storm.stream(Callers::default(), 0.8 * storm.capacity());
        storm.run(Duration::from_secs(30));
        let seen = &storm.groups[group].1;
        assert!(seen.cut * 1000 <= seen.offered, "seed {seed}: {} of {}", seen.cut, seen.offered);
    }
}

#[test]
fn a_wait_that_would_be_over_before_the_start_is_cut_at_once() {
    let mut storm = Storm::new(1, PATIENT);
    let wait = Duration::from_millis(200);
    let group = storm.stream(Callers { wait, ..Callers::default() }, 3.0 * storm.capacity());
    storm.run(Duration::from_secs(10));
    let seen = &storm.groups[group].1;
    let (served, can) = (seen.served_between(1, 10), storm.capacity() * 9.0);
    assert!(storm.engine.stats().cut_as_hopeless > 0);
    // Whoever comes to a worker at the last moment is told 202 while it runs.
    assert!(served as f64 >= 0.7 * can, "{served} of {can}");
    assert!((storm.waiting_max as f64) < 0.4 * storm.capacity(), "{} stood", storm.waiting_max);
}

#[test]
fn behind_the_storm_all_is_as_before_and_what_was_promised_is_done() {
    let mut storm = stormy(4, AdmissionRules::default(), Callers::default());
    storm.end_crowds();
    storm.run(Duration::from_secs(1));
    let capacity = storm.capacity();
    let promised = storm.engine.stats().tasks;
    let group = storm.stream(Callers::default(), 0.5 * capacity);
    storm.run(Duration::from_secs(30));
    let seen = &storm.groups[group].1;
    assert_eq!(seen.refused, 0);
    assert!(seen.cut * 1000 <= seen.offered, "{} of {}", seen.cut, seen.offered);
    assert!(seen.percentile(990) <= Duration::from_millis(150), "{:?}", seen.percentile(990));
    // What callers leave of the workers, but for a quarter, and those in the background.
    let done = promised - storm.engine.stats().tasks;
    assert!(done as f64 > 30.0 * 0.35 * capacity, "{done} of {promised}");
}

/// Fifty tenants who share what can be done to three fifths, one of them so many times as loud.
fn fifty_tenants(seed: u64, loudness: f64) -> Storm {
    let mut storm = Storm::new(seed, AdmissionRules::default());
    let rate = 0.6 * storm.capacity() / 50.0;
    for number in 0..50 {
        let tenant = storm.engine.tenant(&format!("tenant-{number}"));
        let times = if number == 0 { loudness } else { 1.0 };
        storm.stream(Callers { tenant, ..Callers::default() }, times * rate);
    }
    storm.run(Duration::from_secs(20));
    storm
}

#[test]
fn a_tenant_who_is_loud_is_cut_and_the_others_hardly_notice() {
    for seed in 0..3 * seeds().end {
        let (alone, storm) = (fifty_tenants(seed, 1.0), fifty_tenants(seed, 100.0));
        let before = alone.seen_by(1..50).percentile(990);
        let seen = storm.seen_by(1..50);
        let loud = storm.seen_by(0..1);
        let served = seen.served_between(0, 20) as f64;
        assert!(served >= 0.98 * seen.offered as f64, "seed {seed}: {served} of {}", seen.offered);
        assert!(seen.percentile(990) <= 2 * before, "seed {seed}: {:?}", seen.percentile(990));
        assert!(seen.cut * 1000 <= seen.offered && loud.cut > 1000, "seed {seed}: {}", seen.cut);
    }
}

/// How long it takes until no more than a second's callers are pending, after as many as came in an
/// outage of that long have come at once; and how long it would take at best.
fn recovery(seed: u64, rules: AdmissionRules, outage: Duration) -> (Option<Duration>, Duration) {
    let mut storm = Storm::new(seed, rules);
    let callers = Callers { returns: Returns::UntilServed, ..Callers::default() };
    let rate = 0.5 * storm.capacity();
    storm.crowd(callers, (rate * outage.as_secs_f64()) as u64);
    storm.stream(callers, rate);
    while storm.now.monotonic.since(Monotonic(0)) < 2 * outage {
        storm.run(Duration::from_millis(100));
        let seen = storm.seen_by(0..2);
        if (seen.first - seen.served_between(0, usize::MAX)) as f64 <= rate {
            return (Some(storm.now.monotonic.since(Monotonic(0))), outage);
        }
    }
    (None, outage)
}

#[test]
fn those_who_return_after_an_outage_are_worked_off() {
    let short = Duration::from_secs(40);
    let outage = if rounds().is_some() { Duration::from_secs(125) } else { short };
    for seed in seeds() {
        let (took, best) = recovery(seed, AdmissionRules::default(), outage);
        assert!(took.is_some_and(|took| took <= best.mul_f64(1.25)), "seed {seed}: {took:?}");
    }
    assert_eq!(recovery(0, NONE, short).0, None, "a queue without an end works it off too");
}
