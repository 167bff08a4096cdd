//! Bulk bodies that may not call: they stand in the line of their upstream, where they take no worker,
//! and go back into their lane one by one. Which of their calls may begin is not decided here.

use super::turns::Gone;
use crate::engine::Engine;
use crate::gate::Start;
use crate::limits::BODY_WAITS_FROM;
use crate::lines::Row;
use crate::table::Slot;
use overtime_protocol::{Monotonic, Now, UpstreamId};

impl Engine {
    /// Whether a bulk body that is about to start has to wait for its upstream. Where all places are
    /// taken it has not: it takes turns with those that have them.
    pub(super) fn is_body_kept_from(&self, upstream: UpstreamId, now: Monotonic) -> bool {
        match self.gates.is_shed(upstream) {
            true => !self.may_probe_by_bulk(upstream, now),
            false => {
                let opening = self.gates.next_opening(upstream, now);
                let is_far = opening.is_some_and(|at| at >= now + BODY_WAITS_FROM);
                is_far && !self.gates.may_start(upstream, Start::First, now)
            }
        }
    }

    /// Whether a bulk body may run to find out whether a shed upstream is well: nobody else can.
    pub(super) fn may_probe_by_bulk(&self, upstream: UpstreamId, now: Monotonic) -> bool {
        let line = self.lines.get(upstream);
        let others = line.count(Row::Firsts) + line.count(Row::Retries);
        others == 0 && !line.has_wanting() && self.gates.may_start(upstream, Start::First, now)
    }

    /// A bulk body stopped at its cursor because it may not call, or could not for long. It goes on when
    /// a call for it may begin, and is not counted twice.
    pub(in super::super) fn held(&mut self, slot: Slot, now: Now) {
        let Some(task) = self.table.get_mut(slot) else { return };
        task.durable.attempts = task.durable.attempts.saturating_sub(1);
        let left = task.hot_key.take();
        match self.has_no_place(slot, now.monotonic) {
            Some(upstream) => self.await_upstream(slot, upstream),
            None => self.enqueue(slot, now.monotonic),
        }
        self.note_under_way(slot);
        self.leave_line(left, now);
    }

    /// The upstream of a task, if no first attempt may call it now.
    fn has_no_place(&self, slot: Slot, now: Monotonic) -> Option<UpstreamId> {
        let upstream = self.upstream_of(self.table.get(slot)?)?;
        (!self.gates.may_start(upstream, Start::First, now)).then_some(upstream)
    }

    /// The next bulk body goes into its lane. What it does there is to be seen before another goes: of
    /// a shed upstream its calls are to tell how that is, and of any other they may take all places.
    pub(super) fn bulk_goes(&mut self, upstream: UpstreamId, now: Now) -> Gone {
        let popped = self.lines.get_mut(upstream).pop(Row::Bulk);
        let Some(slot) = popped else { return Gone::Elsewhere };
        if self.goes_for_mark(slot, now.monotonic) {
            return Gone::ToProve;
        }
        match self.gates.is_shed(upstream) {
            true => self.enqueue_first(slot, now.monotonic),
            false => self.enqueue(slot, now.monotonic),
        }
        Gone::ToProve
    }

    /// Bodies that run have been let call: one of those that gave way joins them in their lane, or it
    /// would wait for the end of all that run.
    pub(in super::super) fn bulk_has_its_turn(&mut self, upstream: UpstreamId, now: Now) {
        if !self.gates.is_shed(upstream) {
            self.bulk_goes(upstream, now);
        }
    }
}
