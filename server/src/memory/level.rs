//! Levels: when memory is short, and when it is enough again. It must fall by a step before it is, so
//! that a use which lies at a bound does not change what is refused with every look.

use overtime_protocol::MemoryPressure;

/// From how many percent on memory is short, and below how many it is no more.
const ALARM: (u64, u64) = (70, 65);
/// The same for memory that is used up.
const FULL: (u64, u64) = (90, 85);

/// Where it stands.
#[derive(Debug, Default)]
pub(super) struct Level {
    pressure: MemoryPressure,
}

impl Level {
    /// So much is in use; returns the pressure if that has changed.
    pub(super) fn judge(&mut self, used: u64, budget: u64) -> Option<MemoryPressure> {
        let percent = used.saturating_mul(100).checked_div(budget).unwrap_or(u64::MAX);
        let before = self.pressure;
        let reaches = |(rises, falls), is_there| percent >= if is_there { falls } else { rises };
        self.pressure = if reaches(FULL, before == MemoryPressure::Full) {
            MemoryPressure::Full
        } else if reaches(ALARM, before != MemoryPressure::Fine) {
            MemoryPressure::Alarm
        } else {
            MemoryPressure::Fine
        };
        (self.pressure != before).then_some(self.pressure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MemoryPressure::{Alarm, Fine, Full};

    #[test]
    fn it_rises_at_once_and_falls_by_a_step() {
        let mut level = Level::default();
        for (used, changed) in [
            (69, None),
            (70, Some(Alarm)),
            (66, None),
            (89, None),
            (90, Some(Full)),
            (86, None),
            (84, Some(Alarm)),
            (89, None),
            (64, Some(Fine)),
            (100, Some(Full)),
            (0, Some(Fine)),
        ] {
            assert_eq!(level.judge(used, 100), changed, "{used} %");
        }
    }

    #[test]
    fn without_a_budget_everything_is_too_much() {
        assert_eq!(Level::default().judge(1, 0), Some(Full));
    }
}
