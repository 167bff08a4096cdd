//! The history of an upstream, hour by hour: how many calls there were, how they ended, and how long
//! they took. Durations fall into buckets of a logarithmic scale, so an hour costs little more than
//! a kilobyte however many calls it had, and a percentile is at most a ninth too high. It keeps one
//! hour; those before are kept by whoever is given them.

use overtime_protocol::{CallEnd, Hour, UnixMillis};
use std::time::Duration;

const HOUR_MS: u64 = 3_600_000;
/// Buckets of an octave: eight parts of equal width.
const PARTS_LOG2: u32 = 3;
const PARTS: u64 = 1 << PARTS_LOG2;
/// Durations in microseconds, up to 2^40 of them: twelve days.
const BUCKETS: usize = ((40 - PARTS_LOG2 as usize) + 1) * PARTS as usize;

/// The hour that is not over.
#[derive(Debug)]
pub struct History {
    hour: u64,
    calls: u64,
    failed: u64,
    busy: u64,
    max: Duration,
    buckets: Box<[u32]>,
}

impl Default for History {
    fn default() -> Self {
        Self { hour: 0, calls: 0, failed: 0, busy: 0, max: Duration::ZERO, buckets: Box::default() }
    }
}

impl History {
    /// A call ended. If it is the first in another hour than the one before, that one comes back.
    pub fn note(&mut self, took: Duration, end: CallEnd, now: UnixMillis) -> Option<Hour> {
        if end == CallEnd::Untold {
            return None;
        }
        let passed = self.close(now);
        self.hour = number(now);
        if self.buckets.is_empty() {
            self.buckets = vec![0; BUCKETS].into();
        }
        self.calls += 1;
        self.failed += u64::from(matches!(end, CallEnd::Failed(_)));
        self.busy += u64::from(matches!(end, CallEnd::Busy { .. }));
        self.max = self.max.max(took);
        self.buckets[bucket(took)] += 1;
        passed
    }

    /// The hour that was gathered, if it had calls and is not this one.
    pub fn close(&mut self, now: UnixMillis) -> Option<Hour> {
        if self.calls == 0 || number(now) == self.hour {
            return None;
        }
        let hour = Hour {
            hour: UnixMillis(self.hour * HOUR_MS),
            calls: self.calls,
            failed: self.failed,
            busy: self.busy,
            p10: self.percentile(10),
            p25: self.percentile(25),
            p50: self.percentile(50),
            p75: self.percentile(75),
            p90: self.percentile(90),
            p99: self.percentile(99),
            max: self.max,
        };
        *self = Self::default();
        Some(hour)
    }

    fn percentile(&self, percent: u64) -> Duration {
        let rank = (self.calls * percent).div_ceil(100).max(1);
        let mut until = 0;
        let reaches = |&count: &u32| {
            until += u64::from(count);
            until >= rank
        };
        let bucket = self.buckets.iter().position(reaches);
        bucket.map_or(self.max, |bucket| upper_bound(bucket).min(self.max))
    }
}

/// Below eight microseconds each has its own; above, the three bits behind the first decide.
fn bucket(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if micros < PARTS {
        return micros as usize;
    }
    let octave = micros.ilog2() - PARTS_LOG2;
    let part = (micros >> octave) - PARTS;
    ((u64::from(octave) + 1) * PARTS + part).min(BUCKETS as u64 - 1) as usize
}

fn upper_bound(bucket: usize) -> Duration {
    let (octave, part) = (bucket as u64 / PARTS, bucket as u64 % PARTS);
    Duration::from_micros(match octave.checked_sub(1) {
        None => part,
        Some(octave) => ((PARTS + part + 1) << octave) - 1,
    })
}

/// Counts the hours.
pub(super) fn number(now: UnixMillis) -> u64 {
    now.0 / HOUR_MS
}
