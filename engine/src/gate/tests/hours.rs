//! Hours: what is gathered of them, and when they are given away.

use super::stage::*;
use crate::gate::{History, Hour};
use overtime_protocol::{GateMode, UnixMillis};
use std::time::Duration;

const HOUR: u64 = 3_600_000;

#[test]
fn an_hour_tells_how_its_calls_were() {
    let mut history = History::default();
    for call in 1..=1_000 {
        let way = match call % 10 {
            0 => ERROR,
            1 => BUSY,
            _ => WELL,
        };
        assert_eq!(
            history.note(Duration::from_millis(call), way.1, UnixMillis(7 * HOUR + 5)),
            None
        );
    }
    assert_eq!(history.close(UnixMillis(7 * HOUR + 6)), None);
    let hour = history.close(UnixMillis(8 * HOUR)).unwrap();
    assert_eq!((hour.hour, hour.calls), (UnixMillis(7 * HOUR), 1_000));
    assert_eq!((hour.failed, hour.busy, hour.max), (100, 100, SECOND));
    for (found, exact) in [(hour.p10, 100), (hour.p50, 500), (hour.p90, 900), (hour.p99, 990)] {
        let exact = Duration::from_millis(exact);
        assert!(exact <= found && found <= exact * 9 / 8, "{found:?} for {exact:?}");
    }
    assert_eq!(history.close(UnixMillis(9 * HOUR)), None, "it is given away once");
}

#[test]
fn percentiles_are_near_whatever_the_span() {
    for micros in (0..40).map(|power| 1_u64 << power).flat_map(|at| [at, at + at / 3, at * 2 - 1]) {
        let mut history = History::default();
        let took = Duration::from_micros(micros);
        for way in [WELL, ERROR] {
            history.note(took, way.1, UnixMillis(1));
        }
        history.note(took * 1_000, WELL.1, UnixMillis(1));
        let found = history.close(UnixMillis(HOUR)).unwrap().p50;
        let is_near = took <= found && found <= took + took / 8 + Duration::from_micros(1);
        assert!(is_near || micros >= 1 << 39, "{found:?} for {took:?}");
    }
}

#[test]
fn hours_are_taken_once_they_have_passed() {
    let mut stage = Stage::new(&upstreams(3), 1);
    let mut hours: Vec<(_, Hour)> = Vec::new();
    stage.gates.take_hours(stage.now.unix, &mut hours);
    stage.steady(1, 30 * SECOND, |_| WELL);
    stage.gates.take_hours(stage.now.unix, &mut hours);
    assert_eq!(hours.len(), 0);
    stage.pass(3_600 * SECOND);
    stage.gates.take_hours(stage.now.unix, &mut hours);
    stage.gates.take_hours(stage.now.unix, &mut hours);
    assert_eq!(hours.iter().map(|(id, hour)| (*id, hour.calls)).collect::<Vec<_>>(), [(ONE, 30)]);
    // The first call of the next hour brings the one before, whoever has not asked for it.
    stage.steady(1, 30 * SECOND, |_| WELL);
    stage.pass(3_600 * SECOND);
    stage.steady(1, SECOND * 2, |_| ERROR);
    stage.gates.take_hours(stage.now.unix, &mut hours);
    assert_eq!(hours.len(), 2);
    assert_eq!(Stage::one(GateMode::Off).gates.recent(ONE).count(), 0);
}
