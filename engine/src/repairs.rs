//! What repairs there are, and how far each is. It steers nothing.

use crate::limits::REPAIR_STEP;
use overtime_protocol::repair::{RepairOrder, RepairProgress, RepairState};
use overtime_protocol::{KindName, TaskId};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// The repairs of this process, those that are over included until others take their place.
#[derive(Debug, Default)]
pub(crate) struct Repairs {
    pub(crate) known: HashMap<u64, Repair>,
    /// Live tasks that a repair had run again, and which.
    pub(crate) open: HashMap<TaskId, RepairId>,
    /// Repairs begun so far.
    pub(crate) begun: u64,
}

/// Names a repair among all of this process: what is still under way for one must not be taken for
/// its successor's, which has the same print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RepairId {
    pub(crate) print: u64,
    pub(crate) number: u64,
}

/// How far a repair is.
#[derive(Debug)]
pub(crate) struct Repair {
    pub(crate) order: RepairOrder,
    pub(crate) number: u64,
    /// The kinds that are not walked to their end, the first of them as far as `after`.
    pub(crate) kinds: VecDeque<KindName>,
    pub(crate) after: Option<TaskId>,
    /// A page is awaited.
    pub(crate) asking: bool,
    /// Found, and not come to.
    pub(crate) page: VecDeque<TaskId>,
    /// Asked for in the journal.
    pub(crate) steering: u64,
    /// A timer is set for its next step.
    pub(crate) ticking: bool,
    pub(crate) progress: RepairProgress,
}

impl Repairs {
    pub(crate) fn get_mut(&mut self, id: RepairId) -> Option<&mut Repair> {
        self.known.get_mut(&id.print).filter(|repair| repair.number == id.number)
    }

    /// Whether none goes on.
    #[cfg(test)]
    pub(crate) fn are_over(&self) -> bool {
        self.open.is_empty() && self.known.values().all(|repair| !repair.is_running())
    }
}

impl Repair {
    pub(crate) fn new(order: RepairOrder, number: u64, kinds: VecDeque<KindName>) -> Self {
        let progress = RepairProgress {
            state: RepairState::Running,
            remedy: order.remedy,
            acted: 0,
            succeeded: 0,
            failed: 0,
            open: 0,
            left: 0,
            skipped: 0,
        };
        let (page, asking, steering) = (VecDeque::new(), false, 0);
        let ticking = true;
        Self { order, number, kinds, after: None, asking, page, steering, ticking, progress }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.progress.state == RepairState::Running
    }

    /// How many it comes to in a step, and how long that is.
    pub(crate) fn pace(&self) -> (usize, Duration) {
        let rate = self.order.rate.max(1);
        let steps = u32::try_from(1_000 / REPAIR_STEP.as_millis()).unwrap_or(1);
        let count = rate.div_ceil(steps);
        (count as usize, Duration::from_secs(count.into()) / rate)
    }

    /// Whether it has come to all that there were.
    pub(crate) fn has_walked(&self) -> bool {
        self.kinds.is_empty() && self.page.is_empty() && self.steering == 0
    }

    /// Looks whether it is over.
    pub(crate) fn settle(&mut self) {
        let RepairProgress { failed, open, .. } = self.progress;
        let walked = self.has_walked();
        if !self.is_running() {
            return;
        }
        if self.order.stop_at.is_some_and(|most| failed > most) {
            self.progress.state = RepairState::Stopped;
        } else if walked && open == 0 {
            self.progress.state = RepairState::Done;
        }
    }

    pub(crate) fn told(&self) -> RepairProgress {
        RepairProgress { left: self.page.len() as u64, ..self.progress }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use overtime_protocol::repair::Remedy;

    #[test]
    fn a_repair_is_as_fast_as_it_was_told() {
        for rate in [1, 99, 100, 101, 199, 250, 9_999, 10_000] {
            let (print, remedy, kind) = (7, Remedy::Retry, None);
            let order = RepairOrder { print, remedy, kind, dry_run: false, rate, stop_at: None };
            let (count, span) = Repair::new(order, 1, VecDeque::new()).pace();
            let told = count as f64 / span.as_secs_f64();
            assert!((told - f64::from(rate)).abs() < 0.01, "{told} a second instead of {rate}");
        }
    }
}
