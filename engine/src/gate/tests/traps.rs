//! What gates are known to do wrong, each by its name.

use super::stage::*;
use crate::gate::{GateNews, Gates, Phase, Saved, Start};
use crate::seed::Seed;
use overtime_protocol::{CallEnd, GateMode};
use std::time::Duration;

/// One that is shed, and that nobody has probed yet.
fn shed() -> Stage {
    let mut stage = Stage::one(GateMode::Shed);
    stage.steady(20, 10 * SECOND, |_| WELL);
    stage.steady(20, 6 * SECOND, |_| ERROR);
    assert!(stage.gates.is_shed(ONE));
    stage.pass(SECOND);
    stage
}

/// Tasks wait for it, and each call goes this way.
fn call(stage: &mut Stage, span: Duration, way: Way) {
    stage.steady(20, span, |_| way);
}

#[test]
fn a_429_to_a_probe_frees_its_place_and_tells_neither_way() {
    let mut stage = shed();
    call(&mut stage, 60 * SECOND, BUSY);
    assert!(stage.gates.is_shed(ONE));
    assert_eq!(stage.gates.view(ONE, stage.now).probes_out, 0);
    assert!(stage.gates.view(ONE, stage.now).ends.busy > 20, "it is asked again and again");
    call(&mut stage, 10 * SECOND, WELL);
    assert_eq!(stage.gates.view(ONE, stage.now).phase, Phase::Ramping);
}

#[test]
fn a_probe_that_comes_to_nothing_frees_its_place() {
    let mut stage = shed();
    call(&mut stage, 60 * SECOND, Way(QUICK, CallEnd::Untold));
    assert_eq!(stage.gates.view(ONE, stage.now).probes_out, 0);
    call(&mut stage, 10 * SECOND, WELL);
    assert_eq!(stage.gates.view(ONE, stage.now).phase, Phase::Ramping);
}

#[test]
fn what_a_429_asks_for_is_obeyed() {
    let mut stage = Stage::one(GateMode::Shed);
    let retry_after = Some(7 * SECOND);
    stage.call(ONE, Start::First, Way(QUICK, CallEnd::Busy { retry_after }));
    stage.pass(SECOND);
    assert!(!stage.may_start(ONE));
    let opening = stage.gates.next_opening(ONE, stage.now.monotonic).unwrap();
    stage.until(opening);
    assert!(stage.may_start(ONE));
    assert_eq!(stage.gates.view(ONE, stage.now).places, Some(1));
}

#[test]
fn calls_that_were_out_together_halve_the_places_once() {
    let mut stage = Stage::one(GateMode::Shed);
    for _ in 0..40 {
        stage.call(ONE, Start::First, BUSY);
    }
    stage.pass(2 * SECOND);
    assert_eq!(stage.gates.view(ONE, stage.now).places, Some(20));
    stage.steady(200, 20 * SECOND, |_| WELL);
    assert_eq!(stage.gates.view(ONE, stage.now).places, Some(50));
}

#[test]
fn a_restart_of_the_upstream_is_no_outage() {
    for per_second in [20, 200] {
        let mut stage = Stage::one(GateMode::Shed);
        for way in [WELL, REFUSED, WELL, ERROR, WELL] {
            let span = if matches!(way.1, CallEnd::Answered) { 10 } else { 1 };
            stage.steady(per_second, span * SECOND, |_| way);
        }
        // One instance of four after the other.
        stage.steady(per_second, 60 * SECOND, |call| if call % 4 == 0 { REFUSED } else { WELL });
        assert_eq!(stage.told(), [""; 0], "{per_second} a second");
    }
}

#[test]
fn five_calls_of_one_moment_that_fail_are_no_row() {
    let mut stage = Stage::one(GateMode::Shed);
    for _ in 0..5 {
        stage.call(ONE, Start::First, REFUSED);
    }
    stage.pass(60 * SECOND);
    assert_eq!(stage.told(), [""; 0]);
}

