//! Calls that a bulk body makes while it runs, one for each item: its worker asks for them, and the
//! gate of the upstream says how many may begin. What a run has not told when it ends tells nothing.

use super::Engine;
use crate::event::Effect;
use crate::gate::Start;
use overtime_protocol::{
    CallEnd, CallGrant, CallNumber, CallReport, ChainNumber, Now, TaskId, UpstreamId,
};
use std::collections::HashMap;

/// The calls that bulk bodies make now, by the chain that has them.
#[derive(Debug, Default)]
pub(crate) struct BulkCalls {
    of: HashMap<ChainNumber, (UpstreamId, Vec<CallNumber>)>,
}

impl BulkCalls {
    /// Those of `ended` that the chain has made, which it has no more. The end of a call may be told
    /// when its chain has ended long ago.
    fn end(
        &mut self,
        chain: ChainNumber,
        upstream: UpstreamId,
        mut ended: Vec<(CallNumber, CallEnd)>,
    ) -> Vec<(CallNumber, CallEnd)> {
        let its = self.of.get_mut(&chain).filter(|(other, _)| *other == upstream);
        let Some((_, calls)) = its else { return Vec::new() };
        ended.retain(|(call, _)| {
            let place = calls.iter().position(|other| other == call);
            place.map(|place| calls.swap_remove(place)).is_some()
        });
        ended
    }

    /// How many calls there are to an upstream.
    #[cfg(any(test, feature = "audit"))]
    pub(crate) fn of(&self, upstream: UpstreamId) -> usize {
        let its = self.of.values().filter(|(other, _)| *other == upstream);
        its.map(|(_, calls)| calls.len()).sum()
    }
}

impl Engine {
    /// The worker of a bulk body tells which calls have ended, or how many more it wants.
    pub(super) fn report_calls(
        &mut self,
        (task, run): (TaskId, u32),
        chain: ChainNumber,
        report: CallReport,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let CallReport { upstream, ended, wanted } = report;
        for (call, end) in self.bulk_calls.end(chain, upstream, ended) {
            self.gates.end(upstream, call, end, now);
            self.note_called(upstream, now);
        }
        self.lines.list(upstream);
        if wanted == 0 {
            return;
        }
        let is_running = self.table.find(task).is_some_and(|slot| self.runs_as(slot, run));
        if !is_running {
            out.push(Effect::Grant { chain, grant: CallGrant::Shed });
            return;
        }
        self.bulk_calls.of.entry(chain).or_insert((upstream, Vec::new()));
        self.lines.get_mut(upstream).want(chain, wanted);
        let may_call = self.gates.may_start(upstream, Start::First, now.monotonic);
        if may_call || self.gates.is_shed(upstream) {
            self.grant_next(upstream, now, out);
        }
        self.lines.list(upstream);
    }

    /// Lets the bulk body whose turn it is call, as often as may be. While the upstream is shed it makes
    /// no more calls than probes, and is held as soon as there is none to be made.
    pub(super) fn grant_next(&mut self, upstream: UpstreamId, now: Now, out: &mut Vec<Effect>) {
        let Some((chain, wanted)) = self.lines.get_mut(upstream).pop_wanting() else { return };
        let mut granted = Vec::new();
        let limit = self.gates.call_limit(upstream);
        while granted.len() < usize::from(wanted)
            && self.gates.may_start(upstream, Start::First, now.monotonic)
        {
            granted.push(self.gates.start(upstream, Start::First, now.monotonic));
        }
        if let Some((_, calls)) = self.bulk_calls.of.get_mut(&chain) {
            calls.extend(&granted);
        }
        let grant = match granted.is_empty() {
            true if !self.gates.is_shed(upstream) => {
                self.lines.get_mut(upstream).want(chain, wanted);
                return;
            }
            true => CallGrant::Shed,
            false => CallGrant::Granted { calls: granted, limit },
        };
        out.push(Effect::Grant { chain, grant });
        self.bulk_has_its_turn(upstream, now);
    }

    /// While an upstream is shed nobody waits for calls to it.
    pub(super) fn answer_wanting(&mut self, upstream: UpstreamId, out: &mut Vec<Effect>) {
        if !self.gates.is_shed(upstream) {
            return;
        }
        while let Some((chain, _)) = self.lines.get_mut(upstream).pop_wanting() {
            out.push(Effect::Grant { chain, grant: CallGrant::Shed });
        }
    }

    /// A chain has ended: what it has not told of its calls is not known.
    pub(super) fn end_bulk_calls(&mut self, chain: ChainNumber, now: Now) {
        let Some((upstream, calls)) = self.bulk_calls.of.remove(&chain) else { return };
        for call in calls {
            self.gates.end(upstream, call, CallEnd::Untold, now);
        }
        self.lines.get_mut(upstream).want_no_more(chain);
        self.lines.list(upstream);
    }
}
