//! The cohort: calls in order of start, those of them that have come of age, and how many of these
//! were bad. A call comes of age when it is as old as a slow one: from then on it is known to be fast
//! or slow, ended or not. It judges nothing.
//!
//! Ages of young calls would hide a hang, for a steady stream always brings young ones; and to take
//! calls as they end would hear of a hang only when the calls time out.

use super::usual::Usual;
use crate::bucket::Bucket;
use overtime_protocol::{CallEnd, Monotonic, Rate};
use std::collections::VecDeque;
use std::time::Duration;

/// The most that are looked back at.
pub(super) const WINDOW: usize = 120;
/// What is older says nothing about now.
const EXPIRES_AFTER: Duration = Duration::from_mins(5);
/// So many are watched while they come of age, whatever a slow call is. An upstream that is called
/// more often is judged by a sample that is spread over time: of 50,000 calls a second the last 120
/// would be those of two milliseconds.
const COMING_OF_AGE: f64 = 1_200.0;

/// An upstream is well while more than four of five of its last calls were, of five calls at least.
const WELL_PERCENT: usize = 80;
const WELL_OF: usize = 40;
const WELL_OF_MIN: usize = 5;

/// The calls of one upstream.
#[derive(Debug)]
pub(super) struct Cohort {
    slow: Duration,
    spread: Bucket,
    /// The number of the first in the row.
    first: u64,
    row: VecDeque<Watched>,
    /// So many at the front of the row have come of age.
    aged: usize,
    /// How many in the row are known to be bad.
    bad: usize,
    /// How those were that have left the row.
    usual: Usual,
}

#[derive(Clone, Copy, Debug)]
struct Watched {
    started: Monotonic,
    known: Known,
    took: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    UnderWay,
    Well,
    Slow,
    /// It failed before it was slow.
    Failed,
    /// It failed when it was slow already.
    FailedLate,
    /// It says nothing about the upstream.
    Neutral,
}

impl Known {
    fn is_bad(self) -> bool {
        matches!(self, Self::Slow | Self::Failed | Self::FailedLate)
    }
}

/// Names a call among those that are watched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(u64);

/// How many calls there were, and how they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) calls: usize,
    /// Not over, or not well, when a slow call would have been.
    pub(super) slow: usize,
    /// Failed sooner.
    pub(super) failed: usize,
    /// From the start of the first to that of the last.
    pub(super) span: Duration,
}

impl Share {
    pub(super) fn bad(self) -> usize {
        self.slow + self.failed
    }

    /// Whether at least so many of a hundred are bad.
    pub(super) fn is_bad(self, percent: usize) -> bool {
        self.calls > 0 && self.bad() * 100 >= self.calls * percent
    }
}

impl Cohort {
    pub(super) fn new(slow: Duration) -> Self {
        let per_second = COMING_OF_AGE / slow.as_secs_f64().max(0.001);
        let spread = Bucket::new(Rate { per_second, burst: WINDOW as u32 });
        let (row, usual) = (VecDeque::new(), Usual::default());
        Self { slow, spread, first: 0, row, aged: 0, bad: 0, usual }
    }

    /// A call begins. Nothing comes back if there are enough others of this moment.
    pub(super) fn begin(&mut self, now: Monotonic) -> Option<Place> {
        if !self.spread.take(now) {
            return None;
        }
        let watched = Watched { started: now, known: Known::UnderWay, took: Duration::ZERO };
        self.row.push_back(watched);
        Some(Place(self.first + self.row.len() as u64 - 1))
    }

    /// It is over. One that is so old that it has left the row changes nothing.
    pub(super) fn end(&mut self, place: Place, took: Duration, end: CallEnd) {
        let Some(index) = place.0.checked_sub(self.first) else { return };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let Some(watched) = self.row.get_mut(index) else { return };
        let is_slow = took > self.slow;
        watched.took = took;
        watched.known = match end {
            CallEnd::Answered if is_slow => Known::Slow,
            CallEnd::Answered => Known::Well,
            CallEnd::Failed(_) if is_slow => Known::FailedLate,
            CallEnd::Failed(_) => Known::Failed,
            CallEnd::Busy { .. } | CallEnd::Untold => Known::Neutral,
        };
        self.bad += usize::from(watched.known.is_bad());
    }

    /// Time has passed. What looks bad just now is not usual before it is clear whether it lasts: then
    /// it is not learned from.
    pub(super) fn age(&mut self, looks_bad: bool, now: Monotonic) {
        while self.first_young().is_some_and(|started| started + self.slow <= now) {
            self.aged += 1;
        }
        while self.aged > WINDOW || self.is_first_expired(now) {
            self.pop(looks_bad);
        }
        if self.aged == 0 {
            self.usual = Usual::default();
        }
    }

