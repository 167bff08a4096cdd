//! What a turn costs. Time is measured on the thread's own CPU clock: a turn over budget names
//! the phase that took longest; one that merely took long on the wall clock was preempted and is
//! counted apart. To read that clock is a system call, which took 3.5 % of a core that served
//! 20,000 small calls a second: a turn that is short on the wall clock is taken to have computed all the while,
//! and what all have taken is read once in a while.

use overtime_protocol::Monotonic;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// The upper bounds of the histogram's buckets, in microseconds; one more bucket takes the rest.
pub const TURN_BUCKETS: [u64; 12] =
    [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000];

/// A turn shorter than this on the wall clock is counted as it is.
const SHORT: Duration = Duration::from_micros(200);

/// Once short turns have taken so long together, the CPU clock is read again.
const UNREAD_MAX: Duration = Duration::from_millis(1);

/// The phases of a turn, as causes of a long one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Reading and framing.
    Read,
    /// Taking messages from other threads.
    Mail,
    /// Doing what came due.
    Tick,
    /// Deciding what starts.
    Start,
    /// Applying effects: handing out, appending, encoding answers.
    Apply,
    /// Writing answers.
    Flush,
    /// Writing events to those who follow tasks.
    Events,
    /// Letting connections in and out.
    Door,
}

impl Cause {
    /// Every cause, in the order of the phases.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Mail,
        Self::Tick,
        Self::Start,
        Self::Apply,
        Self::Flush,
        Self::Events,
        Self::Door,
    ];

    /// The name as a label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Mail => "mail",
            Self::Tick => "tick",
            Self::Start => "start",
            Self::Apply => "apply",
            Self::Flush => "flush",
            Self::Events => "events",
            Self::Door => "door",
        }
    }
}

/// What all turns so far have cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct TurnStats {
    /// Turns.
    pub turns: u64,
    /// CPU nanoseconds in all, the polls included, up to a moment ago.
    pub cpu_ns: u64,
    /// Turns by CPU time: see [`TURN_BUCKETS`].
    pub buckets: [u64; TURN_BUCKETS.len() + 1],
    /// Turns over budget, by cause.
    pub over_budget: [u64; Cause::ALL.len()],
    /// Turns that were within budget on the CPU clock and over it on the wall clock.
    pub preempted: u64,
    /// The longest turn, in CPU nanoseconds.
    pub longest_ns: u64,
}

/// Measures turns.
#[derive(Debug)]
pub(crate) struct TurnMeter {
    budget: Duration,
    /// The CPU clock when it was last read.
    cpu_before: Duration,
    /// How long the turns since then have taken on the wall clock.
    unread: Duration,
    /// When the poll had returned, and when each phase was over.
    marks: [Monotonic; Cause::ALL.len() + 1],
    pub(crate) stats: TurnStats,
}

impl TurnMeter {
    pub(crate) fn new(budget: Duration) -> Self {
        let marks = [Monotonic(0); Cause::ALL.len() + 1];
        let (cpu_before, unread) = (thread_cpu(), Duration::ZERO);
        Self { budget, cpu_before, unread, marks, stats: TurnStats::default() }
    }

    /// The poll has returned.
    pub(crate) fn begin(&mut self, at: Monotonic) {
        self.marks = [at; Cause::ALL.len() + 1];
    }

    /// A phase is over. One that is not told of took nothing.
    pub(crate) fn mark(&mut self, phase: Cause, at: Monotonic) {
        self.marks[phase as usize + 1..].fill(at);
    }

    /// When the last turn was over.
    pub(crate) fn ended(&self) -> Monotonic {
        self.marks[Cause::ALL.len()]
    }

    fn span(&self) -> Duration {
        self.ended().since(self.marks[0])
    }

    /// The turn is over; what it took of the processor.
    pub(crate) fn end(&mut self) -> Duration {
        self.end_with(thread_cpu)
    }

    fn end_with(&mut self, cpu: impl FnOnce() -> Duration) -> Duration {
        let span = self.span();
        let unread = self.unread + span;
        if span < SHORT.min(self.budget) && unread < UNREAD_MAX {
            self.unread = unread;
            self.count(span);
            return span;
        }
        let cpu = cpu();
        let since = cpu.saturating_sub(self.cpu_before);
        self.cpu_before = cpu;
        self.stats.cpu_ns += u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        // What the others since then have not taken. The polls are in it, which the turn was not.
        let spent = since.saturating_sub(self.unread).min(span);
        self.unread = Duration::ZERO;
        self.count(spent);
        spent
    }

