//! Upstreams: a task that calls one starts only when its gate lets it, and otherwise stands in the
//! line of that upstream, where it takes no worker and uses up no attempt. What is in trouble is
//! decided by the gates; who goes next, here.

use super::Engine;
use crate::event::{Effect, Notice, Submission};
use crate::gate::{GateNews, Start};
use crate::limits::{RETRY_LOOK, SHED_RETRY};
use crate::lines::Row;
use crate::queue::Standing;
use crate::table::Slot;
use crate::task::{Run, Task};
use crate::timers::Due;
use overtime_protocol::{
    Aside, CallEnd, Code, Completion, Document, Form, Hurt, Lane, Monotonic, Now, Problem,
    TaskState, UpstreamId,
};
use std::time::Duration;

mod bodies;
mod marks;
mod shown;
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
        task.stood = None;
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

    /// Starts those that may call now, and returns how many.
    pub(super) fn start_at_gates(&mut self, max: usize, now: Now, out: &mut Vec<Effect>) -> usize {
        let (mut started, mut looks) = (0, 0);
        if !self.is_starting() {
            return started;
        }
        for _ in 0..self.lines.listed() {
            let Some(upstream) = self.lines.pop_listed() else { break };
            let mut is_unproved = false;
            while let Some(next) = self.next_at_gate(upstream, now) {
                if looks == max {
                    self.lines.list(upstream);
                    return started;
                }
                looks += 1;
                match self.start_from_line(upstream, next, now, out) {
                    Gone::Started => started += 1,
                    Gone::Elsewhere => {}
                    Gone::ToProve => {
                        is_unproved = true;
                        break;
                    }
                }
            }
            self.look_again(upstream, now);
            if is_unproved {
                self.look_soon(upstream, now);
            }
        }
        started
    }

    /// What of a line may go now.
    fn next_at_gate(&mut self, upstream: UpstreamId, now: Now) -> Option<Next> {
        // While first attempts wait, a gate lets few retries pass: those few go first, or none would.
        for (row, start) in [(Row::Retries, Start::Retry), (Row::Firsts, Start::First)] {
            if !self.gates.may_start(upstream, start, now.monotonic) {
                continue;
            }
            let Some(slot) = self.lines.get_mut(upstream).first(row) else { continue };
            let lane = self.table.get(slot).map(Task::charged_lane)?;
            if self.may_take(lane) {
                return Some(Next::Single(row, lane));
            }
        }
        let may_call = self.gates.may_start(upstream, Start::First, now.monotonic);
        if may_call && self.lines.get(upstream).has_wanting() {
            return Some(Next::Calls);
        }
        let line = self.lines.get(upstream);
        let may_go = match self.gates.is_shed(upstream) {
            true => self.may_probe_by_bulk(upstream, now.monotonic),
            false => may_call,
        };
        (line.count(Row::Bulk) > 0 && may_go).then_some(Next::Bulk)
    }

    /// Lets the next of a line go.
    fn start_from_line(
        &mut self,
        upstream: UpstreamId,
        next: Next,
        now: Now,
        out: &mut Vec<Effect>,
    ) -> Gone {
        let (row, lane) = match next {
            Next::Calls => {
                self.grant_next(upstream, now, out);
                return Gone::Elsewhere;
            }
            Next::Bulk => return self.bulk_goes(upstream, now),
            Next::Single(row, lane) => (row, lane),
        };
        let Some(slot) = self.lines.get_mut(upstream).pop(row) else { return Gone::Elsewhere };
        self.note_line(upstream);
        let Some(task) = self.table.get_mut(slot) else { return Gone::Elsewhere };
        task.run = Run::Waiting;
        if self.goes_for_mark(slot, now.monotonic) {
            return Gone::ToProve;
        }
        if self.table.get(slot).is_some_and(|task| !self.may_reload(task)) {
            self.await_memory(slot);
            return Gone::Elsewhere;
        }
        self.start_alone(slot, lane, now, out);
        Gone::Started
    }

    /// When a line is looked at again: as soon as one that waits for a worker can have one, when a call
    /// ends, or when time alone lets one go.
    fn look_again(&mut self, upstream: UpstreamId, now: Now) {
        let line = self.lines.get_mut(upstream);
        if let Some(timer) = line.timer.take() {
            self.timers.cancel(timer);
        }
        if line.is_empty() {
            return;
        }
        let waits_for_worker = line.count(Row::Firsts) > 0
            && self.gates.may_start(upstream, Start::First, now.monotonic);
        if waits_for_worker {
            self.lines.await_worker(upstream);
        }
        match self.gates.next_opening(upstream, now.monotonic) {
            Some(at) if at > now.monotonic => {
                self.lines.get_mut(upstream).timer = Some(self.timers.set(at, Due::Gate(upstream)));
            }
            _ if self.gates.may_start(upstream, Start::First, now.monotonic) => {
                self.lines.await_worker(upstream);
            }
            _ => {}
        }
    }

    /// One has gone that others wait behind: should nothing come of it, they are looked at all the same.
    fn look_soon(&mut self, upstream: UpstreamId, now: Now) {
        let line = self.lines.get_mut(upstream);
        if line.timer.is_none() && !line.is_empty() {
            let at = now.monotonic + RETRY_LOOK;
            line.timer = Some(self.timers.set(at, Due::Gate(upstream)));
        }
    }

    /// Time has passed that kept a line.
    pub(super) fn gate_is_due(&mut self, upstream: UpstreamId) {
        self.lines.get_mut(upstream).timer = None;
        self.lines.list(upstream);
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
            task.call = Some(call);
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

    /// Why a task stands in the line of its upstream.
    pub(super) fn why_at_gate(&self, spot: crate::lines::Spot) -> String {
        let name = &self.upstreams[usize::from(spot.upstream.0)].name;
        let waiting = self.lines.get(spot.upstream).len();
        let why = match self.gates.is_shed(spot.upstream) {
            true => "is not well, and is called for probes only",
            false => "has as many calls as it may have now",
        };
        format!("The upstream {name} {why}; {waiting} tasks wait for it.")
    }

    /// The upstream of a kind, if it is shed now: a caller is not held for it.
    pub(super) fn shed_upstream(&self, kind: overtime_protocol::KindId) -> Option<UpstreamId> {
        let upstream = self.kinds[usize::from(kind.0)].upstream?;
        self.gates.is_shed(upstream).then_some(upstream)
    }

    /// A caller is not held for an upstream that is shed.
    pub(super) fn note_shed(&mut self, submission: &Submission) {
        let (refused, delayed) = (submission.strict.into(), (!submission.strict).into());
        self.tenants.hurt(submission.tenant, Hurt { refused, delayed, ..Hurt::default() });
    }

    /// Refuses who insists on an answer while the upstream is shed.
    pub(super) fn upstream_refusal(&mut self, upstream: UpstreamId, now: Now) -> Problem {
        self.stats.refused += 1;
        let opening = self.gates.next_opening(upstream, now.monotonic);
        let wait = opening.map_or(SHED_RETRY, |at| at.since(now.monotonic));
        let wait = self.seed.stretch(wait.max(SHED_RETRY));
        let name = &self.upstreams[usize::from(upstream.0)].name;
        let detail = format!("{name}, which the kind calls, is not well and is not called for now");
        let problem = Problem::new(Code::UpstreamShed, detail).after(wait);
        let aside = self.incident_about(upstream).map(|id| Box::new(Aside::Incident(id)));
        Problem { aside, ..problem }
    }

    /// The task's document as it stands.
    pub(super) fn document(&self, task: &Task) -> Document {
        let document = task.document(self.kind_name(task), self.tenant_of(task));
        Document { state: self.state(task), ..document }
    }

    /// The state that callers see.
    pub(super) fn state(&self, task: &Task) -> TaskState {
        match task.run {
            Run::AtGate { spot, .. } if self.gates.is_shed(spot.upstream) => TaskState::Held,
            _ => task.state(),
        }
    }
}

/// Where one that may go has gone.
enum Gone {
    /// To a worker.
    Started,
    /// To where it waits for something else.
    Elsewhere,
    /// The same, and what becomes of it is to be seen before another goes.
    ToProve,
}

/// What of a line may go.
enum Next {
    /// The first of a row, to that lane.
    Single(Row, Lane),
    /// A bulk body that runs wants to call.
    Calls,
    /// A bulk body.
    Bulk,
}

fn row_of(task: &Task) -> Row {
    match task.durable.form {
        Form::Bulk => Row::Bulk,
        Form::Single if task.durable.attempts <= task.durable.forgiven => Row::Firsts,
        Form::Single => Row::Retries,
    }
}
