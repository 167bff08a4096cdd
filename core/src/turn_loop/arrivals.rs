//! Who comes in, and when to look again for those that could not.

use super::Core;
use crate::limits::ACCEPTS_PER_TURN;
use overtime_protocol::Monotonic;

impl Core {
    /// Lets in this turn's share of those that wait.
    pub(super) fn let_in(&mut self, now: Monotonic) {
        for _ in 0..ACCEPTS_PER_TURN {
            if !self.listener.has_more(now) || !self.clients.has_place(now) {
                return;
            }
            if let Some(stream) = self.listener.accept(now) {
                self.clients.admit(stream, self.poll.registry(), now);
            }
        }
    }

    pub(super) fn can_let_in(&self) -> bool {
        let now = self.clock.monotonic();
        self.listener.has_more(now) && self.clients.has_place(now)
    }

    /// When somebody who waits could be let in: as soon as there is a descriptor again, or somebody
    /// to take the place of.
    pub(super) fn next_try(&self) -> Option<Monotonic> {
        let retry_at = self.listener.next_try();
        let has_more = self.listener.has_more(self.clock.monotonic());
        retry_at.or_else(|| has_more.then(|| self.clients.next_place_at()).flatten())
    }
}
