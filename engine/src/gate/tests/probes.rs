//! Probes that hang: few are held at a time, and those that are given up make room in time for an
//! upstream that is well again.

use super::stage::*;
use super::weather::{Fault, Weather};
use crate::gate::{Phase, Start};
use overtime_protocol::{GateMode, Monotonic};
use std::time::Duration;

/// Longer than anybody watches.
const STUCK: Way = Way(Duration::from_hours(1), HANGS.1);

/// One whose places are all taken by calls that hang.
fn full_and_shed(slow: Duration) -> Stage {
    let mut stage =
        Stage::new(&[overtime_protocol::Upstream { slow, ..upstream("one", GateMode::Shed) }], 1);
    stage.steady(20, 10 * SECOND, |_| WELL);
    stage.steady(20, 4 * slow, |_| STUCK);
    let view = stage.gates.view(ONE, stage.now);
    assert!(stage.gates.is_shed(ONE) && view.places_taken - view.probes_out == 50, "{view:?}");
    stage
}

/// Calls as often as may be, for a while; when each started comes back. It is never probed by more than
/// eight at a time.
fn probe(stage: &mut Stage, span: Duration, call: impl Fn(&mut Stage)) -> Vec<Monotonic> {
    let (until, mut starts) = (stage.now.monotonic + span, Vec::new());
    while stage.now.monotonic < until {
        stage.pass(QUICK);
        if stage.gates.is_shed(ONE) && stage.may_start(ONE) {
            call(stage);
            starts.push(stage.now.monotonic);
            let probes = stage.gates.view(ONE, stage.now).probes_out;
            assert!(probes <= 8, "{probes} probes are out");
        }
    }
    starts
}

#[test]
fn at_most_eight_probes_are_out_whatever_else_hangs() {
    let mut stage = full_and_shed(3 * SECOND);
    let starts = probe(&mut stage, 60 * SECOND, |stage| {
        stage.call(ONE, Start::First, STUCK);
    });
    assert!(starts.len() >= 50, "one a second goes out all the same: {}", starts.len());
    let healed = stage.now.monotonic;
    probe(&mut stage, 15 * SECOND, |stage| {
        stage.call(ONE, Start::First, WELL);
    });
    assert!(stage.when("ramping", healed).unwrap() <= 8 * SECOND);
}

/// A handler that calls by itself may not obey.
#[test]
fn probes_that_nobody_gives_up_are_eight_as_well() {
    let mut stage = full_and_shed(3 * SECOND);
    let before = stage.gates.view(ONE, stage.now).probes_out;
    let starts = probe(&mut stage, 60 * SECOND, |stage| {
        stage.call_unlimited(ONE, Start::First, STUCK);
    });
    assert_eq!(stage.gates.view(ONE, stage.now).probes_out, 8);
    assert!(starts.len() <= 8 + before, "{}", starts.len());
    assert_eq!(stage.gates.next_opening(ONE, stage.now.monotonic), None, "time alone lets none go");
}

#[test]
fn where_slow_calls_are_long_ones_probes_that_hang_go_out_less_often() {
    let slow = 30 * SECOND;
    let mut stage = full_and_shed(slow);
    assert_eq!(stage.gates.call_limit(ONE), Some(80 * SECOND));
    let starts = probe(&mut stage, 5 * 60 * SECOND, |stage| {
        stage.call(ONE, Start::First, STUCK);
    });
    let gaps = || starts.windows(2).map(|pair| pair[1].since(pair[0]));
    assert!(gaps().all(|gap| (9 * SECOND..=12 * SECOND).contains(&gap)), "{starts:?}");
    // Once one comes back the next goes out a second later.
    let healed = stage.now.monotonic;
    probe(&mut stage, 60 * SECOND, |stage| {
        stage.call(ONE, Start::First, WELL);
    });
    assert!(stage.when("ramping", healed).unwrap() <= slow + 8 * SECOND);
}

#[test]
fn only_a_probe_has_a_limit() {
    let mut stage = Stage::one(GateMode::Shed);
    assert_eq!(stage.gates.call_limit(ONE), None);
    stage.gates.hold(ONE, stage.now);
    assert_eq!(stage.gates.call_limit(ONE), None, "one that is held by a person is not probed");
    stage.gates.release(ONE, stage.now);
    assert_eq!(stage.gates.view(ONE, stage.now).phase, Phase::Ramping);
    assert_eq!(stage.gates.call_limit(ONE), None);
}

/// Its calls of before are over by then, and only then have their places been given back.
#[test]
fn the_full_rate_is_back_within_fifteen_seconds_of_a_long_hang() {
    let way = Way(Duration::from_mins(1), HANGS.1);
    for seed in 0..10 {
        let mut weather = Weather::new(&[20.0], seed);
        weather.pass(10 * SECOND);
        let fault = Fault { percent: 100, way };
        let spell = weather.spell(fault, 2 * way.0, 20 * SECOND);
        assert!(spell.probes_max <= 8 && spell.held_max <= 50 + 8, "{spell:?}, seed {seed}");
        let full_after = spell.full_after;
        assert!(full_after.is_some_and(|after| after <= 15 * SECOND), "{spell:?}, seed {seed}");
    }
}
