//! What a person tells a gate, what it does in other modes, and what comes back by a ramp.

use super::stage::*;
use crate::gate::{Phase, Start};
use overtime_protocol::{CallEnd, GateMode};
use std::time::Duration;

#[test]
fn one_that_is_held_is_not_probed_and_opens_when_it_is_released() {
    for mode in [GateMode::Shed, GateMode::Observe, GateMode::Off] {
        let mut stage = Stage::one(mode);
        stage.gates.hold(ONE, stage.now);
        stage.gates.hold(ONE, stage.now);
        stage.judge();
        assert!(stage.gates.is_shed(ONE) && !stage.may_start(ONE));
        assert_eq!(stage.gates.next_opening(ONE, stage.now.monotonic), None);
        stage.pass(3_600 * SECOND);
        assert!(!stage.may_start(ONE));
        stage.gates.release(ONE, stage.now);
        stage.gates.release(ONE, stage.now);
        assert!(stage.may_start(ONE));
        stage.pass(20 * SECOND);
        let way: &[_] = if mode == GateMode::Shed {
            &["shed", "ramping", "opened"]
        } else {
            &["shed", "opened"]
        };
        assert_eq!(stage.told(), way);
        assert_eq!(stage.gates.view(ONE, stage.now).phase, Phase::Open);
    }
}

#[test]
fn one_that_was_shed_by_a_rule_can_be_released() {
    let mut stage = Stage::one(GateMode::Shed);
    stage.steady(20, 10 * SECOND, |_| HANGS);
    stage.gates.release(ONE, stage.now);
    stage.judge();
    assert_eq!(stage.told(), ["shed", "probing", "ramping"]);
}

#[test]
fn one_that_asked_to_be_left_alone_is_called_again_when_it_is_released() {
    let mut stage = Stage::one(GateMode::Shed);
    let busy = CallEnd::Busy { retry_after: Some(300 * SECOND) };
    stage.steady(20, SECOND, |_| Way(QUICK, busy));
    assert!(!stage.may_start(ONE));
    stage.gates.release(ONE, stage.now);
    assert!(stage.may_start(ONE));
    stage.judge();
    assert!(stage.told().is_empty(), "it was never shed");
}

#[test]
fn one_that_is_observed_is_told_of_and_never_held() {
    let mut stage = Stage::one(GateMode::Observe);
    for way in [WELL, HANGS, WELL] {
        for _ in 0..400 {
            assert!(stage.first_if_allowed(ONE, way), "there is no bulkhead");
            stage.pass(SECOND / 20);
        }
    }
    assert_eq!(stage.told(), ["would shed", "would open"]);
}

#[test]
fn one_that_is_off_is_not_judged() {
    let mut stage = Stage::one(GateMode::Off);
    for _ in 0..400 {
        assert!(stage.first_if_allowed(ONE, HANGS));
        stage.pass(SECOND / 20);
    }
    assert_eq!((stage.told(), stage.gates.next_deadline()), (vec![], None));
    assert!(stage.gates.view(ONE, stage.now).ends.timeout == 0);
}

#[test]
fn the_way_back_begins_with_a_tenth() {
    let mut stage = Stage::one(GateMode::Shed);
    stage.steady(40, 20 * SECOND, |_| WELL);
    stage.gates.hold(ONE, stage.now);
    stage.gates.release(ONE, stage.now);
    let mut starts = Vec::new();
    for _ in 0..11 {
        // As many wait as anybody may want.
        let began = stage.gates.view(ONE, stage.now).ends.answered;
        stage.steady(1_000, SECOND, |_| Way(Duration::from_millis(1), WELL.1));
        starts.push(stage.gates.view(ONE, stage.now).ends.answered - began);
    }
    assert!((8..=16).contains(&starts[0]), "from a tenth of twice 40 a second: {starts:?}");
    assert!((65..=82).contains(&starts[9]), "{starts:?}");
    assert!(starts[..10].is_sorted() && starts[10] > 200, "{starts:?}");
}

#[test]
fn while_first_attempts_wait_retries_are_a_tenth_and_one_a_second() {
    let retries = |firsts_a_second: u32, waiting| {
        let mut stage = Stage::one(GateMode::Shed);
        stage.gates.set_waiting(ONE, waiting);
        let mut retries = 0;
        for tick in 0..1_000 * 20_u32 {
            if tick % (1_000 / firsts_a_second) == 0 {
                assert!(stage.first_if_allowed(ONE, Way(Duration::from_millis(1), WELL.1)));
            }
            if stage.gates.may_start(ONE, Start::Retry, stage.now.monotonic) {
                stage.call(ONE, Start::Retry, Way(Duration::from_millis(1), WELL.1));
                retries += 1;
            }
            stage.pass(Duration::from_millis(1));
        }
        retries
    };
    assert!((18..=22).contains(&retries(2, 1)), "one a second");
    assert!((190..=225).contains(&retries(100, 1)), "a tenth");
    assert!(retries(100, 0) > 10_000, "as many as there are places");
}
