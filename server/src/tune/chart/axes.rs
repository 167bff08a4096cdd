//! The axes of a picture: time from left to right in even steps, spans from below in powers of ten.
//! Places are shares from 0 to 1.

use super::super::report::seconds;
use overtime_protocol::UnixMillis;
use std::time::Duration;

/// So many ticks have room for their names.
const TICKS_MAX: u64 = 9;
/// From one tick to the next, in seconds.
const STEPS: [u64; 17] = [
    1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
    1_209_600, 2_419_200,
];
const DAY: u64 = 86_400;
/// Nothing shorter is told from nothing.
const SHORTEST: f64 = 0.001;

/// From a moment to another.
#[derive(Debug)]
pub(super) struct Times {
    from: UnixMillis,
    until: UnixMillis,
}

impl Times {
    pub(super) fn new(from: UnixMillis, until: UnixMillis) -> Self {
        Self { from, until }
    }

    pub(super) fn place(&self, at: UnixMillis) -> f64 {
        let whole = self.until.since(self.from).as_secs_f64().max(SHORTEST);
        at.since(self.from).as_secs_f64() / whole
    }

    /// Round moments, and what they are called.
    pub(super) fn ticks(&self) -> Vec<(UnixMillis, String)> {
        let span_s = self.until.since(self.from).as_secs();
        let step = STEPS.into_iter().find(|step| span_s / step < TICKS_MAX);
        let step = step.unwrap_or_else(|| (span_s / TICKS_MAX).next_multiple_of(DAY));
        let first = self.from.0.div_ceil(1_000).next_multiple_of(step);
        let ticks = (first..=self.until.0 / 1_000).step_by(usize::try_from(step).unwrap_or(1));
        ticks.map(|second| (UnixMillis(second * 1_000), name(second, step))).collect()
    }
}

/// The part of a moment that tells it from its neighbours.
fn name(second: u64, step: u64) -> String {
    let text = UnixMillis(second * 1_000).to_string();
    let part = match step {
        step if step >= DAY || second.is_multiple_of(DAY) => 5..10,
        step if step < 60 => 11..19,
        _ => 11..16,
    };
    text.get(part).unwrap_or_default().to_owned()
}

/// From a power of ten, or the half or fifth of one, to another.
#[derive(Debug)]
pub(super) struct Decades {
    low: f64,
    high: f64,
}

impl Decades {
    pub(super) fn around(low: Duration, high: Duration) -> Self {
        let low = low.as_secs_f64().max(SHORTEST);
        let decade = 10_f64.powf(low.log10().floor());
        let round = [5.0, 2.0, 1.0].map(|times| times * decade);
        let low = round.into_iter().find(|round| *round <= low).unwrap_or(decade);
        Self { low, high: high.as_secs_f64().max(low * 2.0) * 1.2 }
    }

    pub(super) fn place(&self, span: Duration) -> f64 {
        (span.as_secs_f64().max(self.low) / self.low).ln() / (self.high / self.low).ln()
    }

    /// Round spans, and what they are called.
    pub(super) fn ticks(&self) -> Vec<(Duration, String)> {
        let first = self.low.log10().floor() as i32;
        let last = self.high.log10().ceil() as i32;
        let times: &[f64] = if last - first > 3 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let all = (first..=last)
            .flat_map(|power| times.iter().map(move |times| times * 10_f64.powi(power)));
        let seen = all.filter(|span| (self.low * 0.999..=self.high).contains(span));
        seen.map(Duration::from_secs_f64).map(|span| (span, seconds(span))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(from: &str, until: &str) -> Vec<String> {
        let times = Times::new(from.parse().unwrap(), until.parse().unwrap());
        times.ticks().into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn ticks_are_round_and_few_however_long_it_was() {
        let hour = times("2026-11-21T08:07:00Z", "2026-11-21T09:07:00Z");
        assert_eq!(hour, ["08:15", "08:30", "08:45", "09:00"]);
        let night = times("2026-11-20T20:00:00Z", "2026-11-21T06:00:00Z");
        assert_eq!(night, ["21:00", "11-21", "03:00", "06:00"]);
        let moment = times("2026-11-21T08:07:00.500Z", "2026-11-21T08:07:04Z");
        assert_eq!(moment, ["08:07:01", "08:07:02", "08:07:03", "08:07:04"]);
        assert!(times("1970-01-01T00:00:00Z", "2026-11-21T09:07:00Z").len() <= 10);
    }

    #[test]
    fn spans_have_their_places_on_a_scale_of_powers_of_ten() {
        let ms = Duration::from_millis;
        let decades = Decades::around(ms(60), ms(20_000));
        let names: Vec<String> = decades.ticks().into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["0.1 s", "1 s", "10 s"]);
        let place = |span| decades.place(span);
        assert!(
            (place(ms(1_000)) - place(ms(100)) - place(ms(10_000)) + place(ms(1_000))).abs() < 1e-9
        );
        assert!(place(ms(1)) == 0.0 && place(ms(20_000)) < 1.0);
    }
}