#[test]
fn a_restart_of_ours_sheds_nobody_and_floods_nobody() {
    let mut stage = Stage::one(GateMode::Shed);
    stage.steady(20, 2 * SECOND, |_| HANGS);
    assert_eq!(restarted(&stage).view(ONE, stage.now).phase, Phase::Open);
    let mut stage = shed();
    let saved = stage.gates.saved(ONE, stage.now);
    stage.gates = restarted(&stage);
    assert!(stage.gates.is_shed(ONE));
    assert_eq!(stage.gates.saved(ONE, stage.now), saved);
    let before = stage.news.len();
    call(&mut stage, 30 * SECOND, WELL);
    assert_eq!(stage.told()[before..], ["ramping", "opened"]);
}

/// The gates of a process that follows; what the calls of this one come to is never known.
fn restarted(stage: &Stage) -> Gates {
    let mut gates = Gates::new(&[upstream("one", GateMode::Shed)], WORKERS, Seed::new(2));
    gates.restore(ONE, &stage.gates.saved(ONE, stage.now), stage.now);
    let mut news = Vec::new();
    gates.judge(stage.now, &mut news);
    assert_eq!(news, []);
    gates
}

#[test]
fn how_long_it_was_shed_counts_from_before_a_restart() {
    let before = shed();
    let mut stage = Stage::one(GateMode::Shed);
    let since = stage.now.unix.0 - 60_000;
    let saved = before.gates.saved(ONE, before.now);
    stage.gates.restore(ONE, &Saved { shed_since_ms: Some(since), ..saved }, stage.now);
    call(&mut stage, 30 * SECOND, WELL);
    let lasted = stage.news.iter().find_map(|(_, news)| match news {
        GateNews::Opened { lasted, .. } => Some(*lasted),
        _ => None,
    });
    assert!(lasted.unwrap() >= 60 * SECOND, "{lasted:?}");
}

#[test]
fn a_blip_is_not_made_longer_by_a_fixed_rest() {
    let mut stage = shed();
    let healed = stage.now.monotonic;
    call(&mut stage, 30 * SECOND, WELL);
    assert!(stage.when("ramping", healed).unwrap() <= 8 * SECOND);
    assert!(stage.when("opened", healed).unwrap() <= 18 * SECOND);
}

#[test]
fn each_turn_is_told_once() {
    let mut stage = shed();
    call(&mut stage, 10 * SECOND, WELL);
    call(&mut stage, 10 * SECOND, ERROR);
    call(&mut stage, 60 * SECOND, WELL);
    let way = ["shed", "probing", "ramping", "relapsed", "probing", "ramping", "opened"];
    assert_eq!(stage.told(), way);
}

#[test]
fn each_relapse_doubles_the_rest() {
    let mut stage = shed();
    let mut holds = Vec::new();
    for _ in 0..3 {
        let since = stage.news.len();
        while !stage.told()[since..].contains(&"ramping") {
            call(&mut stage, SECOND, WELL);
        }
        call(&mut stage, 10 * SECOND, ERROR);
        let relapsed = stage.news.iter().rev().find_map(|(_, news)| match news {
            GateNews::Relapsed { hold, .. } => Some(hold.as_secs_f64()),
            _ => None,
        });
        holds.extend(relapsed);
    }
    for (hold, full) in holds.iter().zip([5.0, 10.0, 20.0]) {
        assert!((0.75 * full..=full).contains(hold), "{holds:?}");
    }
    assert_eq!(holds.len(), 3);
}

#[test]
fn young_calls_do_not_hide_a_hang() {
    let mut stage = Stage::one(GateMode::Shed);
    stage.steady(16, 60 * SECOND, |_| WELL);
    let began = stage.now.monotonic;
    // None of them has ended when it is known, and as many have only just begun.
    stage.steady(16, 8 * SECOND, |_| HANGS);
    assert!(stage.when("shed", began).unwrap() <= 7 * SECOND);
    assert_eq!(stage.gates.view(ONE, stage.now).ends.timeout, 0);
}

#[test]
fn the_hung_calls_of_before_leave_room_for_probes() {
    let mut stage = Stage::one(GateMode::Shed);
    stage.steady(20, 7 * SECOND, |_| HANGS);
    assert_eq!(stage.gates.view(ONE, stage.now).places_taken, 50 + 1);
    call(&mut stage, 10 * SECOND, WELL);
    assert_eq!(stage.gates.view(ONE, stage.now).phase, Phase::Ramping);
}
