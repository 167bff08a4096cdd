//! The door: who goes out and who comes in, behind everything that others wait for, and when to look
//! again for those that could not come in.

use super::Core;
use crate::limits::{ACCEPTS_PER_TURN, LEAVES_PER_TURN};
use overtime_protocol::Monotonic;

impl Core {
    /// Closes this turn's share of those who go, and lets in that of those who come. It is the last
    /// thing that a turn does: nobody who comes has asked for anything yet.
    pub(super) fn mind_the_door(&mut self, now: Monotonic) {
        let left = self.clients.expire(LEAVES_PER_TURN, now);
        self.more |= left == LEAVES_PER_TURN;
        let closed = std::mem::take(&mut self.clients.closed);
        if closed > 0 {
            self.listener.make_room();
        }
        let come = self.let_in(now);
        let counters = &mut self.clients.counters;
        counters.turn_leaves_max = counters.turn_leaves_max.max(left.max(closed) as u64);
        counters.turn_accepts_max = counters.turn_accepts_max.max(come as u64);
    }

    /// Returns how many have come in.
    fn let_in(&mut self, now: Monotonic) -> usize {
        for come in 0..ACCEPTS_PER_TURN {
            if !self.listener.has_more(now) || !self.clients.has_place(now) {
                return come;
            }
            if let Some(stream) = self.listener.accept(now) {
                self.clients.admit(stream, self.poll.registry(), now);
            }
        }
        ACCEPTS_PER_TURN
    }

    /// Whether there is cause for the above though nothing was due.
    pub(super) fn is_called_to_the_door(&self, now: Monotonic) -> bool {
        self.due.door <= now || self.clients.closed > 0 || self.listener.has_more(now)
    }

    pub(super) fn can_let_in(&self, now: Monotonic) -> bool {
        self.listener.has_more(now) && self.clients.has_place(now)
    }

    /// When somebody who waits could be let in: as soon as there is a descriptor again, or somebody
    /// to take the place of.
    pub(super) fn next_try(&self, now: Monotonic) -> Option<Monotonic> {
        let retry_at = self.listener.next_try();
        let has_more = self.listener.has_more(now);
        retry_at.or_else(|| has_more.then(|| self.clients.next_place_at()).flatten())
    }
}
