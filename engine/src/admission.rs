//! Admission: whether those who wait for single calls are served in time, how many of them may stand
//! in their lane if not, and how long that takes. It keeps numbers; what becomes of a task is
//! decided elsewhere.
//!
//! The lane is overloaded if time in it passes [`AdmissionRules::delay`] on average, or
//! [`AdmissionRules::standing`] at the least over an interval, which is CoDel's sign of a queue that
//! stands (Nichols and Jacobson 2012); or if the core's turns take too long. A slow journal is no
//! reason: whoever is told 202 waits for it like whoever is told the result, and a stall leaves behind
//! it as many callers at once as were waiting, who are served in no time. It is a reason not to tell
//! anybody 202.

mod crowd;
mod lasting;
mod sojourn;
#[cfg(test)]
mod tests;
mod turns;

use crate::limits::{
    ADMISSION_INTERVAL, AHEAD_MAX, JOURNAL_STILL_MAX, JOURNAL_WAIT_MAX, LONG_AFTER, ROOM_GROWTH,
    ROOM_SHRINKAGE,
};
use crate::stats::AdmissionGauges;
use crowd::Crowd;
use lasting::Lasting;
use overtime_protocol::{LANES, Lane, Monotonic, PerLane};
use sojourn::{Reading, Sojourn};
use std::time::Duration;
use turns::Turns;

/// The weight of the newest measurement in an average.
const NEWEST: f64 = 0.1;
/// The same for what starts in an interval: what is done may change from one to the next.
const NEWEST_DRAIN: f64 = 0.4;

/// When the lane of single calls counts as overloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionRules {
    /// Whether anybody's wait is ever cut. Without it callers wait in the lane however many there
    /// are.
    pub enabled: bool,
    /// The most that those who wait may spend in the lane on average.
    pub delay: Duration,
    /// The most that each of them may spend there for a whole interval.
    pub standing: Duration,
    /// So many of them may stand before a single worker, and at least as many before so many.
    pub room_min: usize,
}

impl Default for AdmissionRules {
    fn default() -> Self {
        let (delay, standing) = (Duration::from_millis(20), Duration::from_millis(5));
        Self { enabled: true, delay, standing, room_min: 16 }
    }
}

/// What is known about how long things take now.
#[derive(Debug)]
pub(crate) struct Admission {
    rules: AdmissionRules,
    /// Those in the lane of single calls who are waited for.
    waited_for: Sojourn,
    /// Everybody in a lane.
    lanes: PerLane<Sojourn>,
    readings: PerLane<Reading>,
    /// Records that a caller waits for, on their way to the disk.
    journal: Sojourn,
    turns: Turns,
    pub(crate) crowd: Crowd,
    interval_start: Monotonic,
    is_overloaded: bool,
    /// Whether somebody stood in the lane all the time: only then its drain is what it can do.
    is_saturated: bool,
    /// Starts a second of those who are waited for, while the lane was never empty.
    drain: f64,
    /// Starts a second of those whose waits were cut, while the background was never without work, and
    /// how many there were in this interval.
    help: f64,
    helped: u64,
    /// Seconds that an attempt of a single call takes; `None` before the first has come back.
    exec: Option<f64>,
    /// The part of the room that the turns leave.
    left: f64,
    /// What is put off now would wait for the journal for too long.
    journal_is_slow: bool,
    /// Whether the lane is overloaded, the turns take too long, or the journal, for a while.
    long_overload: Lasting,
    long_turns: Lasting,
    slow_journal: Lasting,
}

impl Admission {
    pub(crate) fn new(rules: AdmissionRules) -> Self {
        Self {
            rules,
            waited_for: Sojourn::default(),
            lanes: PerLane::default(),
            readings: PerLane::default(),
            journal: Sojourn::default(),
            turns: Turns::default(),
            crowd: Crowd::default(),
            interval_start: Monotonic::default(),
            is_overloaded: false,
            is_saturated: false,
            drain: 0.0,
            help: 0.0,
            helped: 0,
            exec: None,
            left: 1.0,
            journal_is_slow: false,
            long_overload: Lasting::default(),
            long_turns: Lasting::default(),
            slow_journal: Lasting::default(),
        }
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.rules.enabled
    }

