//! The gates: whether a task's upstream may be called now. An upstream that turns bad is shed, which
//! means that its tasks are held and cost nothing, it is probed, and it comes back by a ramp. Gates
//! are pure: calls and [`Now`] go in, answers and [`GateNews`] come out. They make no call, hold no
//! task, and keep nothing on a disk.
//!
//! - `single` is one gate, and the turns that it takes. It has a `cohort` of calls, what was `usual`
//!   before these, the `signs` that they are bad, `places` for those that are out, `probes` while it
//!   is shed, a `ramp` back, and a budget for `retries`.
//! - `suspicion` is about all of them: that so many are bad that it must be us.
//! - `saved`, `view`, `outcomes` and `history` are for whoever keeps or shows them.
//!
//! Upstreams that are not called cost nothing: those that are stand in a list, and there is one point
//! in time for all of them at which they are looked at again.

mod cohort;
mod history;
mod news;
mod outcomes;
mod places;
mod probes;
mod ramp;
mod retries;
mod rules;
mod saved;
mod signs;
mod single;
mod suspicion;
mod told;
mod usual;
mod view;

use crate::seed::Seed;
pub use history::History;
pub use news::{Evidence, GateNews, Rule};
pub use outcomes::{Ends, Sample};
pub use overtime_protocol::Hour;
use overtime_protocol::{
    CallEnd, CallNumber, KeptCall, Monotonic, Now, UnixMillis, Upstream, UpstreamId,
};
pub use rules::Rules;
pub use saved::Saved;
use single::Gate;
use std::time::Duration;
use suspicion::{Count, Suspicion};
pub use view::{GateView, Phase};

/// So many places are none that anybody runs out of.
const UNBOUNDED: usize = usize::MAX / 2;

/// Whether a call is for a task's first attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It is.
    First,
    /// There were others before.
    Retry,
}

/// The gates of all upstreams of this server.
#[derive(Debug)]
pub struct Gates {
    gates: Vec<Gate>,
    /// Those that are called or shed, in no order.
    active: Vec<UpstreamId>,
    is_listed: Vec<bool>,
    /// When something is to be judged.
    due: Option<Monotonic>,
    suspicion: Suspicion,
    seed: Seed,
    /// What has to be told at the next opportunity.
    told: Vec<GateNews>,
    hours: Vec<(UpstreamId, Hour)>,
    hours_closed: u64,
}

impl Gates {
    /// The gates of these upstreams, all open.
    pub fn new(upstreams: &[Upstream], workers: usize, seed: Seed) -> Self {
        let ids = (0..=u16::MAX).map(UpstreamId);
        let gates = ids.zip(upstreams).map(|(id, upstream)| Gate::new(id, upstream, workers));
        Self {
            gates: gates.collect(),
            active: Vec::new(),
            is_listed: vec![false; upstreams.len()],
            due: None,
            suspicion: Suspicion::default(),
            seed,
            told: Vec::new(),
            hours: Vec::new(),
            hours_closed: 0,
        }
    }

    /// The same gates, which judge by these rules alone.
    pub fn judging_by(mut self, rules: Rules) -> Self {
        self.gates.iter_mut().for_each(|gate| gate.judge_by(rules));
        self
    }

    /// Takes up what a former process saved. Nothing is told of it: it is not new.
    pub fn restore(&mut self, id: UpstreamId, saved: &Saved, now: Now) {
        let gate = &mut self.gates[usize::from(id.0)];
        gate.restore(saved, now);
        let due = gate.restored_due(now.monotonic);
        let is_active = gate.is_active(now.monotonic);
        if is_active {
            self.list(id);
        }
        self.due_by(due);
    }

    /// What the next process has to know.
    pub fn saved(&self, id: UpstreamId, now: Now) -> Saved {
        self.gate(id).saved(now)
    }

    /// Whether its tasks are held, so that whoever waits for one is told 202 at once. One on its way
    /// back is not.
    pub fn is_shed(&self, id: UpstreamId) -> bool {
        self.gate(id).is_shed()
    }

    /// Whether it has asked to be left alone until later than `now`.
    pub fn is_paused(&self, id: UpstreamId, now: Monotonic) -> bool {
        self.gate(id).is_paused(now)
    }

    /// Whether a call may start now.
    pub fn may_start(&self, id: UpstreamId, start: Start, now: Monotonic) -> bool {
        self.gate(id).may_start(start, now)
    }

    /// When time alone lets a call start that may not now; `None` if only the end of a call does, or
    /// a person, or if one may.
    pub fn next_opening(&self, id: UpstreamId, now: Monotonic) -> Option<Monotonic> {
        self.gate(id).next_opening(now)
    }

    /// How long a call that starts now may take, if that is less than its kind says: a probe is given
    /// up soon, so that the next can go out.
    pub fn call_limit(&self, id: UpstreamId) -> Option<Duration> {
        self.gate(id).call_limit()
    }

