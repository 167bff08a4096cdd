//! Those who wait for what stands in the line of an upstream: as soon as that is shed they are told where
//! to look, and wait no more. It decides nothing about the tasks.

use crate::engine::Engine;
use crate::event::{Effect, Wants};
use crate::limits::CUTS_PER_TURN;
use crate::table::Slot;
use crate::task::Run;
use overtime_protocol::{Now, ReplyTo, UpstreamId};

impl Engine {
    /// Notes that somebody waits for a task in a line. For each that is noted two that were are looked
    /// at, and let go of if they have left the line: most leave it long before it is ever shed.
    pub(super) fn note_waited_for(&mut self, slot: Slot, upstream: UpstreamId) {
        let line = self.lines.get_mut(upstream);
        line.note_waited_for(slot);
        for _ in 0..2 {
            let Some(other) = line.pop_waited_for() else { break };
            let task = self.table.get(other);
            if task.is_some_and(|task| matches!(task.run, Run::AtGate { .. })) {
                line.note_waited_for(other);
            }
        }
        self.end_waits_soon(upstream);
    }

    /// Somebody has joined those who wait for a task: one that nobody waited for when it came to its line
    /// is noted there now.
    pub(in super::super) fn note_joined(&mut self, slot: Slot) {
        let Some(task) = self.table.get(slot) else { return };
        let Run::AtGate { spot } = task.run else { return };
        let waits = task.waiters.iter().filter(|waiter| !waiter.overdue);
        if waits.filter(|waiter| waiter.wants == Wants::Result).count() == 1 {
            self.note_waited_for(slot, spot.upstream);
        }
    }

    /// Whoever waits for what is held is told.
    pub(super) fn end_waits_soon(&mut self, upstream: UpstreamId) {
        if self.gates.is_shed(upstream) && !self.shedding.contains(&upstream) {
            self.shedding.push(upstream);
        }
    }

    /// Whoever waits for what is held gets its address at once, some each turn.
    pub(super) fn end_waits_at_gates(&mut self, now: Now, out: &mut Vec<Effect>) {
        let mut left = CUTS_PER_TURN;
        while let Some(&upstream) = self.shedding.last() {
            let is_shed = self.gates.is_shed(upstream);
            let next = match is_shed && left > 0 {
                true => self.lines.get_mut(upstream).pop_waited_for(),
                false if is_shed => return,
                false => None,
            };
            let Some(slot) = next else {
                self.shedding.pop();
                continue;
            };
            left -= 1;
            self.end_waits_for_held(slot, now, out);
        }
    }

    fn end_waits_for_held(&mut self, slot: Slot, now: Now, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get(slot) else { return };
        if !matches!(task.run, Run::AtGate { .. }) {
            return;
        }
        let waits = task.waiters.iter().filter(|waiter| !waiter.overdue);
        let waiting: Vec<ReplyTo> = waits
            .filter(|waiter| waiter.wants == Wants::Result)
            .map(|waiter| waiter.reply_to)
            .collect();
        for reply_to in waiting {
            self.cancel_timer(slot, reply_to);
            self.end_wait(slot, reply_to, now, out);
        }
    }

    /// Whether there are waits to end for what is held, or more to start.
    pub(in super::super) fn has_waits_to_end_at_gates(&self) -> bool {
        !self.shedding.is_empty()
    }
}
