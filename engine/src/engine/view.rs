//! What can be seen of the engine from outside. Nothing is changed by looking.

use super::Engine;
use crate::event::Sight;
use crate::lanes::LanePlan;
use crate::stats::Stats;
use overtime_protocol::{LANES, Lane, PerLane, TaskId};

impl Engine {
    /// Whether a worker is about to come back: the loop may find it worth while to look for it
    /// instead of going to sleep.
    pub fn expects_soon(&self) -> bool {
        self.brief.next_deadline().is_some()
    }

    /// Whether there is a live task with this id for whoever asks.
    pub fn knows(&self, task: TaskId, scope: Sight) -> bool {
        self.table.find(task).is_some_and(|slot| self.is_in_sight(slot, scope))
    }

    /// Whether nobody is owed an answer and nothing is on its way to the disk.
    pub fn is_quiet(&self) -> bool {
        self.stats.waiters == 0
            && self.inflight.is_empty()
            && self.notes.is_quiet()
            && self.kept.is_quiet()
            && self.inquiries.is_empty()
            && !self.recovery.defers()
            && !self.revivals.defers()
    }

    /// What was counted.
    pub fn stats(&self) -> Stats {
        let mut stats = self.stats;
        stats.recovering = self.is_recovering();
        stats.incidents_opened = self.incidents.opened();
        stats.incidents_open = self.incidents.len() as u64;
        stats.tasks = self.table.len() as u64;
        stats.appends = self.inflight.len() as u64;
        stats.running = PerLane(LANES.map(|lane| self.credits.running(lane) as u64));
        stats.spares = self.credits.spares() as u64;
        stats.charged = self.credits.charged() as u64;
        stats.long = self.spares.waiting() as u64;
        stats.admission = self.admission.gauges(self.credits.plan().ceiling(Lane::Interactive));
        stats.admission.put_off = self.put_off;
        stats
    }

    /// How many workers there are for whom.
    pub fn plan(&self) -> &LanePlan {
        self.credits.plan()
    }

    /// Payload bytes in memory.
    pub fn payload_bytes(&self) -> u64 {
        self.stats.payload_bytes
    }

    /// The most payload bytes that there may be in memory.
    pub fn payload_memory_max_bytes(&self) -> u64 {
        self.limits.payload_memory_max_bytes
    }
}
