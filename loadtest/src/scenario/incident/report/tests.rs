//! The bars, judged on made-up figures.

use super::*;
use crate::latency::Quantiles;

fn row_of(server: Rival, quiet_p50: f64, flooded_p50: f64, flooded_p99: f64) -> Row {
    let summary = |p50_ms, p99_ms| {
        let latency = Quantiles { p50_ms, p99_ms, ..Quantiles::default() };
        Summary { latency, ..Summary::default() }
    };
    let tally = crate::bulk::tally::Tally { bodies: 1, ..Default::default() };
    Row {
        server,
        quiet: summary(quiet_p50, 1.0),
        flooded: summary(flooded_p50, flooded_p99),
        p50_over_quiet: flooded_p50 / quiet_p50,
        p99_over_quiet: flooded_p99,
        bulk: tally.summary(std::time::Duration::from_secs(1)),
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
