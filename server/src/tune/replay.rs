//! Calls of the past at a gate: the gate of a server, told of each call when it began and when it
//! ended, on a clock that jumps from one to the next. While the gate lets everything out, each call is
//! made as it was; while it sheds, a call is made if the gate wants a probe, and given up when that has
//! had its time, and otherwise held. What is held is not made later: when it would have been, and how it
//! would have gone, nobody knows.
//!
//! The upstream is alone at its gate, so no others can have the gate suspect this machine, and it has
//! as many places as it wants: that calls were made shows that there were places.

use overtime_engine::Seed;
use overtime_engine::gate::{GateNews, Gates, Rule, Rules, Sample, Start};
use overtime_protocol::{
    CallEnd, CallFailure, CallNumber, GateMode, Monotonic, Now, UnixMillis, Upstream, UpstreamId,
    UpstreamName,
};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

const ONE: UpstreamId = UpstreamId(0);
/// How a probe ends that is not over when its time is.
const GIVEN_UP: CallEnd = CallEnd::Failed(CallFailure::Timeout);
/// The gate's clock at the first call: it may look back.
const EPOCH: Duration = Duration::from_hours(1);

/// What a gate would have done.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Replayed {
    /// The times in which it would have shed.
    pub(crate) sheds: Vec<Shed>,
    /// How often, relapses left out.
    pub(crate) episodes: usize,
    /// Calls that would not have been made when they were.
    pub(crate) held: usize,
}

/// A time in which only probes would have been made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shed {
    pub(crate) from: UnixMillis,
    pub(crate) until: UnixMillis,
    /// Why.
    pub(crate) rule: Rule,
}

impl Replayed {
    /// For how long in all.
    pub(crate) fn shed_for(&self) -> Duration {
        self.sheds.iter().map(|shed| shed.until.since(shed.from)).sum()
    }
}

/// What a gate with these rules would have done with `calls`, which come in the order in which they
/// began, if those were slow that took longer than `slow`.
pub(crate) fn replay(calls: &[Sample], rules: Rules, slow: Duration) -> Replayed {
    let (Some(first), Some(last)) = (calls.first(), calls.iter().map(over).max()) else {
        return Replayed::default();
    };
    let mut stage = Stage::new(first.started, rules, slow);
    for (index, call) in calls.iter().enumerate() {
        stage.until(call.started, calls);
        stage.call(index, call);
    }
    stage.until(last, calls);
    stage.finish(last)
}

/// When a call was over.
fn over(call: &Sample) -> UnixMillis {
    call.started + call.took
}

struct Stage {
    gates: Gates,
    first: UnixMillis,
    now: Now,
    /// When calls end, and which.
    out: BinaryHeap<Reverse<(UnixMillis, usize, CallNumber)>>,
    is_open: bool,
    shed: Option<(UnixMillis, Rule)>,
    replayed: Replayed,
}

impl Stage {
    fn new(first: UnixMillis, rules: Rules, slow: Duration) -> Self {
        let name = UpstreamName::new("past").expect("it has the form of a name");
        let upstream = Upstream { name, mode: GateMode::Shed, calls_max: 0, slow };
        let gates = Gates::new(&[upstream], usize::MAX, Seed::new(1)).judging_by(rules);
        let mut stage = Self {
            gates,
            first,
            now: Now::default(),
            out: BinaryHeap::new(),
            is_open: true,
            shed: None,
            replayed: Replayed::default(),
        };
        stage.set(first);
        stage
    }

    fn set(&mut self, at: UnixMillis) {
        self.now = Now { monotonic: Monotonic::default() + EPOCH + at.since(self.first), unix: at };
    }

    /// Lets happen what happens up to a point, that included.
    fn until(&mut self, at: UnixMillis, calls: &[Sample]) {
        while let Some(next) = self.next_event().filter(|&next| next <= at) {
            self.set(next.max(self.now.unix));
            while let Some(&Reverse((over, index, call))) = self.out.peek()
                && over <= self.now.unix
            {
                self.out.pop();
                let is_given_up = over < self::over(&calls[index]);
                let end = if is_given_up { GIVEN_UP } else { calls[index].end };
                self.gates.end(ONE, call, end, self.now);
            }
            self.judge();
        }
        self.set(at);
    }

    fn next_event(&self) -> Option<UnixMillis> {
        let ended = self.out.peek().map(|Reverse((at, ..))| *at);
        // What is due within a millisecond is due at its end.
        let due = self.gates.next_deadline().map(|at| {
            let ahead = at.since(self.now.monotonic).as_nanos().div_ceil(1_000_000);
            self.now.unix + Duration::from_millis(ahead as u64)
        });
        [ended, due].into_iter().flatten().min()
    }

    fn call(&mut self, index: usize, call: &Sample) {
        if self.is_open || self.gates.may_start(ONE, Start::First, self.now.monotonic) {
            let given_up = self.gates.call_limit(ONE).map(|limit| call.started + limit);
            let over = given_up.map_or(over(call), |given_up| given_up.min(over(call)));
            let number = self.gates.start(ONE, Start::First, self.now.monotonic);
            self.out.push(Reverse((over, index, number)));
        } else {
            self.replayed.held += 1;
        }
    }

    fn judge(&mut self) {
        let mut news = Vec::new();
        self.gates.judge(self.now, &mut news);
        news.into_iter().for_each(|news| self.hear(news));
    }

    fn hear(&mut self, news: GateNews) {
        match news {
            GateNews::Shed { at, rule, .. } => {
                self.replayed.episodes += 1;
                (self.shed, self.is_open) = (Some((at, rule)), false);
            }
            GateNews::Relapsed { at, rule, .. } => self.shed = Some((at, rule)),
            GateNews::Ramping { at, .. } => self.end_shed(at),
            GateNews::Opened { .. } => self.is_open = true,
            GateNews::Probing { .. }
            | GateNews::WouldShed { .. }
            | GateNews::WouldOpen { .. }
            | GateNews::Suspected { .. }
            | GateNews::Unsuspected { .. } => {}
        }
    }

    fn end_shed(&mut self, until: UnixMillis) {
        let shed = self.shed.take().map(|(from, rule)| Shed { from, until, rule });
        self.replayed.sheds.extend(shed);
    }

    fn finish(mut self, last: UnixMillis) -> Replayed {
        self.end_shed(last);
        self.replayed
    }
}

#[cfg(test)]
mod tests;
