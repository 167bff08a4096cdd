//! When to look at a connection again. Each has one entry, which is moved only when its deadline
//! comes nearer: one that moves away, as with every request, is found out when the entry comes up.

use overtime_protocol::Monotonic;
use std::collections::BTreeSet;

/// A point that never comes.
pub(crate) const NEVER: Monotonic = Monotonic(u64::MAX);

/// One connection's side of it.
#[derive(Debug)]
pub(crate) struct Deadline {
    pub(crate) at: Monotonic,
    entry_at: Monotonic,
}

/// All entries, soonest first.
#[derive(Debug, Default)]
pub(crate) struct Timeouts {
    entries: BTreeSet<(Monotonic, usize)>,
}

impl Timeouts {
    pub(crate) fn add(&mut self, index: usize, at: Monotonic) -> Deadline {
        self.entries.insert((at, index));
        Deadline { at, entry_at: at }
    }

    pub(crate) fn set(&mut self, index: usize, deadline: &mut Deadline, at: Monotonic) {
        deadline.at = at;
        if at < deadline.entry_at {
            self.entries.remove(&(deadline.entry_at, index));
            self.entries.insert((at, index));
            deadline.entry_at = at;
        }
    }

    pub(crate) fn remove(&mut self, index: usize, deadline: &Deadline) {
        self.entries.remove(&(deadline.entry_at, index));
    }

    pub(crate) fn next_at(&self) -> Option<Monotonic> {
        self.entries.first().map(|&(at, _)| at).filter(|&at| at != NEVER)
    }

    /// The next connection whose entry has come up. The caller either closes it or calls
    /// [`Timeouts::renew`].
    pub(crate) fn pop(&mut self, now: Monotonic) -> Option<usize> {
        let &(at, index) = self.entries.first()?;
        (at <= now).then(|| {
            self.entries.pop_first();
            index
        })
    }

    /// Puts the entry back where the deadline is now.
    pub(crate) fn renew(&mut self, index: usize, deadline: &mut Deadline) {
        deadline.entry_at = deadline.at;
        self.entries.insert((deadline.at, index));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearer_deadlines_move_the_entry_and_further_ones_are_found_out_later() {
        let mut timeouts = Timeouts::default();
        let mut deadline = timeouts.add(7, Monotonic(100));
        timeouts.set(7, &mut deadline, Monotonic(200));
        assert_eq!(timeouts.next_at(), Some(Monotonic(100)));
        assert_eq!(timeouts.pop(Monotonic(100)), Some(7));
        timeouts.renew(7, &mut deadline);
        assert_eq!(timeouts.pop(Monotonic(199)), None);
        timeouts.set(7, &mut deadline, Monotonic(150));
        assert_eq!(timeouts.next_at(), Some(Monotonic(150)));
        timeouts.remove(7, &deadline);
        assert_eq!(timeouts.next_at(), None);
    }
}
