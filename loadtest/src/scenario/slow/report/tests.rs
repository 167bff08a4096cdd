//! Made-up runs, and which bars they miss.

use super::*;
use crate::latency::Quantiles;
use crate::scenario::slow::desk::Seen;
use crate::scenario::slow::habit::Habit;
use crate::scenario::slow::toll::{End, Toll};
use crate::timeline::Timeline;
use std::time::Duration;

fn measured(ok: u64, broken: u64, p99_ms: f64) -> Measured {
    let latency = Quantiles { p99_ms, ..Quantiles::default() };
    let errors = [("broken".to_owned(), broken)].into();
    let summary = Summary { ok, errors, latency, ..Summary::default() };
    Measured { summary, latency: Latency::default(), timeline: Timeline::default() }
}

fn phase(broken: u64, p99_ms: f64, admin_faults: u64) -> Phase {
    let faults = [("unanswered".to_owned(), admin_faults)].into();
    let admin = Seen { faults, ..Seen::default() };
    Phase {
        echoes: measured(1_000 - broken, broken, p99_ms),
        upserts: measured(1_000, 0, 1.0),
        desks: Some(Desks { control: Seen::default(), admin }),
    }
}

fn contest(name: Rival, slow: Phase, age: Duration) -> Contest {
    let mut toll = Toll::default();
    toll.end(End::HungUp, age, Duration::from_secs(10));
    let toil = Toil { tolls: [(Habit::Head, toll)].into(), ..Toil::default() };
    let cpu = CpuShare { whole_percent: 1.0, core_percent: 1.0 };
    let quiet = phase(0, 1.0, 0);
    Contest { name, quiet, slow, cpu, toil, throng: (1, 1), peak_bytes: 1 }
}

fn missed(contest: &Contest) -> Vec<usize> {
    let bars = bars(contest);
    (0..bars.len()).filter(|number| !bars[*number].is_met).collect()
}

#[test]
fn each_bar_is_missed_by_what_it_is_about() {
    let ten = Duration::from_secs(10);
    let ours = |slow, age| missed(&contest(Rival::Overtime, slow, age));
    assert!(ours(phase(2, 2.0, 0), ten).is_empty());
    assert_eq!(ours(phase(3, 2.0, 0), ten), [0]);
    assert_eq!(ours(phase(0, 2.1, 0), ten), [1]);
    assert_eq!(ours(phase(0, 1.0, 0), 2 * ten), [3]);
    assert_eq!(ours(phase(0, 1.0, 1), ten), [6]);
}

#[test]
fn a_throng_that_comes_late_makes_a_run_void() {
    let mut late = contest(Rival::Overtime, phase(0, 1.0, 0), Duration::ZERO);
    late.toil.late.record(Duration::from_millis(6));
    let missed = missed(&late);
    assert_eq!(missed, [4]);
    assert!(bars(&late)[4].tells_whether_void());
}

#[test]
fn a_control_that_answers_shows_nothing() {
    let control = |broken| missed(&contest(Rival::Control, phase(broken, 1.0, 0), Duration::ZERO));
    assert_eq!(control(0), [0]);
    let mut dead = contest(Rival::Control, phase(1_000, 1.0, 0), Duration::ZERO);
    dead.slow.upserts = measured(0, 1_000, 1.0);
    assert!(missed(&dead).is_empty());
}

#[test]
fn the_floor_has_no_bar_and_is_what_ours_is_told_in_times_of() {
    let contests = [(Rival::Overtime, 3.0), (Rival::Floor, 2.0)]
        .map(|(name, p99_ms)| contest(name, phase(0, p99_ms, 0), Duration::ZERO));
    assert!(bars(&contests[1]).is_empty());
    assert_eq!(over_floor(&contests), Some(OverFloor { echoes: 1.5, upserts: 1.0 }));
    assert_eq!(over_floor(&contests[..1]), None);
}
