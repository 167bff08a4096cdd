//! What is shown of callers who wait: how crowded it is, and who is not held or is refused.

use super::lanes::by_lane;
use super::{Snapshot, gauge};
use overtime_console::{Family, Sample};
use overtime_protocol::PerLane;
use std::time::Duration;

pub(super) fn metrics(snapshot: &Snapshot) -> Vec<Family> {
    let engine = &snapshot.engine;
    let admission = &engine.admission;
    let is_overloaded = u64::from(admission.is_overloaded);
    let cuts = [
        ("room", engine.cut_for_room),
        ("trimmed", engine.trimmed),
        ("hopeless", engine.cut_as_hopeless),
    ];
    let refusals = &engine.refusals;
    let refused = [
        ("overloaded", refusals.overloaded),
        ("memory", refusals.memory),
        ("backlog", refusals.backlog),
        ("payload-memory", refusals.payload_memory),
        ("journal", refusals.journal),
        ("disk", refusals.disk),
        ("closed", refusals.closed),
    ];
    let reason = |(reason, count): (&'static str, u64)| Sample::new(count).label("reason", reason);
    let (mean, least) = (admission.wait_mean_ns, admission.wait_min_ns);
    vec![
        gauge("overtime_admission_overloaded", "Whether callers wait for too long", is_overloaded),
        gauge("overtime_admission_room", "Callers that may wait in that case", admission.room),
        gauge("overtime_admission_standing", "Callers that wait for a start", admission.standing),
        gauge("overtime_admission_put_off", "Tasks whose callers were cut", admission.put_off),
        Family::counter("overtime_admission_cut", "Callers that were not held", cuts.map(reason)),
        Family::counter(
            "overtime_submissions_refused",
            "Submissions refused, by what was used up",
            refused.map(reason),
        ),
        seconds("overtime_lane_wait_mean_seconds", "Mean time in the lane, lately", mean),
        seconds("overtime_lane_wait_min_seconds", "Shortest time in the lane, lately", least),
    ]
}

fn seconds(name: &'static str, help: &'static str, spans: PerLane<u64>) -> Family {
    let sample = |(lane, ns)| {
        let seconds = Duration::from_nanos(ns).as_secs_f64();
        Sample::new(seconds).label("lane", lane)
    };
    Family::gauge(name, help, by_lane(spans).map(sample))
}
