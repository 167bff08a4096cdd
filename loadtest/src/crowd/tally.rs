//! What has become of calls, in slices of a tenth of a second: whoever judges a run looks at any
//! part of it. Each latency is kept as it was, so that a quantile of any part is exact.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// How long a slice is.
pub const SLICE: Duration = Duration::from_millis(100);

/// All slices from the start of a run.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    slices: Vec<Slice>,
    nothing: Slice,
}

/// What was counted in a slice, or in several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// Operations that were called for the first time.
    pub first: u64,
    /// Calls for an operation, the first ones and all others.
    pub offered: u64,
    /// Questions after the fate of an operation.
    pub polls: u64,
    /// Operations whose result has come.
    pub done: u64,
    /// Operations whose caller was told that it did not succeed.
    pub desisted: u64,
    /// Calls whose client lost its patience.
    pub gave_up: u64,
    /// Calls whose connection broke.
    pub broken: u64,
    /// Answers other than 200, 202, 429 and 503, by status.
    pub others: BTreeMap<u16, u64>,
    /// How long the answers 200 to calls took, in microseconds.
    pub admitted: Vec<u32>,
    /// The same of answers 202.
    pub accepted: Vec<u32>,
    /// The same of answers 429 and 503.
    pub refused: Vec<u32>,
    /// The same of answers to polls.
    pub polled: Vec<u32>,
}

impl Tally {
    /// The slice of what happened `at` after the start.
    pub fn slice(&mut self, at: Duration) -> &mut Slice {
        let number = number(at);
        if self.slices.len() <= number {
            self.slices.resize(number + 1, Slice::default());
        }
        &mut self.slices[number]
    }

    /// From the start to the end of the last slice.
    pub fn length(&self) -> Duration {
        SLICE * u32::try_from(self.slices.len()).unwrap_or(u32::MAX)
    }

    /// All that happened in that span of time, to a tenth of a second.
    pub fn within(&self, span: Range<Duration>) -> Slice {
        let mut sum = Slice::default();
        for slice in number(span.start)..number(span.end) {
            sum.add(self.at(slice));
        }
        sum
    }

    /// Each slice with its end.
    pub fn slices(&self) -> impl Iterator<Item = (Duration, &Slice)> {
        (1..).map(|number| SLICE * number).zip(&self.slices)
    }

    /// Second by second from `from` on: whole ones before `until`.
    pub fn seconds(&self, from: Duration, until: Duration) -> impl Iterator<Item = Slice> {
        let whole = until.saturating_sub(from).as_secs();
        (0..whole).map(move |second| {
            let begins = from + Duration::from_secs(second);
            self.within(begins..begins + Duration::from_secs(1))
        })
    }

    /// When the first window of `width` begins from which on all that begin before `until` are as
    /// they should be; `None` if the last is not.
    pub fn settled(
        &self,
        span: Range<Duration>,
        width: Duration,
        is_right: impl Fn(&Slice) -> bool,
    ) -> Option<Duration> {
        let window = |number: usize| {
            let begins = SLICE * u32::try_from(number).unwrap_or(u32::MAX);
            self.within(begins..begins + width)
        };
        let numbers = number(span.start)..number(span.end);
        let wrong = numbers.clone().rev().find(|number| !is_right(&window(*number)));
        let settled = wrong.map_or(numbers.start, |wrong| wrong + 1);
        (settled < numbers.end).then(|| SLICE * u32::try_from(settled).unwrap_or(u32::MAX))
    }

    fn at(&self, slice: usize) -> &Slice {
        self.slices.get(slice).unwrap_or(&self.nothing)
    }
}

fn number(at: Duration) -> usize {
    (at.as_nanos() / SLICE.as_nanos()) as usize
}

impl Slice {
    fn add(&mut self, other: &Self) {
        self.first += other.first;
        self.offered += other.offered;
        self.polls += other.polls;
        self.done += other.done;
        self.desisted += other.desisted;
        self.gave_up += other.gave_up;
        self.broken += other.broken;
        for (status, count) in &other.others {
            *self.others.entry(*status).or_default() += count;
        }
        self.admitted.extend_from_slice(&other.admitted);
        self.accepted.extend_from_slice(&other.accepted);
        self.refused.extend_from_slice(&other.refused);
        self.polled.extend_from_slice(&other.polled);
    }

    /// Counts an answer to a call for an operation.
    pub fn answered(&mut self, status: u16, latency: Duration) {
        let micros = micros(latency);
        match status {
            200 => self.admitted.push(micros),
            202 => self.accepted.push(micros),
            429 | 503 => self.refused.push(micros),
            other => *self.others.entry(other).or_default() += 1,
        }
    }

    /// Counts an answer to a poll.
    pub fn polled(&mut self, latency: Duration) {
        self.polled.push(micros(latency));
    }
}

fn micros(latency: Duration) -> u32 {
    u32::try_from(latency.as_micros()).unwrap_or(u32::MAX)
}

/// The latency in milliseconds that a share of `quantile` did not exceed; 0 of nothing.
pub fn quantile_ms(micros: &[u32], quantile: f64) -> f64 {
    let mut sorted = micros.to_vec();
    let rank = (sorted.len() as f64 * quantile).ceil() as usize;
    if sorted.is_empty() {
        return 0.0;
    }
    let (_, found, _) = sorted.select_nth_unstable(rank.max(1) - 1);
    f64::from(*found) / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_span_has_what_happened_in_it() {
        let mut tally = Tally::default();
        for (at, status) in [(0, 200), (99, 202), (100, 503), (1_099, 429), (1_100, 200)] {
            tally.slice(ms(at)).answered(status, ms(at));
        }
        let middle = tally.within(ms(100)..ms(1_100));
        assert_eq!((middle.refused.len(), middle.admitted.len()), (2, 0));
        assert_eq!(tally.within(ms(0)..ms(9_000)).admitted, [0, 1_100_000]);
        assert_eq!(tally.seconds(ms(100), ms(2_999)).count(), 2);
    }

    #[test]
    fn quantiles_are_exact() {
        let micros: Vec<u32> = (1..=1_000).rev().map(|ms| ms * 1_000).collect();
        assert_eq!(quantile_ms(&micros, 0.99), 990.0);
        assert_eq!((quantile_ms(&micros, 0.0), quantile_ms(&micros, 1.0)), (1.0, 1_000.0));
        assert_eq!(quantile_ms(&[], 0.99), 0.0);
    }

    #[test]
    fn it_has_settled_when_nothing_is_wrong_any_more() {
        let mut tally = Tally::default();
        tally.slice(ms(700)).broken = 1;
        let is_right = |slice: &Slice| slice.broken == 0;
        let settled = |span| tally.settled(span, ms(300), is_right);
        assert_eq!(settled(ms(0)..ms(2_000)), Some(ms(800)));
        assert_eq!(settled(ms(1_000)..ms(2_000)), Some(ms(1_000)));
        assert_eq!(settled(ms(0)..ms(700)), None);
    }
}
