//! What is kept of upstreams: how each gate stands, its latest calls, and the hours that it had. The
//! next process goes on from there, and whoever looks for a pattern finds it.

use super::Engine;
use crate::gate::Saved;
use crate::limits::KEEP_CALLS_EVERY;
use crate::timers::Due;
use overtime_protocol::{CALLS_SPACE, HOUR_SPACE, KeptCall, Now, UpstreamId, hour_name, keep};

/// Where gates are kept.
pub const GATE_SPACE: &str = "gate";

impl Engine {
    /// Takes up what a former process kept of an upstream.
    pub fn restore_upstream(&mut self, upstream: UpstreamId, saved: &Saved, now: Now) {
        self.gates.restore(upstream, saved, now);
    }

    /// Takes up the latest calls that a former process kept of an upstream.
    pub fn restore_calls(&mut self, upstream: UpstreamId, calls: &[KeptCall]) {
        self.gates.restore_calls(upstream, calls);
    }

    /// Has kept how an upstream is, and its latest calls.
    pub(super) fn keep_gate(&mut self, upstream: UpstreamId, now: Now) {
        let name = self.upstreams[usize::from(upstream.0)].name.as_str();
        let put = keep(GATE_SPACE, name, &self.gates.saved(upstream, now));
        self.kept.put(format!("{GATE_SPACE}/{name}"), put);
        let calls = self.gates.kept_calls(upstream);
        if !calls.is_empty() {
            self.kept.put(format!("{CALLS_SPACE}/{name}"), keep(CALLS_SPACE, name, &calls));
        }
    }

    /// An upstream was called: what that tells is kept in a while.
    pub(super) fn note_called(&mut self, upstream: UpstreamId, now: Now) {
        if self.called.insert(upstream) && self.called.len() == 1 {
            self.timers.set(now.monotonic + KEEP_CALLS_EVERY, Due::GateNote);
        }
    }

    /// Has kept what was called lately.
    pub(super) fn keep_called(&mut self, now: Now) {
        for upstream in std::mem::take(&mut self.called) {
            self.keep_gate(upstream, now);
        }
    }

    /// Has the hours kept that are over.
    pub(super) fn keep_hours(&mut self, now: Now) {
        let mut hours = Vec::new();
        self.gates.take_hours(now.unix, &mut hours);
        for (upstream, hour) in hours {
            let name = hour_name(&self.upstreams[usize::from(upstream.0)].name, hour.hour);
            let put = keep(HOUR_SPACE, &name, &hour);
            self.kept.put(format!("{HOUR_SPACE}/{name}"), put);
        }
    }
}
