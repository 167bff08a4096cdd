//! What a call costs its gate: `cargo bench -p overtime-engine --bench gate`. The processor time of this
//! thread is taken for all that a gate does about a call: asked, started, ended, judged. It measures,
//! and never fails because of a figure. Whoever does not say `--bench` wants to know whether it runs.

use overtime_engine::Seed;
use overtime_engine::gate::{Gates, Start};
use overtime_protocol::{
    CallEnd, CallNumber, GateMode, Now, UnixMillis, Upstream, UpstreamId, UpstreamName,
};
use rustix::time::{ClockId, clock_gettime};
use std::collections::VecDeque;
use std::time::Duration;

/// Nanoseconds that a call may cost.
const BAR: f64 = 1_000.0;
/// Calls of each upstream that are out at a time.
const OUT: usize = 10;

struct Stage {
    gates: Gates,
    upstreams: u16,
    now: Now,
    out: VecDeque<(UpstreamId, CallNumber)>,
    next: u16,
}

impl Stage {
    fn new(upstreams: u16) -> Self {
        let upstream = |number| Upstream {
            name: UpstreamName::new(&format!("up-{number}")).expect("it has the form"),
            mode: GateMode::Shed,
            calls_max: 0,
            slow: Duration::from_secs(3),
        };
        let all: Vec<_> = (0..upstreams).map(upstream).collect();
        let gates = Gates::new(&all, 200, Seed::new(1));
        let now = Now { unix: UnixMillis(1_800_000_000_000), ..Now::default() };
        Self { gates, upstreams, now, out: VecDeque::new(), next: 0 }
    }

    /// One call begins, and the oldest ends.
    fn turn(&mut self, gap: Duration) {
        self.now.monotonic = self.now.monotonic + gap;
        let id = UpstreamId(self.next);
        self.next = (self.next + 1) % self.upstreams;
        if self.gates.may_start(id, Start::First, self.now.monotonic) {
            let call = self.gates.start(id, Start::First, self.now.monotonic);
            self.out.push_back((id, call));
        }
        if self.out.len() > OUT * usize::from(self.upstreams)
            && let Some((id, call)) = self.out.pop_front()
        {
            self.gates.end(id, call, CallEnd::Answered, self.now);
        }
        if self.gates.next_deadline().is_some_and(|at| at <= self.now.monotonic) {
            self.gates.judge(self.now, &mut Vec::new());
        }
    }

    /// Nanoseconds of this thread that a call took.
    fn measure(&mut self, calls: u32, gap: Duration) -> f64 {
        let before = processor_time();
        (0..calls).for_each(|_| self.turn(gap));
        let spent = processor_time().saturating_sub(before);
        spent.as_nanos() as f64 / f64::from(calls)
    }
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("it begins at zero");
    Duration::new(seconds, u32::try_from(time.tv_nsec).expect("less than a second"))
}

fn main() {
    let is_measuring = std::env::args().any(|argument| argument == "--bench");
    let (calls, rounds) = if is_measuring { (1_000_000, 7) } else { (10_000, 1) };
    println!("nanoseconds of gate for a call, medians of {rounds} rounds of {calls} (bar {BAR}):");
    for (upstreams, per_second) in [(1, 1_000), (1, 50_000), (10, 1_000), (750, 10_000)] {
        let mut stage = Stage::new(upstreams);
        let gap = Duration::from_secs(1) / per_second;
        stage.measure(calls / 10, gap);
        let mut rounds: Vec<_> = (0..rounds).map(|_| stage.measure(calls, gap)).collect();
        rounds.sort_by(f64::total_cmp);
        let median = rounds[rounds.len() / 2];
        println!("  {upstreams:>4} upstreams, {per_second:>6} calls a second  {median:>8.0}");
    }
}
