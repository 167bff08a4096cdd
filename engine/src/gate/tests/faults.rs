//! The table of faults: 200 workers, 20 calls a second to the upstream that turns bad, 200 to one that
//! is well. What is asserted is simulated time.

use super::stage::*;
use super::weather::{Fault, Spell, Weather};
use crate::gate::GateNews;
use std::time::Duration;

const SEEDS: u64 = 20;
/// So many half hours of each kind in which nothing must be shed.
const HALF_HOURS: u64 = 3;
const MINUTE: Duration = Duration::from_mins(1);

fn spells(fault: Fault, per_second: &[f64]) -> Vec<Spell> {
    let spells = (0..SEEDS).map(|seed| {
        let mut weather = Weather::new(per_second, seed);
        weather.pass(10 * SECOND);
        let spell = weather.spell(fault, 2 * MINUTE, 20 * SECOND);
        let late: usize = weather.sites[1..].iter().map(|site| site.late).sum();
        assert_eq!(late, 0, "the healthy one never waits, seed {seed}");
        spell
    });
    spells.collect()
}

/// The median and the longest; without one where there was none.
fn spread(values: impl Iterator<Item = Option<Duration>>) -> (Duration, Duration) {
    let mut values: Vec<_> = values.map(|value| value.unwrap_or(Duration::MAX)).collect();
    values.sort();
    (values[values.len() / 2], values[values.len() - 1])
}

#[test]
fn an_upstream_that_hangs_is_shed_within_eight_seconds() {
    let spells = spells(Fault { percent: 100, way: HANGS }, &[20.0, 200.0]);
    let (median, longest) = spread(spells.iter().map(|spell| spell.shed_after));
    assert!(median <= 6 * SECOND && longest <= 8 * SECOND, "{median:?} {longest:?}");
    let (_, longest) = spread(spells.iter().map(|spell| spell.full_after));
    assert!(longest <= 15 * SECOND, "{longest:?}");
    assert!(spells.iter().all(|spell| spell.held_max <= 50 + 8 && spell.episodes == 1));
    assert!(spells.iter().all(|spell| spell.probes_max <= 8));
}

/// The faults that a rule on the tenth percentile alone finds late or never.
#[test]
fn one_that_is_bad_for_most_or_for_half_is_shed_within_ten_seconds() {
    for (percent, way) in [(60, SLOW), (60, HANGS), (100, SLOW), (50, ERROR)] {
        let spells = spells(Fault { percent, way }, &[20.0]);
        let (_, longest) = spread(spells.iter().map(|spell| spell.shed_after));
        assert!(longest <= 10 * SECOND, "{percent} % {way:?}: {longest:?}");
        let most = spells.iter().map(|spell| spell.episodes).max();
        assert!(most <= Some(2), "{percent} % {way:?}: {most:?}");
        assert!(spells.iter().all(|spell| spell.held_max <= 50 + 8 && spell.probes_max <= 8));
    }
}

#[test]
fn one_that_is_slow_now_and_then_is_never_shed() {
    for (percent, way) in [(10, SLOW), (10, HANGS), (30, SLOW), (30, HANGS)] {
        for seed in 0..HALF_HOURS {
            let mut weather = Weather::new(&[20.0], seed);
            weather.sites[0].fault = Some(Fault { percent, way });
            weather.pass(30 * MINUTE);
            assert_eq!(weather.stage.told(), [""; 0], "{percent} % {way:?}, seed {seed}");
            assert!(weather.sites[0].out_max <= 50);
        }
    }
}

/// How bad it always was is known, and does not hide that it is worse.
#[test]
fn one_that_ails_anyway_is_shed_when_it_becomes_worse() {
    for (before, way) in [(30, SLOW), (30, ERROR)] {
        let mut weather = Weather::new(&[20.0], 1);
        weather.sites[0].fault = Some(Fault { percent: before, way });
        weather.pass(5 * MINUTE);
        assert_eq!(weather.stage.told(), [""; 0], "{way:?}");
        let spell = weather.spell(Fault { percent: 100, way }, MINUTE, MINUTE);
        assert!(spell.shed_after.is_some_and(|after| after <= 8 * SECOND), "{spell:?}");
    }
}

#[test]
fn all_that_are_slow_at_once_are_our_own_fault() {
    for seed in 0..5 {
        let mut weather = Weather::new(&[20.0; 8], seed);
        weather.pass(20 * SECOND);
        let began = weather.stage.now.monotonic;
        for site in &mut weather.sites {
            site.fault = Some(Fault { percent: 100, way: SLOW });
        }
        weather.pass(MINUTE);
        for site in &mut weather.sites {
            site.fault = None;
        }
        weather.pass(MINUTE);
        let news = &weather.stage.news;
        let shed = news.iter().filter(|(_, news)| matches!(news, GateNews::Shed { .. })).count();
        assert!(shed <= 4, "{shed} of 8, seed {seed}");
        assert!(weather.stage.when("suspected", began).is_some_and(|after| after < 10 * SECOND));
        let healed = began + MINUTE;
        assert!(weather.stage.when("unsuspected", healed).is_some(), "{:?}", weather.stage.told());
        for id in 0..8 {
            assert!(!weather.stage.gates.is_shed(overtime_protocol::UpstreamId(id)));
        }
    }
}
