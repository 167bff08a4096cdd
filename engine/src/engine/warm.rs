//! Warmth: while very many tasks wait, those that are about to start were not looked at for long, and
//! are far from the processor. To come to one after the other, each with a handful of lines of memory,
//! took longer than the rest of a start. So a little of each is read before the first of them
//! starts, and their memory comes together. It changes nothing.

use super::Engine;
use crate::limits::WARM_MIN;
use overtime_protocol::Lane;

impl Engine {
    /// Reads a little of those of the lane that are about to start, at most `max` of them.
    pub(super) fn warm(&mut self, lane: Lane, max: usize) {
        if self.stats.queued[lane] < WARM_MIN {
            return;
        }
        let free = self.credits.plan().ceiling(lane).saturating_sub(self.credits.running(lane));
        let mut slots = std::mem::take(&mut self.warmed);
        slots.clear();
        self.queues[lane].ahead(free.min(max), &mut slots);
        std::hint::black_box(self.table.glance(&slots));
        self.warmed = slots;
    }
}
