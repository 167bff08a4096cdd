//! Who does what next, in order of time. What has become pointless meanwhile stays until its time
//! comes: to look for it would cost more than to pass it over.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// The appointments of all clients.
#[derive(Debug, Default)]
pub struct Agenda {
    entries: BinaryHeap<Reverse<Entry>>,
    taken_down: u64,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A client calls.
    Call { client: usize },
    /// The patience of whoever made that call ends.
    GiveUp { slot: usize, call: u64 },
}

/// Of two at the same time, the one that was taken down first comes first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: Instant,
    number: u64,
    due: Due,
}

impl Agenda {
    /// `client` calls at that time.
    pub fn call_at(&mut self, client: usize, at: Instant) {
        self.take_down(at, Due::Call { client });
    }

    pub(super) fn give_up_at(&mut self, slot: usize, call: u64, at: Instant) {
        self.take_down(at, Due::GiveUp { slot, call });
    }

    fn take_down(&mut self, at: Instant, due: Due) {
        self.taken_down += 1;
        self.entries.push(Reverse(Entry { at, number: self.taken_down, due }));
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.entries.peek().map(|Reverse(entry)| entry.at)
    }

    /// The next that is due by `now`, and since when.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(Instant, Due)> {
        self.next().filter(|at| *at <= now)?;
        self.entries.pop().map(|Reverse(entry)| (entry.at, entry.due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn appointments_come_in_order_of_time_and_then_of_taking_down() {
        let begun = Instant::now();
        let at = |ms| begun + Duration::from_millis(ms);
        let mut agenda = Agenda::default();
        agenda.call_at(7, at(20));
        agenda.give_up_at(1, 1, at(10));
        agenda.call_at(3, at(20));
        assert_eq!(agenda.take_due(at(9)), None);
        assert_eq!(agenda.take_due(at(30)), Some((at(10), Due::GiveUp { slot: 1, call: 1 })));
        assert_eq!(agenda.take_due(at(30)), Some((at(20), Due::Call { client: 7 })));
        assert_eq!(agenda.take_due(at(30)), Some((at(20), Due::Call { client: 3 })));
        assert_eq!(agenda.next(), None);
    }
}