    fn count(&mut self, spent: Duration) {
        let over = spent > self.budget;
        let is_long = self.span() > self.budget;
        let longest_phase = if over { self.longest_phase() } else { 0 };
        let stats = &mut self.stats;
        let spent_ns = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        stats.turns += 1;
        stats.longest_ns = stats.longest_ns.max(spent_ns);
        let bucket = TURN_BUCKETS.iter().position(|&bound| spent_ns <= bound * 1_000);
        stats.buckets[bucket.unwrap_or(TURN_BUCKETS.len())] += 1;
        if over {
            stats.over_budget[longest_phase] += 1;
        } else if is_long {
            stats.preempted += 1;
        }
    }

    fn longest_phase(&self) -> usize {
        let spans = self.marks.windows(2).map(|pair| pair[1] - pair[0]);
        spans.enumerate().max_by_key(|&(_, span)| span).map_or(0, |(phase, _)| phase)
    }
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_over_budget_names_its_longest_phase() {
        let mut meter = TurnMeter::new(Duration::from_millis(1));
        meter.begin(Monotonic(7));
        meter.mark(Cause::Read, Monotonic(7_000));
        meter.mark(Cause::Apply, Monotonic(5_000_007));
        meter.mark(Cause::Door, Monotonic(5_000_010));
        meter.count(Duration::from_millis(5));
        assert_eq!(meter.stats.over_budget[Cause::Apply as usize], 1);
        assert_eq!((meter.stats.preempted, meter.stats.buckets[8]), (0, 1));
    }

    /// A meter whose clock stood at `cpu` when it was last read, behind a turn of that many
    /// microseconds.
    fn behind_a_turn(span: u64, cpu: Duration) -> TurnMeter {
        let mut meter = TurnMeter::new(Duration::from_millis(1));
        meter.cpu_before = cpu;
        meter.begin(Monotonic(7));
        meter.mark(Cause::Door, Monotonic(7 + span * 1_000));
        meter
    }

    #[test]
    fn the_clock_is_read_behind_a_long_turn_and_behind_many_short_ones() {
        let unread = || panic!("a short turn needs no clock");
        let micros = Duration::from_micros;
        let mut meter = behind_a_turn(150, Duration::ZERO);
        for _ in 0..6 {
            assert_eq!(meter.end_with(unread), micros(150));
        }
        assert_eq!(meter.stats.cpu_ns, 0);
        // With the seventh it is 1,050 us. The polls took 400 us beside, which are no turn's.
        assert_eq!(meter.end_with(|| micros(1_450)), micros(150));
        assert_eq!((meter.stats.cpu_ns, meter.stats.turns), (1_450_000, 7));
        assert_eq!(meter.end_with(unread), micros(150), "it begins anew");
        // Short ones that were preempted leave nothing for the one that is behind them.
        let mut meter = behind_a_turn(150, Duration::ZERO);
        let _: Vec<_> = (0..6).map(|_| meter.end_with(unread)).collect();
        assert_eq!(meter.end_with(|| micros(300)), Duration::ZERO);
    }

    #[test]
    fn a_turn_that_was_long_on_the_wall_clock_is_told_by_the_other() {
        let micros = Duration::from_micros;
        let mut meter = behind_a_turn(5_000, micros(70));
        assert_eq!(meter.end_with(|| micros(90)), micros(20));
        assert_eq!((meter.stats.preempted, meter.stats.over_budget), (1, [0; Cause::ALL.len()]));
        assert_eq!(meter.end_with(|| micros(4_090)), micros(4_000));
        assert_eq!((meter.stats.preempted, meter.stats.over_budget.iter().sum::<u64>()), (1, 1));
    }

    #[test]
    fn a_preempted_turn_is_counted_apart() {
        let mut meter = TurnMeter::new(Duration::from_millis(1));
        meter.begin(Monotonic(7));
        meter.mark(Cause::Door, Monotonic(5_000_007));
        meter.count(Duration::from_micros(10));
        assert_eq!(meter.stats.over_budget, [0; Cause::ALL.len()]);
        assert_eq!((meter.stats.preempted, meter.stats.buckets[0]), (1, 1));
    }
}
