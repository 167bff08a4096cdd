//! Equal parts of the time, and how long calls took in each. They are counted and not judged.

use overtime_engine::gate::Sample;
use overtime_protocol::{CallEnd, HOUR, Hour, UnixMillis};
use std::time::Duration;

/// So many parts are told from each other in a picture.
const SLOTS_MAX: u64 = 72;
/// So many of the latest hours are shown: a week.
const HOURS_SHOWN: usize = 7 * 24;
/// How long a part may be, in seconds.
const LENGTHS: [u64; 15] =
    [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400];

/// One part of the time in which there were calls.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slot {
    pub(super) from: UnixMillis,
    pub(super) length: Duration,
    pub(super) calls: u64,
    pub(super) failed: u64,
    pub(super) p10: Duration,
    pub(super) p25: Duration,
    pub(super) p50: Duration,
    pub(super) p75: Duration,
    pub(super) p90: Duration,
}

impl Slot {
    pub(super) fn until(&self) -> UnixMillis {
        self.from + self.length
    }

    fn of(from: UnixMillis, length: Duration, calls: &[Sample]) -> Self {
        let took = sorted(calls);
        let at = |percent| percentile(&took, percent);
        Self {
            from,
            length,
            calls: calls.len() as u64,
            failed: failed(calls),
            p10: at(10),
            p25: at(25),
            p50: at(50),
            p75: at(75),
            p90: at(90),
        }
    }
}

/// The parts in which calls began, which come in that order.
pub(super) fn of_calls(calls: &[Sample]) -> Vec<Slot> {
    let (Some(first), Some(last)) = (calls.first(), calls.last()) else { return Vec::new() };
    let span_s = last.started.since(first.started).as_secs() + 1;
    let fits = LENGTHS.into_iter().find(|length| span_s.div_ceil(*length) <= SLOTS_MAX);
    let length = Duration::from_secs(fits.unwrap_or(span_s.div_ceil(SLOTS_MAX)));
    let length_ms = length.as_secs() * 1_000;
    let parts =
        calls.chunk_by(|one, other| one.started.0 / length_ms == other.started.0 / length_ms);
    let slot = |calls: &[Sample]| {
        let from = UnixMillis(calls.first()?.started.0 / length_ms * length_ms);
        Some(Slot::of(from, length, calls))
    };
    parts.filter_map(slot).collect()
}

/// The latest hours.
pub(super) fn of_hours(hours: &[Hour]) -> Vec<Slot> {
    let first = hours.len().saturating_sub(HOURS_SHOWN);
    let slot = |hour: &Hour| Slot {
        from: hour.hour,
        length: HOUR,
        calls: hour.calls,
        failed: hour.failed,
        p10: hour.p10,
        p25: hour.p25,
        p50: hour.p50,
        p75: hour.p75,
        p90: hour.p90,
    };
    hours[first..].iter().map(slot).collect()
}

/// How long calls took, the shortest first.
pub(super) fn sorted(calls: &[Sample]) -> Vec<Duration> {
    let mut took: Vec<Duration> = calls.iter().map(|call| call.took).collect();
    took.sort_unstable();
    took
}

/// The nearest rank among those that are sorted; zero if there is none.
pub(super) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// How many of them failed.
pub(super) fn failed(calls: &[Sample]) -> u64 {
    calls.iter().filter(|call| matches!(call.end, CallEnd::Failed(_))).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use overtime_protocol::CallFailure;

    fn call(started_ms: u64, took_ms: u64, end: CallEnd) -> Sample {
        Sample { started: UnixMillis(started_ms), took: Duration::from_millis(took_ms), end }
    }

    #[test]
    fn parts_are_round_and_none_is_there_without_calls() {
        let failed = CallEnd::Failed(CallFailure::Connect);
        let mut calls: Vec<Sample> =
            (1..=100).map(|number| call(600_000, number, CallEnd::Answered)).collect();
        calls.push(call(600_500, 1_000, failed));
        calls.push(call(600_000 + 3_000_000, 7, CallEnd::Answered));
        let slots = of_calls(&calls);
        let told: Vec<_> =
            slots.iter().map(|slot| (slot.from.0, slot.calls, slot.failed)).collect();
        assert_eq!(told, [(600_000, 101, 1), (3_600_000, 1, 0)]);
        let first = &slots[0];
        let boxed =
            [first.p10, first.p25, first.p50, first.p75, first.p90].map(|at| at.as_millis());
        assert_eq!((first.length.as_secs(), boxed), (60, [11, 26, 51, 76, 91]));
        assert_eq!(of_calls(&[]), []);
    }

    #[test]
    fn however_long_it_was_there_are_no_more_parts_than_can_be_told_apart() {
        for days in [0, 1, 30, 400, 4_000] {
            let calls: Vec<Sample> =
                (0..=1_000).map(|step| call(step * days * 86_400, 1, CallEnd::Answered)).collect();
            let slots = of_calls(&calls).len() as u64;
            assert!(slots <= SLOTS_MAX + 1, "{days} days: {slots}");
        }
    }
}
