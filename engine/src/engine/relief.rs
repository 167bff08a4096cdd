//! Relief: what leaves the memory when the process comes to the end of what it may use. It measures
//! nothing, and nothing that was accepted is lost by it.

use super::Engine;
use crate::limits::RELEASES_PER_TURN;
use crate::task::Run;
use overtime_protocol::{MemoryPressure, Now};

/// How much of the memory is used, and how far the payloads of tasks that wait have left it.
#[derive(Debug, Default)]
pub(crate) struct Relief {
    pressure: MemoryPressure,
    /// The next place of the table to look at; `None` when all were.
    next: Option<usize>,
}

impl Relief {
    pub(crate) fn pressure(&self) -> MemoryPressure {
        self.pressure
    }

    /// Whether there are places to look at.
    pub(crate) fn is_under_way(&self) -> bool {
        self.next.is_some()
    }

    pub(crate) fn note(&mut self, pressure: MemoryPressure) {
        if pressure == MemoryPressure::Fine {
            self.next = None;
        } else if self.pressure == MemoryPressure::Fine {
            self.next = Some(0);
        }
        self.pressure = pressure;
    }
}

impl Engine {
    pub(super) fn note_pressure(&mut self, pressure: MemoryPressure, now: Now) {
        if self.relief.pressure() != pressure {
            self.incident_of_memory(pressure, now);
        }
        self.relief.note(pressure);
    }

    /// Has the payloads of some of the tasks that wait leave the memory.
    pub(super) fn relieve_memory(&mut self) {
        let Some(first) = self.relief.next else { return };
        let end = first.saturating_add(RELEASES_PER_TURN);
        for place in first..end.min(self.table.places()) {
            let Some(slot) = self.table.at(place) else { continue };
            let waits = self.table.get(slot).is_some_and(|task| {
                matches!(
                    task.run,
                    Run::Queued { .. } | Run::Delayed { .. } | Run::Chained | Run::Suspect
                )
            });
            if waits {
                self.release_payload(slot);
            }
        }
        self.relief.next = (end < self.table.places()).then_some(end);
    }
}
