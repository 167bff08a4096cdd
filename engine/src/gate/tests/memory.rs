//! What gates cost when nobody calls, and what they show.

use super::stage::*;
use crate::gate::{Gates, Phase};
use crate::seed::Seed;
use overtime_protocol::{GateMode, UpstreamId};

#[test]
fn idle_upstreams_cost_nothing() {
    let mut stage = Stage::new(&upstreams(750), 1);
    assert_eq!(stage.gates.next_deadline(), None);
    for id in (0..750).map(UpstreamId) {
        stage.first_if_allowed(id, if id.0 % 3 == 0 { ERROR } else { WELL });
    }
    stage.pass(60 * SECOND);
    assert_eq!(stage.gates.next_deadline(), None);
    assert_eq!(stage.told(), [""; 0]);
}

#[test]
fn a_call_that_is_not_known_changes_nothing() {
    let mut stage = Stage::one(GateMode::Shed);
    let call = stage.call(ONE, crate::gate::Start::First, WELL);
    stage.pass(SECOND);
    let before = stage.gates.view(ONE, stage.now);
    stage.gates.end(ONE, call, ERROR.1, stage.now);
    stage.gates.end(ONE, overtime_protocol::CallNumber(77), ERROR.1, stage.now);
    assert_eq!(stage.gates.view(ONE, stage.now), before);
    assert_eq!(stage.gates.recent(ONE).count(), 1);
}

#[test]
fn a_gate_is_open_at_first() {
    let gates = Gates::new(&upstreams(2), WORKERS, Seed::new(1));
    let view = gates.view(UpstreamId(1), Default::default());
    assert_eq!((view.phase, view.places, view.window), (Phase::Open, Some(50), 0));
}
