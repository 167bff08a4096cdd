//! Each rule, alone: what breaks it, and what does not.

use super::stage::*;
use crate::gate::{GateNews, Rule, Start};
use overtime_protocol::{CallFailure, GateMode};
use std::time::Duration;

/// What an upstream is shed by that is called so often and answers so.
fn check(per_second: u32, span: Duration, way: impl Fn(u32) -> Way, rule: Option<Rule>) {
    let mut stage = Stage::one(GateMode::Shed);
    stage.steady(per_second, 10 * SECOND, |_| WELL);
    stage.steady(per_second, span, way);
    let shed = stage.news.iter().find_map(|(_, news)| match news {
        GateNews::Shed { rule, .. } => Some(*rule),
        _ => None,
    });
    assert_eq!(shed, rule, "{:?}", stage.news);
    assert_eq!(stage.gates.is_shed(ONE), rule.is_some());
}

#[test]
fn an_upstream_that_hangs_is_shed_by_most_of_forty() {
    check(20, 6 * SECOND, |_| HANGS, Some(Rule::MostBad));
    check(20, 6 * SECOND, |_| SLOW, Some(Rule::MostBad));
    check(20, 8 * SECOND, |call| if call % 5 < 3 { HANGS } else { WELL }, Some(Rule::MostBad));
}

#[test]
fn one_that_is_called_often_is_shed_by_its_tenth_percentile_at_once() {
    let mut stage = Stage::new(
        &[overtime_protocol::Upstream { calls_max: 2_000, ..upstream("one", GateMode::Observe) }],
        1,
    );
    stage.steady(200, 10 * SECOND, |_| WELL);
    let began = stage.now.monotonic;
    stage.steady(200, 4 * SECOND, |_| SLOW);
    let (at, news) = stage.news[0];
    assert!(matches!(news, GateNews::WouldShed { rule: Rule::TenthPercentile, .. }), "{news:?}");
    assert!(at.since(began) < 4 * SECOND, "{:?}", at.since(began));
}

#[test]
fn eleven_fast_calls_of_120_are_not_enough_to_be_well_and_twelve_are() {
    for (fast, rule) in [(11, Some(Rule::TenthPercentile)), (12, None)] {
        let mut stage = Stage::one(GateMode::Observe);
        // All at once, so that no other rule has the time to be seen twice.
        for call in 0..120 {
            stage.call(ONE, Start::First, if call < fast { WELL } else { SLOW });
        }
        stage.pass(3 * SECOND + Duration::from_millis(200));
        let found = stage.news.iter().find_map(|(_, news)| match news {
            GateNews::WouldShed { rule, .. } => Some(*rule),
            _ => None,
        });
        assert_eq!(found, rule);
    }
}

#[test]
fn every_kind_of_failure_is_bad() {
    for failure in [
        CallFailure::Connect,
        CallFailure::Broken,
        CallFailure::Timeout,
        CallFailure::Status(408),
        CallFailure::Status(503),
    ] {
        let fails = Way(QUICK, overtime_protocol::CallEnd::Failed(failure));
        check(20, 10 * SECOND, |_| fails, Some(Rule::Errors));
        let timed_out = Way(TIMEOUT, fails.1);
        check(20, 10 * SECOND, |_| timed_out, Some(Rule::MostBad));
        check(1, 40 * SECOND, |_| fails, Some(Rule::InARow));
    }
}

#[test]
fn half_errors_that_last_are_enough() {
    check(20, 9 * SECOND, |call| if call % 2 == 0 { ERROR } else { WELL }, Some(Rule::Errors));
    check(20, 60 * SECOND, |call| if call % 3 == 0 { ERROR } else { WELL }, None);
}

#[test]
fn half_slow_that_last_are_enough() {
    check(20, 12 * SECOND, |call| if call % 20 < 11 { SLOW } else { WELL }, Some(Rule::HalfBad));
    check(20, 60 * SECOND, |call| if call % 20 < 9 { SLOW } else { WELL }, None);
}

#[test]
fn of_few_calls_five_bad_in_a_row_are_enough() {
    let mut stage = Stage::one(GateMode::Shed);
    for (calls, is_shed) in [(4, false), (1, true)] {
        for _ in 0..calls {
            assert!(stage.first_if_allowed(ONE, ERROR));
            stage.pass(20 * SECOND);
        }
        assert_eq!(stage.gates.is_shed(ONE), is_shed);
    }
    assert!(matches!(stage.news[0].1, GateNews::Shed { rule: Rule::InARow, .. }));
}

#[test]
fn one_that_is_well_ends_the_row() {
    let mut stage = Stage::one(GateMode::Shed);
    for call in 0..15 {
        assert!(stage.first_if_allowed(ONE, if call % 5 == 4 { WELL } else { ERROR }));
        stage.pass(20 * SECOND);
    }
    assert_eq!(stage.told(), [""; 0]);
}

#[test]
fn calls_of_five_minutes_ago_are_forgotten() {
    let mut stage = Stage::one(GateMode::Shed);
    for _ in 0..4 {
        stage.first_if_allowed(ONE, ERROR);
        stage.pass(20 * SECOND);
    }
    stage.pass(300 * SECOND);
    stage.first_if_allowed(ONE, ERROR);
    stage.pass(20 * SECOND);
    assert_eq!(stage.told(), [""; 0]);
}

#[test]
fn what_is_busy_is_neither_good_nor_bad() {
    let mut stage = Stage::one(GateMode::Shed);
    stage.steady(1, 60 * SECOND, |_| BUSY);
    assert_eq!(stage.told(), [""; 0]);
    let view = stage.gates.view(ONE, stage.now);
    assert_eq!((view.window, view.failed, view.slow), (0, 0, 0));
    assert!(view.ends.busy > 10);
}