    pub(crate) fn is_overloaded(&self) -> bool {
        self.is_overloaded
    }

    /// Whether records take so long to reach the disk that nobody can be told 202 in time: on
    /// average, or those before this one, of which nothing has been heard for a while.
    pub(crate) fn journal_is_slow(&self, now: Monotonic) -> bool {
        self.journal_is_slow || self.journal.still(now) > JOURNAL_STILL_MAX
    }

    /// Whether of the core's turns one in a hundred has been too long for a while.
    pub(crate) fn turns_last(&self) -> bool {
        self.long_turns.lasts()
    }

    /// Whether records have taken too long to the disk for a while.
    pub(crate) fn slow_journal_lasts(&self) -> bool {
        self.slow_journal.lasts()
    }

    /// A task has come into its lane.
    pub(crate) fn enter(&mut self, lane: Lane, now: Monotonic) {
        self.lanes[lane].enter(now);
    }

    /// A task has started.
    pub(crate) fn start(&mut self, lane: Lane, waited: Duration, now: Monotonic) {
        self.lanes[lane].leave(waited, now);
    }

    /// One whose wait was cut has started, whoever took it.
    pub(crate) fn put_off_started(&mut self) {
        self.helped += 1;
    }

    /// A task has left its lane otherwise.
    pub(crate) fn leave(&mut self, lane: Lane) {
        self.lanes[lane].give_up();
    }

    /// One that is waited for has come into the lane of single calls.
    pub(crate) fn wait_began(&mut self, now: Monotonic) {
        self.waited_for.enter(now);
    }

    /// One of those has started.
    pub(crate) fn wait_ended(&mut self, waited: Duration, now: Monotonic) {
        self.waited_for.leave(waited, now);
    }

    /// One of those is waited for no more, or not there.
    pub(crate) fn wait_given_up(&mut self) {
        self.waited_for.give_up();
    }

    /// A record that a caller waits for is on its way to the disk.
    pub(crate) fn append_began(&mut self, now: Monotonic) {
        self.journal.enter(now);
    }

    /// How many of those are on their way.
    #[cfg(any(test, feature = "audit"))]
    pub(crate) fn appends(&self) -> u64 {
        self.journal.inside()
    }

    /// What became of it is known.
    pub(crate) fn append_ended(&mut self, waited: Duration, now: Monotonic) {
        self.journal.leave(waited, now);
    }

    /// An attempt of a single call has come back.
    pub(crate) fn note_exec(&mut self, exec: Duration) {
        let span = exec.as_secs_f64();
        self.exec = Some(self.exec.map_or(span, |old| old + NEWEST * (span - old)));
    }

    /// The core's loop has turned once.
    pub(crate) fn note_turn(&mut self, span: Duration) {
        self.turns.note(span);
    }

    /// Another one comes. If so much stands before it already, nothing has to be awaited to know.
    pub(crate) fn note_arrival(&mut self, until_started: Option<Duration>) {
        let is_late = until_started.is_some_and(|span| span > AHEAD_MAX);
        self.is_overloaded |= self.rules.enabled && is_late;
    }

