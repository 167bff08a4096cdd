//! Who goes next of those that stand in the line of an upstream, and when a line is looked at again.
//! Whether the upstream may be called at all its gate decides.

use crate::engine::Engine;
use crate::event::Effect;
use crate::gate::Start;
use crate::limits::LOOK_AGAIN;
use crate::lines::Row;
use crate::task::{Run, Task};
use crate::timers::Due;
use overtime_protocol::{Lane, Now, UpstreamId};

impl Engine {
    /// Starts those that may call now, and returns how many.
    pub(in super::super) fn start_at_gates(
        &mut self,
        max: usize,
        now: Now,
        out: &mut Vec<Effect>,
    ) -> usize {
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
            let at = now.monotonic + LOOK_AGAIN;
            line.timer = Some(self.timers.set(at, Due::Gate(upstream)));
        }
    }

    /// Time has passed that kept a line.
    pub(in super::super) fn gate_is_due(&mut self, upstream: UpstreamId) {
        self.lines.get_mut(upstream).timer = None;
        self.lines.list(upstream);
    }
}

/// Where one that may go has gone.
pub(super) enum Gone {
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
