//! Error rates: whether the attempts of a kind fail more or less often than they use to. The last
//! minute is held against the hour before by the two-proportion z-test, so that a few failures by
//! chance are not taken for a change. It knows no clock and tells nobody; a failure more or less is
//! counted elsewhere.

use overtime_protocol::{KindId, KindName, Monotonic};
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// What is counted together.
const BUCKET: Duration = Duration::from_secs(10);
/// The buckets of the last minute.
const RECENT: usize = 6;
/// The buckets of the hour before.
const BEFORE: usize = 360;
/// Fewer attempts say nothing.
const ATTEMPTS_MIN: u64 = 20;
/// So many standard errors are not chance: less than once in ten thousand comparisons.
const Z_MIN: f64 = 4.0;
/// A smaller factor is no news, however sure it is.
const FACTOR_MIN: f64 = 2.0;

/// Attempts, and those of them that failed ephemerally.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub attempts: u64,
    /// Those that failed.
    pub failures: u64,
}

impl Tally {
    /// The share of those that failed.
    pub fn rate(self) -> f64 {
        if self.attempts == 0 { 0.0 } else { self.failures as f64 / self.attempts as f64 }
    }

    fn add(&mut self, other: Self) {
        self.attempts += other.attempts;
        self.failures += other.failures;
    }

    fn remove(&mut self, other: Self) {
        self.attempts -= other.attempts;
        self.failures -= other.failures;
    }

    /// Whether the two differ by more than chance explains, and by enough to be news.
    fn differs_from(self, other: Self) -> bool {
        if self.attempts < ATTEMPTS_MIN || other.attempts < ATTEMPTS_MIN {
            return false;
        }
        let (low, high) = (self.rate().min(other.rate()), self.rate().max(other.rate()));
        z(self, other).abs() >= Z_MIN && high >= FACTOR_MIN * low
    }
}

/// How many standard errors lie between the rates.
fn z(one: Tally, other: Tally) -> f64 {
    let (n, m) = (one.attempts as f64, other.attempts as f64);
    let pooled = (one.failures + other.failures) as f64 / (n + m);
    let error = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    if error > 0.0 { (one.rate() - other.rate()) / error } else { 0.0 }
}

/// How a rate has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trend {
    /// Attempts fail more often than before.
    Rose,
    /// They fail less often than before.
    Fell,
    /// They fail about as often as before the change that was told.
    Back,
}

/// That the attempts of a kind fail more or less often than they used to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateChange {
    /// The kind.
    pub kind: KindName,
    /// How.
    pub trend: Trend,
    /// The last minute.
    pub now: Tally,
    /// The hour before the change.
    pub before: Tally,
}

impl fmt::Display for RateChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, now, before, .. } = self;
        let (share, usual) = (100.0 * now.rate(), 100.0 * before.rate());
        let how = match self.trend {
            Trend::Rose => "fail more often",
            Trend::Fell => "fail less often",
            Trend::Back => "fail about as often as before again",
        };
        write!(
            f,
            "attempts of {kind} {how}: {share:.1} % of {} in the last minute, {usual:.1} % of {} in \
             the hour before",
            now.attempts, before.attempts
        )
    }
}

/// The rates of all kinds.
#[derive(Debug)]
pub(crate) struct Rates {
    kinds: Vec<Option<Box<KindRate>>>,
}

#[derive(Debug, Default)]
struct KindRate {
    /// The bucket that is being filled, counted from the start of the clock.
    bucket: u64,
    current: Tally,
    recent: Window,
    before: Window,
    told: Option<Told>,
}

/// A change that was told.
#[derive(Clone, Copy, Debug)]
struct Told {
    rate: f64,
    before: Tally,
    /// The bucket in which that was. The minute after it is still getting there.
    bucket: u64,
}

/// Buckets, and their sum.
#[derive(Debug, Default)]
struct Window {
    buckets: VecDeque<Tally>,
    sum: Tally,
}

impl Window {
    /// Adds a bucket; returns the one that has no place any more.
    fn push(&mut self, bucket: Tally, most: usize) -> Option<Tally> {
        self.buckets.push_back(bucket);
        self.sum.add(bucket);
        if self.buckets.len() <= most {
            return None;
        }
        let oldest = self.buckets.pop_front()?;
        self.sum.remove(oldest);
        Some(oldest)
    }
}

impl Rates {
    pub(crate) fn new(kinds: usize) -> Self {
        Self { kinds: (0..kinds).map(|_| None).collect() }
    }

    /// An attempt has come back. Returns how the rate has changed, if that is news: it is looked at
    /// whenever a bucket is full.
    pub(crate) fn note(
        &mut self,
        kind: KindId,
        failures: u64,
        now: Monotonic,
    ) -> Option<(Trend, Tally, Tally)> {
        let rate = self.kinds[usize::from(kind.0)].get_or_insert_default();
        let change = rate.turn(now);
        rate.current.add(Tally { attempts: 1, failures });
        change
    }
}

