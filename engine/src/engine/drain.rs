//! The way out: refuse what is new, finish what can be finished, leave the rest to the journal.

use super::{Engine, Mode};
use crate::event::{Effect, Wants};
use crate::table::Slot;
use overtime_protocol::{Now, ReplyTo};

impl Engine {
    pub(super) fn start_drain(&mut self) {
        if self.mode == Mode::Open {
            self.mode = Mode::Draining;
        }
    }

    /// Nothing is started any more, and every wait ends now: those whose task is durable get 202
    /// at once, the others as soon as it is.
    pub(super) fn end_grace(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.mode == Mode::Failed {
            return;
        }
        self.mode = Mode::Leaving;
        self.end_deferrals(out);
        self.keep_called(now);
        let waiting: Vec<(Slot, ReplyTo)> = self
            .table
            .slots()
            .filter_map(|slot| Some((slot, self.table.get(slot)?)))
            .flat_map(|(slot, task)| task.waiters.iter().map(move |waiter| (slot, waiter)))
            .filter(|(_, waiter)| match waiter.wants {
                Wants::Result => !waiter.overdue,
                Wants::Document => true,
                // What they wait for is on its way to the disk.
                Wants::Cancellation | Wants::Resumption => false,
            })
            .map(|(slot, waiter)| (slot, waiter.reply_to))
            .collect();
        for (slot, reply_to) in waiting {
            self.cancel_timer(slot, reply_to);
            self.end_wait(slot, reply_to, now, out);
        }
    }

    pub(super) fn cancel_timer(&mut self, slot: Slot, reply_to: ReplyTo) {
        let Some(task) = self.table.get(slot) else { return };
        if let Some(waiter) = task.waiters.iter().find(|waiter| waiter.reply_to == reply_to) {
            self.timers.cancel(waiter.timer);
        }
    }
}
