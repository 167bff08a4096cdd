//! Gates: when an upstream may be called. So far each bounds how many calls there are at a time.

use crate::seed::Seed;
use overtime_protocol::{CallEnd, CallNumber, GateMode, Monotonic, Now, Upstream, UpstreamId};
use std::collections::BTreeSet;

/// Whether a call belongs to a task's first attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It does.
    First,
    /// It is a retry.
    Retry,
}

/// What has happened to an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateNews {}

impl GateNews {
    /// The upstream, if it is about one.
    pub fn upstream(&self) -> Option<UpstreamId> {
        match *self {}
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        match *self {}
    }

    /// In words for a person.
    pub fn told(&self, _: &[Upstream]) -> String {
        match *self {}
    }
}

#[derive(Debug, Default)]
struct Gate {
    calls_max: usize,
    is_held: bool,
    next: u64,
    calls: BTreeSet<CallNumber>,
}

/// The gates of all upstreams.
#[derive(Debug)]
pub struct Gates(Vec<Gate>);

impl Gates {
    /// Gates of these upstreams.
    pub fn new(upstreams: &[Upstream], workers: usize, _: Seed) -> Self {
        let gate = |upstream: &Upstream| Gate {
            calls_max: match (upstream.mode, upstream.calls_max) {
                (GateMode::Off, _) => usize::MAX,
                (_, 0) => (workers / 4).max(1),
                (_, most) => most,
            },
            ..Gate::default()
        };
        Self(upstreams.iter().map(gate).collect())
    }

    fn at(&mut self, id: UpstreamId) -> &mut Gate {
        &mut self.0[usize::from(id.0)]
    }

    /// Whether its tasks are held.
    pub fn is_shed(&self, id: UpstreamId) -> bool {
        self.0[usize::from(id.0)].is_held
    }

    /// Whether a call may begin.
    pub fn may_start(&self, id: UpstreamId, _: Start, _: Monotonic) -> bool {
        let gate = &self.0[usize::from(id.0)];
        !gate.is_held && gate.calls.len() < gate.calls_max
    }

    /// When time alone lets one begin.
    pub fn next_opening(&self, _: UpstreamId, _: Monotonic) -> Option<Monotonic> {
        None
    }

    /// A call begins.
    pub fn start(&mut self, id: UpstreamId, _: Start, _: Now) -> CallNumber {
        let gate = self.at(id);
        gate.next += 1;
        let call = CallNumber(gate.next);
        gate.calls.insert(call);
        call
    }

    /// A call has ended.
    pub fn end(&mut self, id: UpstreamId, call: CallNumber, _: CallEnd, _: Now) {
        self.at(id).calls.remove(&call);
    }

    /// How many calls there are now.
    pub fn calls(&self, id: UpstreamId) -> usize {
        self.0[usize::from(id.0)].calls.len()
    }

    /// How many first attempts wait.
    pub fn set_waiting(&mut self, _: UpstreamId, _: usize) {}

    /// Holds an upstream.
    pub fn hold(&mut self, id: UpstreamId, _: Now) {
        self.at(id).is_held = true;
    }

    /// Releases it.
    pub fn release(&mut self, id: UpstreamId, _: Now) {
        self.at(id).is_held = false;
    }

    /// Does what is due.
    pub fn judge(&mut self, _: Now, _: &mut Vec<GateNews>) {}

    /// When something is due.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        None
    }
}
