//! Upstreams: a task that calls one starts only when its gate lets it, and otherwise stands in the
//! line of that upstream, where it takes no worker and uses up no attempt. What is in trouble is
//! decided by the gates, and what they learn of it are the calls that begin and end here.

use super::Engine;
use crate::event::{Effect, Notice};
use crate::gate::{GateNews, Start};
use crate::lines::Row;
use crate::queue::Standing;
use crate::slim::Slim;
use crate::table::Slot;
use crate::task::{Run, Task};
use overtime_protocol::{CallEnd, Completion, Form, Monotonic, Now, UpstreamId};
use std::time::Duration;

mod bodies;
mod marks;
mod shown;
mod told;
mod turns;
mod waits;

impl Engine {
    /// The upstream that a task may have to wait for. One that stands in the line of a hot key is
    /// waited for by the others of it, so it goes at once.
    pub(super) fn upstream_of(&self, task: &Task) -> Option<UpstreamId> {
        self.kind(task).upstream.filter(|_| task.hot_key.is_none())
    }

    /// The upstream that a task has to wait for before it starts.
    pub(super) fn has_to_wait_at_gate(&self, slot: Slot, now: Monotonic) -> Option<UpstreamId> {
        let task = self.table.get(slot)?;
        self.upstream_of(task).filter(|&upstream| self.is_kept_from(upstream, task, now))
    }

    /// Whether a task that is about to start has to wait for its upstream.
    fn is_kept_from(&self, upstream: UpstreamId, task: &Task, now: Monotonic) -> bool {
        match row_of(task) {
            Row::Bulk => self.is_body_kept_from(upstream, now),
            Row::Firsts => !self.gates.may_start(upstream, Start::First, now),
            Row::Retries => !self.gates.may_start(upstream, Start::Retry, now),
        }
    }

    /// Puts a task that is nowhere into the line of its upstream.
    pub(super) fn await_upstream(&mut self, slot: Slot, upstream: UpstreamId) {
        let Some(task) = self.table.get_mut(slot) else { return };
        let (row, tenant, bytes) = (row_of(task), task.durable.tenant, task.charged_bytes());
        let waited_for = task.is_waited_for();
        let foremost = waited_for && task.durable.urgency <= 3;
        let standing = if foremost { Standing::Foremost } else { Standing::Patient };
        task.take_stood();
        let spot = self.lines.push((upstream, row), (tenant, slot, bytes), standing);
        task.run = Run::AtGate { spot };
        self.leave_marks(slot);
        if waited_for {
            self.note_waited_for(slot, upstream);
        }
        self.note_line(upstream);
        self.lines.list(upstream);
        if self.gates.is_shed(upstream) {
            self.touch_by_upstream(upstream, tenant);
        }
        self.release_waiting_payload(slot);
    }

    /// Takes a task out of the line of its upstream, if it is in one.
    pub(super) fn leave_gate(&mut self, slot: Slot) {
        let Some(task) = self.table.get_mut(slot) else { return };
        let Run::AtGate { spot, .. } = task.run else { return };
        task.run = Run::Waiting;
        self.lines.remove(spot, task.durable.tenant, slot);
        self.note_line(spot.upstream);
    }

    fn note_line(&mut self, upstream: UpstreamId) {
        self.gates.set_waiting(upstream, self.lines.get(upstream).count(Row::Firsts));
    }

    /// An attempt begins. If its kind calls an upstream, and that call may not take as long as the kind
    /// says, how long it may comes back.
    pub(super) fn begin_call(&mut self, slot: Slot, now: Now) -> Option<Duration> {
        let task = self.table.get(slot)?;
        let upstream = self.kind(task).upstream?;
        // It counts among the attempts already.
        let before = task.durable.attempts.saturating_sub(1);
        let start = match (task.durable.form, before <= task.durable.forgiven) {
            (Form::Bulk, _) => return None,
            (Form::Single, true) => Start::First,
            (Form::Single, false) => Start::Retry,
        };
        let limit = self.gates.call_limit(upstream);
        let call = self.gates.start(upstream, start, now.monotonic);
        if let Some(task) = self.table.get_mut(slot) {
            task.call = Slim::some(call);
        }
        limit
    }

    /// The attempt has come back, or was never begun: what its call tells counts.
    pub(super) fn end_call(&mut self, slot: Slot, end: CallEnd, now: Now) {
        let Some(task) = self.table.get_mut(slot) else { return };
        let Some(call) = task.call.take() else { return };
        let Some(upstream) = self.kinds[usize::from(task.kind.0)].upstream else { return };
        self.gates.end(upstream, call, end, now);
        self.note_called(upstream, now);
        self.lines.list(upstream);
    }

    /// The same for an attempt that has just come back.
    pub(super) fn end_call_of(&mut self, slot: Slot, completion: &Completion, now: Now) {
        let is_it = self.table.get(slot).is_some_and(|task| {
            matches!(task.run, Run::Abandoned) || task.is_at(completion.attempt, completion.run)
        });
        if is_it {
            self.end_call(slot, completion.call, now);
        }
    }

    /// Does what is due with the gates.
    pub(super) fn judge_gates(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.gates.next_deadline().is_some_and(|at| at <= now.monotonic) {
            let mut news = Vec::new();
            self.gates.judge(now, &mut news);
            for told in news {
                self.note_gate(told, now, out);
            }
        }
        self.keep_hours(now);
        self.end_waits_at_gates(now, out);
    }

    fn note_gate(&mut self, news: GateNews, now: Now, out: &mut Vec<Effect>) {
        self.incident_of_gate(&news, now);
        if let Some(upstream) = news.upstream() {
            self.keep_gate(upstream, now);
            self.end_waits_soon(upstream);
            self.answer_wanting(upstream, out);
            self.lines.list(upstream);
        }
        out.push(Effect::Notice(Box::new(Notice::Gate(news))));
    }
}

fn row_of(task: &Task) -> Row {
    match task.durable.form {
        Form::Bulk => Row::Bulk,
        Form::Single if task.durable.attempts <= task.durable.forgiven => Row::Firsts,
        Form::Single => Row::Retries,
    }
}
