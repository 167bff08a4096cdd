//! A stage for gates: calls that end when they were told to, on a clock that jumps to wherever
//! something happens next.

use crate::gate::{GateNews, Gates, Start};
use crate::seed::Seed;
use overtime_protocol::{
    CallEnd, CallFailure, CallNumber, GateMode, Monotonic, Now, UnixMillis, Upstream, UpstreamId,
    UpstreamName,
};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

pub(super) const ONE: UpstreamId = UpstreamId(0);
pub(super) const WORKERS: usize = 200;
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const QUICK: Duration = Duration::from_millis(100);
/// When a call that gets no answer is given up.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
pub(super) const WELL: Way = Way(QUICK, CallEnd::Answered);
pub(super) const SLOW: Way = Way(Duration::from_secs(5), CallEnd::Answered);
pub(super) const HANGS: Way = Way(TIMEOUT, CallEnd::Failed(CallFailure::Timeout));
pub(super) const REFUSED: Way =
    Way(Duration::from_millis(1), CallEnd::Failed(CallFailure::Connect));
pub(super) const ERROR: Way = Way(QUICK, CallEnd::Failed(CallFailure::Status(503)));
pub(super) const BUSY: Way = Way(QUICK, CallEnd::Busy { retry_after: None });

/// How long a call takes, and how it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way(pub(super) Duration, pub(super) CallEnd);

pub(super) fn upstream(name: &str, mode: GateMode) -> Upstream {
    let name = UpstreamName::new(name).unwrap();
    Upstream { name, mode, calls_max: 0, slow: 3 * SECOND }
}

pub(super) fn upstreams(count: usize) -> Vec<Upstream> {
    (0..count).map(|number| upstream(&format!("up-{number}"), GateMode::Shed)).collect()
}

pub(super) struct Stage {
    pub(super) gates: Gates,
    pub(super) now: Now,
    /// What was told, and when.
    pub(super) news: Vec<(Monotonic, GateNews)>,
    out: BinaryHeap<Reverse<(Monotonic, u64)>>,
    calls: Vec<(UpstreamId, CallNumber, CallEnd)>,
}

impl Stage {
    pub(super) fn new(upstreams: &[Upstream], seed: u64) -> Self {
        let now = Now { monotonic: Monotonic(7_000_000_000), unix: UnixMillis(1_800_000_000_000) };
        let gates = Gates::new(upstreams, WORKERS, Seed::new(seed));
        Self { gates, now, news: Vec::new(), out: BinaryHeap::new(), calls: Vec::new() }
    }

    pub(super) fn one(mode: GateMode) -> Self {
        Self::new(&[upstream("one", mode)], 1)
    }

    pub(super) fn may_start(&self, id: UpstreamId) -> bool {
        self.gates.may_start(id, Start::First, self.now.monotonic)
    }

    /// The way of a call that starts now: a probe is given up sooner.
    pub(super) fn limited(&self, id: UpstreamId, way: Way) -> Way {
        match self.gates.call_limit(id) {
            Some(limit) if limit < way.0 => Way(limit, HANGS.1),
            _ => way,
        }
    }

    /// Starts a call, whether it may or not.
    pub(super) fn call(&mut self, id: UpstreamId, start: Start, way: Way) -> CallNumber {
        let way = self.limited(id, way);
        self.call_unlimited(id, start, way)
    }

    /// The same for one that nobody gives up.
    pub(super) fn call_unlimited(&mut self, id: UpstreamId, start: Start, way: Way) -> CallNumber {
        let call = self.gates.start(id, start, self.now.monotonic);
        self.out.push(Reverse((self.now.monotonic + way.0, self.calls.len() as u64)));
        self.calls.push((id, call, way.1));
        call
    }

    pub(super) fn first_if_allowed(&mut self, id: UpstreamId, way: Way) -> bool {
        let may = self.may_start(id);
        if may {
            self.call(id, Start::First, way);
        }
        may
    }

    /// When something happens that was decided before.
    pub(super) fn next_event(&self) -> Option<Monotonic> {
        let ends = self.out.peek().map(|Reverse((at, _))| *at);
        [ends, self.gates.next_deadline()].into_iter().flatten().min()
    }

    /// Lets happen what was decided, up to a point.
    pub(super) fn until(&mut self, at: Monotonic) {
        while let Some(next) = self.next_event().filter(|&next| next <= at) {
            self.set(next.max(self.now.monotonic));
            while let Some(Reverse((_, call))) = self.out.pop_if_due(self.now.monotonic) {
                let (id, number, end) = self.calls[call as usize];
                self.gates.end(id, number, end, self.now);
            }
            self.judge();
        }
        self.set(at);
    }

    pub(super) fn pass(&mut self, span: Duration) {
        self.until(self.now.monotonic + span);
    }

    pub(super) fn judge(&mut self) {
        let mut news = Vec::new();
        self.gates.judge(self.now, &mut news);
        assert!(self.gates.next_deadline().is_none_or(|next| next > self.now.monotonic));
        self.news.extend(news.into_iter().map(|news| (self.now.monotonic, news)));
    }

    fn set(&mut self, at: Monotonic) {
        let zero = Now { monotonic: Monotonic(0), unix: UnixMillis(1_799_999_993_000) };
        self.now = Now { monotonic: at, unix: zero.unix + at.since(zero.monotonic) };
    }

    /// Calls at a steady pace for a while, as far as they may start.
    pub(super) fn steady(&mut self, per_second: u32, span: Duration, way: impl Fn(u32) -> Way) {
        let began = self.now.monotonic;
        let calls = (span.as_secs_f64() * f64::from(per_second)) as u32;
        for call in 0..calls {
            self.until(began + SECOND * call / per_second);
            self.first_if_allowed(ONE, way(call));
        }
        self.until(began + span);
    }

    /// The names of what was told.
    pub(super) fn told(&self) -> Vec<&'static str> {
        self.news.iter().map(|(_, news)| name(news)).collect()
    }

    /// When the first of this name was told, since `from`.
    pub(super) fn when(&self, wanted: &str, from: Monotonic) -> Option<Duration> {
        let found = self.news.iter().find(|(at, news)| *at >= from && name(news) == wanted);
        found.map(|(at, _)| at.since(from))
    }
}

trait PopIfDue {
    fn pop_if_due(&mut self, now: Monotonic) -> Option<Reverse<(Monotonic, u64)>>;
}

impl PopIfDue for BinaryHeap<Reverse<(Monotonic, u64)>> {
    fn pop_if_due(&mut self, now: Monotonic) -> Option<Reverse<(Monotonic, u64)>> {
        if self.peek().is_some_and(|Reverse((at, _))| *at <= now) { self.pop() } else { None }
    }
}

pub(super) fn name(news: &GateNews) -> &'static str {
    match news {
        GateNews::Shed { .. } => "shed",
        GateNews::WouldShed { .. } => "would shed",
        GateNews::Probing { .. } => "probing",
        GateNews::Relapsed { .. } => "relapsed",
        GateNews::Ramping { .. } => "ramping",
        GateNews::Opened { .. } => "opened",
        GateNews::WouldOpen { .. } => "would open",
        GateNews::Suspected { .. } => "suspected",
        GateNews::Unsuspected { .. } => "unsuspected",
    }
}