    fn is_first_expired(&self, now: Monotonic) -> bool {
        let first = self.row.front();
        self.aged > 0 && first.is_some_and(|first| first.started + EXPIRES_AFTER < now)
    }

    fn pop(&mut self, looks_bad: bool) {
        let Some(watched) = self.row.pop_front() else { return };
        self.first += 1;
        self.aged -= 1;
        self.bad -= usize::from(watched.known.is_bad());
        if !looks_bad && watched.known != Known::Neutral {
            self.usual.learn(watched.known != Known::Well, watched.started);
        }
    }

    /// Whether a good part of its calls was bad already before the last that have come of age.
    pub(super) fn ails_anyway(&self) -> bool {
        self.usual.ails()
    }

    fn first_young(&self) -> Option<Monotonic> {
        self.row.get(self.aged).map(|watched| watched.started)
    }

    /// When the next call comes of age.
    pub(super) fn next_of_age(&self) -> Option<Monotonic> {
        self.first_young().map(|started| started + self.slow)
    }

    /// Whether any that has ended was bad.
    pub(super) fn has_bad(&self) -> bool {
        self.bad > 0
    }

    /// What was before says nothing about what comes.
    pub(super) fn clear(&mut self) {
        self.first += self.row.len() as u64;
        self.row.clear();
        (self.aged, self.bad, self.usual) = (0, 0, Usual::default());
    }

    /// The last `most` of those that have come of age.
    pub(super) fn share(&self, most: usize) -> Share {
        share(self.of_age().take(most), |known| match known {
            Known::UnderWay | Known::Slow | Known::FailedLate => Bad::Slow,
            Known::Failed => Bad::Failed,
            Known::Well | Known::Neutral => Bad::No,
        })
    }

    /// Whether those that were started since, a few at least, show that all is well.
    pub(super) fn is_well_since(&self, since: Monotonic) -> bool {
        let calls = self.of_age().take_while(|watched| watched.started >= since).take(WELL_OF);
        let (mut well, mut all) = (0, 0);
        for watched in calls {
            all += 1;
            well += usize::from(watched.known == Known::Well);
        }
        all >= WELL_OF_MIN && well * 100 > all * WELL_PERCENT
    }

    /// The last `most` of all, however young; only those that failed before they were slow are bad.
    pub(super) fn errors(&self, most: usize) -> Share {
        let all = self.row.iter().rev().filter(|watched| watched.known != Known::Neutral);
        share(all.take(most), |known| match known {
            Known::Failed => Bad::Failed,
            _ => Bad::No,
        })
    }

    /// The bad ones behind the last that was well, by start.
    pub(super) fn bad_in_a_row(&self) -> Share {
        let young = self.row.range(self.aged..);
        if young.into_iter().any(|watched| watched.known == Known::Well) {
            return Share::default();
        }
        share(self.of_age().take_while(|watched| watched.known != Known::Well), |known| {
            if known == Known::Failed { Bad::Failed } else { Bad::Slow }
        })
    }

    /// How long they took, the shortest first; those under way, how long they have.
    pub(super) fn durations(&self, now: Monotonic) -> Vec<Duration> {
        let took = |watched: &Watched| match watched.known {
            Known::UnderWay => now.since(watched.started),
            _ => watched.took,
        };
        let mut durations: Vec<_> = self.of_age().map(took).collect();
        durations.sort_unstable();
        durations
    }

    /// The last first.
    fn of_age(&self) -> impl Iterator<Item = &Watched> {
        let aged = self.row.range(..self.aged).rev();
        aged.filter(|watched| watched.known != Known::Neutral)
    }
}

enum Bad {
    No,
    Slow,
    Failed,
}

/// `calls` come in the order of the last first.
fn share<'a>(calls: impl Iterator<Item = &'a Watched>, how: impl Fn(Known) -> Bad) -> Share {
    let (mut share, mut last, mut first) = (Share::default(), None, Monotonic::default());
    for watched in calls {
        share.calls += 1;
        match how(watched.known) {
            Bad::No => {}
            Bad::Slow => share.slow += 1,
            Bad::Failed => share.failed += 1,
        }
        last.get_or_insert(watched.started);
        first = watched.started;
    }
    share.span = last.map_or(Duration::ZERO, |last: Monotonic| last.since(first));
    share
}