impl KindRate {
    fn turn(&mut self, now: Monotonic) -> Option<(Trend, Tally, Tally)> {
        let bucket = now.since(Monotonic::default()).as_secs() / BUCKET.as_secs();
        let passed = bucket.saturating_sub(self.bucket);
        if passed == 0 {
            return None;
        }
        self.bucket = bucket;
        // Behind so long a pause nothing is left, however long it was.
        for _ in 0..passed.min((RECENT + BEFORE) as u64 + 1) {
            let full = std::mem::take(&mut self.current);
            if let Some(left) = self.recent.push(full, RECENT) {
                self.before.push(left, BEFORE);
            }
        }
        self.look()
    }

    fn look(&mut self) -> Option<(Trend, Tally, Tally)> {
        let (now, before) = (self.recent.sum, self.before.sum);
        let Some(told) = self.told else {
            if !now.differs_from(before) {
                return None;
            }
            self.told = Some(Told { rate: now.rate(), before, bucket: self.bucket });
            let trend = if now.rate() > before.rate() { Trend::Rose } else { Trend::Fell };
            return Some((trend, now, before));
        };
        if now.attempts < ATTEMPTS_MIN {
            return None;
        }
        if self.bucket < told.bucket + RECENT as u64 {
            self.told = Some(Told { rate: now.rate(), ..told });
            return None;
        }
        if !now.differs_from(told.before) {
            self.told = None;
            return Some((Trend::Back, now, told.before));
        }
        if now.rate() >= FACTOR_MIN * told.rate && now.rate() > told.before.rate() {
            self.told = Some(Told { rate: now.rate(), bucket: self.bucket, ..told });
            return Some((Trend::Rose, now, told.before));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: KindId = KindId(0);

    /// Plays minutes of one attempt a second, of which every n-th fails (none if n is 0), and says
    /// what is told, with the second at which it is.
    fn told(minutes: &[(u64, u64)]) -> Vec<(u64, Trend)> {
        let (mut rates, mut second, mut told) = (Rates::new(1), 0, Vec::new());
        for &(length, every) in minutes {
            for _ in 0..length * 60 {
                let failures = u64::from(every > 0 && second % every == 0);
                let now = Monotonic::default() + Duration::from_secs(second);
                let change = rates.note(KIND, failures, now);
                told.extend(change.map(|(trend, _, _)| (second, trend)));
                second += 1;
            }
        }
        told
    }

    #[test]
    fn what_is_as_it_was_is_no_news() {
        assert_eq!(told(&[(180, 0)]), []);
        assert_eq!(told(&[(180, 20)]), []);
        assert_eq!(told(&[(180, 1)]), []);
        assert_eq!(told(&[(60, 20), (60, 15)]), []);
    }

    #[test]
    fn a_rise_is_told_once_and_again_when_it_is_over() {
        let story = told(&[(60, 50), (10, 2), (10, 50)]);
        assert_eq!(
            story.iter().map(|(_, trend)| *trend).collect::<Vec<_>>(),
            [Trend::Rose, Trend::Back]
        );
        assert!((3_600..3_660).contains(&story[0].0), "{story:?}");
    }

    #[test]
    fn a_rise_is_told_again_when_it_has_doubled() {
        let story = told(&[(60, 0), (10, 5), (10, 1)]);
        assert_eq!(
            story.iter().map(|(_, trend)| *trend).collect::<Vec<_>>(),
            [Trend::Rose, Trend::Rose]
        );
    }

    #[test]
    fn a_fall_is_told_too() {
        let story = told(&[(60, 1), (5, 0)]);
        assert_eq!(story[0].1, Trend::Fell);
    }

    #[test]
    fn few_attempts_say_nothing_and_a_pause_is_no_change() {
        let mut rates = Rates::new(1);
        let at = |second| Monotonic::default() + Duration::from_secs(second);
        for second in 0..19 {
            assert_eq!(rates.note(KIND, 1, at(second)), None);
        }
        assert_eq!(rates.note(KIND, 0, at(100_000)), None);
        let rate = rates.kinds[0].as_ref().unwrap();
        assert_eq!((rate.recent.sum, rate.before.sum), Default::default());
    }

    #[test]
    fn it_is_said_in_a_sentence() {
        let change = RateChange {
            kind: KindName::new("call").unwrap(),
            trend: Trend::Rose,
            now: Tally { attempts: 60, failures: 30 },
            before: Tally { attempts: 3_600, failures: 36 },
        };
        let expected = "attempts of call fail more often: 50.0 % of 60 in the last minute, 1.0 % of \
                        3600 in the hour before";
        assert_eq!(change.to_string(), expected);
    }
}
