//! The suspicion of ourselves: how long it lasts, and what ends it.

use super::stage::*;
use super::weather::{Fault, Weather};
use overtime_protocol::UpstreamId;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);
const HANG: Option<Fault> = Some(Fault { percent: 100, way: HANGS });
const SLOWNESS: Option<Fault> = Some(Fault { percent: 100, way: SLOW });

/// So many upstreams, of which the last turn bad at once and stay so. (Workers look for work at the
/// first ones first.)
fn bad_at_once(bad: usize, all: usize, fault: Option<Fault>, seed: u64) -> Weather {
    let mut weather = Weather::new(&vec![20.0; all], seed);
    weather.pass(20 * SECOND);
    for site in &mut weather.sites[all - bad..] {
        site.fault = fault;
    }
    weather
}

fn count(weather: &Weather, turn: &str) -> usize {
    weather.stage.told().iter().filter(|&&told| told == turn).count()
}

fn is_shed(weather: &Weather, id: usize) -> bool {
    weather.stage.gates.is_shed(UpstreamId(id as u16))
}

#[test]
fn while_all_are_slow_at_most_half_are_shed_however_long_that_lasts() {
    for (all, seed) in [(2, 1), (3, 2), (8, 3)] {
        let mut weather = bad_at_once(all, all, SLOWNESS, seed);
        weather.pass(30 * MINUTE);
        let shed = (0..all).filter(|&id| is_shed(&weather, id)).count();
        assert!(shed * 2 <= all, "{shed} of {all}: {:?}", weather.stage.told());
        assert_eq!((count(&weather, "suspected"), count(&weather, "unsuspected")), (1, 0));
        weather.sites.iter_mut().for_each(|site| site.fault = None);
        weather.pass(2 * MINUTE);
        assert_eq!((count(&weather, "suspected"), count(&weather, "unsuspected")), (1, 1));
        assert_eq!((0..all).filter(|&id| is_shed(&weather, id)).count(), 0);
    }
}

#[test]
fn two_of_three_that_stay_bad_are_shed_and_so_is_the_third_half_an_hour_later() {
    for seed in 0..2 {
        let mut weather = bad_at_once(2, 3, HANG, seed);
        weather.pass(2 * MINUTE);
        assert!(is_shed(&weather, 1) && is_shed(&weather, 2), "{:?}", weather.stage.told());
        assert!(!is_shed(&weather, 0));
        weather.pass(30 * MINUTE);
        let began = weather.stage.now.monotonic;
        weather.sites[0].fault = HANG;
        weather.pass(MINUTE);
        let shed = weather.stage.when("shed", began);
        assert!(shed.is_some_and(|after| after <= 10 * SECOND), "{shed:?}, seed {seed}");
    }
}

#[test]
fn one_that_is_well_proves_that_it_is_not_us_and_that_is_believed() {
    let mut weather = bad_at_once(5, 9, SLOWNESS, 7);
    weather.pass(2 * MINUTE);
    for id in 0..9 {
        assert_eq!(is_shed(&weather, id), id >= 4, "{:?}", weather.stage.told());
    }
    weather.pass(10 * MINUTE);
    assert_eq!(count(&weather, "suspected"), 1);
}

#[test]
fn those_that_were_shed_before_do_not_hide_that_all_others_turn_bad_together() {
    let mut weather = Weather::new(&[20.0; 7], 1);
    weather.pass(20 * SECOND);
    for id in 0..3 {
        weather.sites[id].fault = HANG;
        weather.pass(MINUTE);
    }
    assert_eq!((count(&weather, "shed"), count(&weather, "suspected")), (3, 0));
    weather.sites.iter_mut().for_each(|site| site.fault = SLOWNESS);
    weather.pass(10 * MINUTE);
    let shed = (3..7).filter(|&id| is_shed(&weather, id)).count();
    assert!(shed <= 2 && count(&weather, "suspected") == 1, "{:?}", weather.stage.told());
}
