//! Pace: how slow a peer may be as a whole. It has a span to begin with, each byte that it moves
//! gives it some of that back, and never more than the span: so it may rest for as long, and over
//! any longer time it must keep to the rate. It knows no socket and no clock.

use crate::limits::Limits;
use overtime_protocol::Monotonic;
use std::time::Duration;

/// What is asked of a peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tempo {
    /// How long it may rest.
    pub(crate) rest: Duration,
    /// The bytes a second that it must keep to; with 0 every byte earns it a whole rest.
    pub(crate) rate_min: u64,
}

impl Tempo {
    /// What is asked while nobody is in haste.
    pub(crate) fn of(limits: &Limits) -> Self {
        Self { rest: limits.body_progress_timeout, rate_min: limits.rate_min }
    }
}

/// When the peer must have moved more, at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) due: Monotonic,
}

impl Pace {
    /// The pace of a peer that begins now.
    pub(crate) fn begin(tempo: Tempo, now: Monotonic) -> Self {
        Self { due: now + tempo.rest }
    }

    /// It has moved so many bytes.
    pub(crate) fn go_on(&mut self, bytes: u64, tempo: Tempo, now: Monotonic) {
        let most = now + tempo.rest;
        let earned = bytes.saturating_mul(1_000_000_000).checked_div(tempo.rate_min);
        self.due = earned.map_or(most, |earned| most.min(self.due + Duration::from_nanos(earned)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPO: Tempo = Tempo { rest: Duration::from_secs(20), rate_min: 1024 };

    fn at(seconds: u64) -> Monotonic {
        Monotonic(seconds * 1_000_000_000)
    }

    /// After how many seconds a peer is late that moves so many bytes each so many seconds.
    fn late_after(bytes: u64, each: u64, tempo: Tempo) -> Option<u64> {
        let mut pace = Pace::begin(tempo, at(0));
        for step in 1..10_000 {
            if pace.due <= at(step * each) {
                return Some(pace.due.0 / 1_000_000_000);
            }
            pace.go_on(bytes, tempo, at(step * each));
        }
        None
    }

    #[test]
    fn a_byte_now_and_then_does_not_hold_a_connection() {
        assert_eq!(late_after(1, 9, TEMPO), Some(20));
        assert_eq!(late_after(512, 1, TEMPO), Some(39));
        assert_eq!(late_after(64 * 1024, 21, TEMPO), Some(20));
    }

    #[test]
    fn whoever_keeps_to_the_rate_is_never_late_however_it_rests_between() {
        for (bytes, each) in [(1024, 1), (10 * 1024, 10), (19 * 1024, 19), (1 << 20, 19)] {
            assert_eq!(late_after(bytes, each, TEMPO), None, "{bytes} each {each} s");
        }
    }

    #[test]
    fn without_a_rate_every_byte_is_worth_a_rest() {
        let tempo = Tempo { rate_min: 0, ..TEMPO };
        assert_eq!(late_after(1, 19, tempo), None);
        assert_eq!(late_after(1, 21, tempo), Some(20));
    }
}