    /// A call starts: a probe, if the upstream is shed.
    pub fn start(&mut self, id: UpstreamId, start: Start, now: Monotonic) -> CallNumber {
        self.list(id);
        let gate = &mut self.gates[usize::from(id.0)];
        let call = gate.start(start, now);
        let due = gate.due();
        self.due_by(due);
        call
    }

    /// A call is over. One that is not known changes nothing.
    pub fn end(&mut self, id: UpstreamId, call: CallNumber, end: CallEnd, now: Now) {
        let gate = &mut self.gates[usize::from(id.0)];
        let hour = gate.end(call, end, now);
        let due = gate.due();
        self.hours.extend(hour.map(|hour| (id, hour)));
        self.due_by(due);
    }

    /// How many first attempts wait for it.
    pub fn set_waiting(&mut self, id: UpstreamId, firsts: usize) {
        self.gates[usize::from(id.0)].firsts_waiting = firsts;
    }

    /// A person sheds it, without probes, until it is released.
    pub fn hold(&mut self, id: UpstreamId, now: Now) {
        self.list(id);
        let news = self.gates[usize::from(id.0)].hold(now);
        self.tell(news, now);
    }

    /// A person lets it open, by the ramp, whoever or whatever shed it.
    pub fn release(&mut self, id: UpstreamId, now: Now) {
        let news = self.gates[usize::from(id.0)].release(now);
        self.tell(news, now);
    }

    fn tell(&mut self, news: Option<GateNews>, now: Now) {
        if news.is_some() {
            self.told.extend(news);
            self.due_by(Some(now.monotonic));
        }
    }

    /// Does what is due, and says what is new.
    pub fn judge(&mut self, now: Now, out: &mut Vec<GateNews>) {
        if self.due.is_none_or(|due| now.monotonic < due) {
            return;
        }
        out.append(&mut self.told);
        let count = self.look(now);
        let was_suspected = self.suspicion.lasts();
        out.extend(self.suspicion.judge(count, now));
        let is_suspected = self.suspicion.lasts();
        self.due = is_suspected.then(|| now.monotonic + suspicion::LOOK_AGAIN_AFTER);
        for index in 0..self.active.len() {
            let gate = &mut self.gates[usize::from(self.active[index].0)];
            if was_suspected && !is_suspected && !gate.is_shed() {
                gate.forget();
            }
            out.extend(gate.act(is_suspected, &mut self.seed, now));
            let due = gate.due();
            self.due_by(due);
        }
    }

    fn look(&mut self, now: Now) -> Count {
        let (gates, is_listed) = (&mut self.gates, &mut self.is_listed);
        let suspected = self.suspicion.since();
        let mut count = Count::default();
        self.active.retain(|id| {
            let gate = &mut gates[usize::from(id.0)];
            gate.look(now.monotonic);
            let is_active = gate.is_active(now.monotonic);
            if is_active {
                count.add(gate.standing(suspected), now.monotonic);
            }
            is_listed[usize::from(id.0)] = is_active;
            is_active
        });
        count
    }

    /// When something is to be judged; `None` while no call is out, none of late was bad, and nothing
    /// is shed. The last that was started may still have to come of age.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        self.due
    }

    /// What there is to be seen of it.
    pub fn view(&self, id: UpstreamId, now: Now) -> GateView {
        self.gate(id).view(now)
    }

    /// The last of its calls that ended, the oldest first.
    pub fn recent(&self, id: UpstreamId) -> impl Iterator<Item = Sample> {
        self.gate(id).outcomes.last()
    }

    /// The same, for the next process.
    pub fn kept_calls(&self, id: UpstreamId) -> Vec<KeptCall> {
        self.gate(id).outcomes.kept()
    }

    /// Takes up the last calls of a former process. They are there to be seen: nothing is judged by
    /// them.
    pub fn restore_calls(&mut self, id: UpstreamId, calls: &[KeptCall]) {
        self.gates[usize::from(id.0)].outcomes.restore(calls);
    }

    /// The hours that have passed since this was asked last, of those that had calls.
    pub fn take_hours(&mut self, now: UnixMillis, out: &mut Vec<(UpstreamId, Hour)>) {
        out.append(&mut self.hours);
        let hour = history::number(now);
        if hour == self.hours_closed {
            return;
        }
        self.hours_closed = hour;
        for gate in &mut self.gates {
            out.extend(gate.close_hour(now).map(|hour| (gate.id, hour)));
        }
    }

    /// How many calls there are now, probes included.
    #[cfg(any(test, feature = "audit"))]
    pub(crate) fn calls(&self, id: UpstreamId) -> usize {
        self.gate(id).out()
    }

    fn gate(&self, id: UpstreamId) -> &Gate {
        &self.gates[usize::from(id.0)]
    }

    fn list(&mut self, id: UpstreamId) {
        if !std::mem::replace(&mut self.is_listed[usize::from(id.0)], true) {
            self.active.push(id);
        }
    }

    fn due_by(&mut self, at: Option<Monotonic>) {
        self.due = [self.due, at].into_iter().flatten().min();
    }
}

#[cfg(test)]
mod tests;
