//! What is kept of upstreams: how each gate stands, its latest calls, and the hours that it had. The
//! next process goes on from there, and whoever looks for a pattern finds it.

use super::Engine;
use crate::gate::Saved;
use crate::limits::{HOURS_KEPT, KEEP_CALLS_EVERY};
use crate::timers::Due;
use overtime_protocol::{Now, UpstreamId, keep};

/// Where gates are kept.
pub const GATE_SPACE: &str = "gate";
/// Where hours are kept: each takes the place of the one so many hours before.
pub const HOUR_SPACE: &str = "hour";

impl Engine {
    /// Takes up what a former process kept of an upstream.
    pub fn restore_upstream(&mut self, upstream: UpstreamId, saved: &Saved, now: Now) {
        self.gates.restore(upstream, saved, now);
    }

    /// Has kept how an upstream is.
    pub(super) fn keep_gate(&mut self, upstream: UpstreamId, now: Now) {
        let name = self.upstreams[usize::from(upstream.0)].name.as_str();
        let put = keep(GATE_SPACE, name, &self.gates.saved(upstream, now));
        self.kept.put(format!("{GATE_SPACE}/{name}"), put);
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
            let name = self.upstreams[usize::from(upstream.0)].name.as_str();
            let slot = hour.hour.0 / 3_600_000 % HOURS_KEPT;
            let name = format!("{name}/{slot}");
            let put = keep(HOUR_SPACE, &name, &hour);
            self.kept.put(format!("{HOUR_SPACE}/{name}"), put);
        }
    }
}
