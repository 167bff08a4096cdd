//! What is shown of the lanes and of the workers behind them.

use super::{Snapshot, counter, gauge};
use overtime_console::{Family, Histogram, Sample};
use overtime_engine::{START_BUCKETS, Starts};
use overtime_protocol::{LANES, PerLane};
use std::time::Duration;

pub(super) fn metrics(snapshot: &Snapshot) -> Vec<Family> {
    let engine = &snapshot.engine;
    let waited = by_lane(engine.waited_ns)
        .map(|(lane, ns)| Sample::new(Duration::from_nanos(ns)).label("lane", lane));
    let starts = by_lane(engine.starts).map(|(lane, starts)| start(&starts).label("lane", lane));
    let plan = &snapshot.plan;
    let floors = PerLane(LANES.map(|lane| plan.floor(lane) as u64));
    let ceilings = PerLane(LANES.map(|lane| plan.ceiling(lane) as u64));
    let counters = by_lane(engine.dispatched);
    let counters = counters.map(|(lane, count)| Sample::new(count).label("lane", lane));
    vec![
        Family::counter("overtime_attempts_started", "Attempts handed to workers", counters),
        Family::counter("overtime_lane_wait_seconds", "Time that attempts waited", waited),
        Family::histogram(
            "overtime_lane_start_seconds",
            "From standing in the lane to the first step of the handler",
            starts,
        ),
        gauges("overtime_lane_queued", "Tasks that wait", engine.queued),
        gauges("overtime_lane_running", "Workers that are busy", engine.running),
        gauges("overtime_lane_floor", "Workers that are kept for the lane", floors),
        gauges("overtime_lane_ceiling", "Workers that it may keep busy", ceilings),
        gauge("overtime_workers_spare", "Workers that were hired", engine.spares),
        gauge("overtime_workers_spare_max", "Workers that may be hired", plan.spares() as u64),
        gauge(
            "overtime_workers_held",
            "Workers held for long, for which others stand in",
            engine.charged,
        ),
        gauge(
            "overtime_workers_held_alone",
            "Workers held for long, for which nobody stands in",
            engine.long,
        ),
        counter("overtime_workers_hired", "Spare workers that came", engine.hired),
        counter("overtime_workers_retired", "Spare workers that went", engine.retired),
        counter("overtime_workers_refused", "Threads that the system refused", engine.not_hired),
    ]
}

pub(super) fn by_lane<T: Copy>(values: PerLane<T>) -> impl Iterator<Item = (&'static str, T)> {
    LANES.into_iter().map(move |lane| (lane.name(), values[lane]))
}

fn gauges(name: &'static str, help: &'static str, values: PerLane<u64>) -> Family {
    let samples =
        by_lane(values).map(|(lane, value)| Sample::new(value as f64).label("lane", lane));
    Family::gauge(name, help, samples)
}

fn start(starts: &Starts) -> Sample<Histogram> {
    let buckets = START_BUCKETS.iter().zip(starts.buckets);
    let buckets = buckets.map(|(&us, count)| (us as f64 / 1e6, count));
    let above = starts.buckets[START_BUCKETS.len()];
    Sample::new(Histogram::new(starts.sum_ns as f64 / 1e9, buckets, above))
}
