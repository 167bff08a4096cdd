//! The bars, judged on made-up figures.

use super::*;
use crate::bulk::tally::Tally;
use crate::latency::{Latency, Quantiles};
use crate::timeline::Timeline;
use std::time::Duration;

fn row_of(server: Rival, quiet_p50: f64, flooded_p50: f64, flooded_p99: f64) -> Row {
    let summary = |p50_ms, p99_ms| {
        let latency = Quantiles { p50_ms, p99_ms, ..Quantiles::default() };
        Summary { latency, ..Summary::default() }
    };
    let tally = Tally { bodies: 1, ..Default::default() };
    Row {
        server,
        quiet: summary(quiet_p50, 1.0),
        flooded: summary(flooded_p50, flooded_p99),
        p50_over_quiet: flooded_p50 / quiet_p50,
        p99_over_quiet: flooded_p99,
        bulk: tally.summary(Duration::from_secs(1)),
        wrong_calls: 0,
        wrong_bulk: 0,
        peak_resident_bytes: None,
    }
}

fn missed(rows: &[Row], durable: bool) -> Vec<String> {
    let missed = bars(rows, durable).into_iter().filter(|bar| !bar.is_met);
    missed.map(|bar| bar.figure).collect()
}

#[test]
fn a_server_near_the_floor_and_far_from_the_control_passes() {
    let rows = [
        row_of(Rival::Floor, 0.1, 0.1, 4.0),
        row_of(Rival::Overtime, 0.1, 0.15, 6.0),
        row_of(Rival::Control, 0.1, 300.0, 600.0),
    ];
    assert_eq!(missed(&rows, false), Vec::<String>::new());
}

#[test]
fn what_is_slower_misses_its_bar_by_name() {
    let rows = [
        row_of(Rival::Floor, 0.1, 0.1, 4.0),
        row_of(Rival::Overtime, 0.1, 0.2, 7.0),
        row_of(Rival::Control, 0.1, 300.0, 600.0),
    ];
    let names = missed(&rows, false);
    assert_eq!(names.len(), 3, "{names:?}");
    // On disk a little more is allowed over the floor.
    assert!(!missed(&rows, true).contains(&"p99 flooded / the floor's".to_owned()));
}

#[test]
fn floors_alone_have_no_bars() {
    assert!(bars(&[row_of(Rival::Floor, 0.1, 9.0, 9.0)], false).is_empty());
}

#[test]
fn of_several_rounds_the_one_in_the_middle_speaks_and_what_went_wrong_in_any_counts() {
    let contest = |p99_ms: f64, wrong: u64| {
        let latency = Quantiles { p99_ms, ..Quantiles::default() };
        let measured = |latency| Measured {
            summary: Summary { latency, ..Summary::default() },
            latency: Latency::default(),
            timeline: Timeline::default(),
        };
        Contest {
            name: Rival::Overtime,
            quiet: measured(Quantiles::default()),
            flooded: measured(latency),
            bulk: Tally::default().summary(Duration::from_secs(1)),
            wrong_calls: wrong,
            wrong_bulk: 10 * wrong,
            peak_bytes: Some(wrong),
        }
    };
    let rounds = [(9.0, 0), (500.0, 2), (3.0, 1), (4.0, 4)];
    let typical = Contest::typical(rounds.map(|(p99, wrong)| contest(p99, wrong)).into()).unwrap();
    assert_eq!(typical.flooded.summary.latency.p99_ms, 4.0);
    assert_eq!((typical.wrong_calls, typical.wrong_bulk, typical.peak_bytes), (7, 70, Some(4)));
    assert!(Contest::typical(Vec::new()).is_none());
}