    /// When it is to be judged again. Nothing has to be while nobody stands in the lane and it is
    /// not overloaded.
    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        let matters = self.is_overloaded || self.journal_is_slow || self.crowd.total() > 0;
        (self.rules.enabled && matters).then(|| self.interval_start + ADMISSION_INTERVAL)
    }

    /// Judges what happened in the interval, if it is over.
    pub(crate) fn judge(&mut self, now: Monotonic) {
        let span = now.since(self.interval_start);
        if span < ADMISSION_INTERVAL {
            return;
        }
        self.interval_start = now;
        for lane in LANES {
            self.readings[lane] = self.lanes[lane].close(now);
        }
        let lane = self.waited_for.close(now);
        let journal = self.journal.close(now);
        let turns_are_long = self.turns.close();
        // What happened before a rest says nothing about now.
        let is_old = span > 2 * ADMISSION_INTERVAL && !lane.is_busy;
        self.journal_is_slow = !is_old && journal.mean > JOURNAL_WAIT_MAX;
        let intervals = span.as_nanos() / ADMISSION_INTERVAL.as_nanos();
        let intervals = u32::try_from(intervals).unwrap_or(u32::MAX);
        self.long_turns.note(turns_are_long, intervals);
        self.slow_journal.note(self.journal_is_slow, intervals);
        let costs = !is_old && turns_are_long;
        let delays = lane.mean > self.rules.delay || lane.least > self.rules.standing;
        self.is_overloaded = self.rules.enabled && ((!is_old && delays) || costs);
        self.long_overload.note(self.is_overloaded, intervals);
        self.is_saturated = lane.is_busy;
        self.note_drain(lane.out as f64 / span.as_secs_f64());
        self.note_help(span);
        self.left = if costs { self.left * ROOM_SHRINKAGE } else { self.left + ROOM_GROWTH };
        self.left = self.left.clamp(1.0 / 64.0, 1.0);
    }

    fn note_help(&mut self, span: Duration) {
        let helped = std::mem::take(&mut self.helped) as f64 / span.as_secs_f64();
        if self.readings[Lane::Background].is_busy {
            self.help += NEWEST * (helped - self.help);
        }
    }

    /// What was done while there was not always something to do is the least that can be.
    fn note_drain(&mut self, rate: f64) {
        let knows_better = self.is_saturated && self.drain > 0.0 && rate < self.drain;
        self.drain = match knows_better {
            true => self.drain + NEWEST_DRAIN * (rate - self.drain),
            false => self.drain.max(rate),
        };
    }

    /// How many of those who are waited for may stand in the lane while it is overloaded: of those
    /// who stand before as many workers none waits longer than an attempt takes, and a third more are
    /// those who come together by chance below what can be done. An overload that lasts is no chance.
    /// Few workers hold callers too.
    pub(crate) fn room(&self, workers: usize) -> usize {
        let min = self.rules.room_min;
        let least = (min + 1).saturating_sub(workers).max(min.min(workers));
        let drained = (self.drain * self.rules.delay.as_secs_f64()) as usize;
        let by_chance = if self.long_overload.lasts() { 0 } else { workers / 3 };
        let room = drained.max(workers + by_chance).max(least) as f64 * self.left;
        (room as usize).max(least)
    }

    /// How many may stay of those who stood there before it was overloaded: whoever starts before the
    /// next interval is over is better served than told 202.
    pub(crate) fn room_to_stay(&self, workers: usize) -> usize {
        let soon = (self.drain * ADMISSION_INTERVAL.as_secs_f64() * self.left) as usize;
        self.room(workers).max(soon)
    }

    /// Whether one more of those who are waited for may stand in the lane.
    pub(crate) fn has_room(&self, workers: usize) -> bool {
        !self.is_overloaded || self.crowd.total() < self.room(workers)
    }

    /// What there is to be seen of it.
    pub(crate) fn gauges(&self, workers: usize) -> AdmissionGauges {
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let mut gauges = AdmissionGauges {
            is_overloaded: self.is_overloaded,
            room: self.room(workers) as u64,
            standing: self.crowd.total() as u64,
            ..AdmissionGauges::default()
        };
        for lane in LANES {
            gauges.wait_mean_ns[lane] = nanos(self.readings[lane].mean);
            gauges.wait_min_ns[lane] = nanos(self.readings[lane].least);
        }
        gauges
    }

    /// Whether attempts take so long that spare workers stand in for those who have them.
    pub(crate) fn is_long(&self) -> bool {
        self.exec.is_some_and(|exec| exec >= LONG_AFTER.as_secs_f64())
    }

    /// How long `ahead` tasks take to start with so many workers; `None` before anything is known.
    pub(crate) fn until_started(&self, ahead: u64, workers: usize) -> Option<Duration> {
        let rate = if self.is_saturated && self.drain > 0.0 {
            self.drain
        } else {
            workers as f64 / self.exec?.max(1e-9)
        };
        Duration::try_from_secs_f64(ahead as f64 / rate).ok()
    }

    /// How long as many take of those whose waits were cut: by what an attempt takes with so many
    /// workers of their own, or as fast as they have been going.
    pub(crate) fn until_through(&self, ahead: u64, workers: usize) -> Option<Duration> {
        let rate = (workers.max(1) as f64 / self.exec?.max(1e-9)).max(self.help);
        Duration::try_from_secs_f64(ahead as f64 / rate).ok()
    }
}
