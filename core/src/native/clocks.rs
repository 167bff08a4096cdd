//! The two clocks of a native connection: what is to come in and what is to go out are waited for
//! at the same time, and neither excuses the other. It never asks what time it is.

use crate::limits::Limits;
use crate::pace::{Pace, Tempo};
use crate::timeouts::NEVER;
use overtime_protocol::Monotonic;
use overtime_protocol::http::Phase;

/// When each side has to have moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clocks {
    read_by: Monotonic,
    write_by: Monotonic,
    /// What is read by then is more of a payload that was read before.
    in_body: bool,
}

/// Where reading stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) phase: Phase,
    /// A frame's head has come to its end since the clocks were set.
    pub(crate) moved: bool,
    /// Nobody is owed an answer.
    pub(crate) quiet: bool,
}

impl Clocks {
    /// The clocks of a connection whose first frame is due by `first_frame_by`.
    pub(crate) fn new(first_frame_by: Monotonic) -> Self {
        Self { read_by: first_frame_by, write_by: NEVER, in_body: false }
    }

    /// When to look at the connection again.
    pub(crate) fn due(&self) -> Monotonic {
        self.read_by.min(self.write_by)
    }

    /// Whether the peer does not read its answers.
    pub(crate) fn write_is_late(&self, now: Monotonic) -> bool {
        self.write_by <= now
    }

    /// So many bytes were read.
    pub(crate) fn read(&mut self, standing: Standing, bytes: u64, now: Monotonic, limits: &Limits) {
        let is_same_body = self.in_body && !standing.moved;
        self.in_body = standing.phase == Phase::Body;
        self.read_by = match standing.phase {
            // From the first byte on a whole head has one deadline, however it dribbles.
            Phase::Head if !standing.moved => self.read_by.min(now + limits.head_timeout),
            Phase::Head => now + limits.head_timeout,
            Phase::Body if is_same_body => gone_on(self.read_by, bytes, now, limits),
            Phase::Body => now + limits.body_progress_timeout,
            Phase::Idle if standing.quiet => now + limits.idle_timeout,
            Phase::Idle | Phase::Refused => NEVER,
        };
    }

    /// Nothing is read until further notice, which is not the peer's fault.
    pub(crate) fn pause_reading(&mut self) {
        self.in_body = false;
        self.read_by = NEVER;
    }

    /// Nothing is read while a payload waits for memory, which is until then at the latest.
    pub(crate) fn wait_for_memory(&mut self, until: Monotonic) {
        self.in_body = false;
        self.read_by = until;
    }

    /// Reading goes on after a pause, or the last answer has left.
    pub(crate) fn resume_reading(&mut self, standing: Standing, now: Monotonic, limits: &Limits) {
        if self.read_by == NEVER {
            self.read(standing, 0, now, limits);
        }
    }

    /// Nothing but the peer's end is waited for.
    pub(crate) fn linger(&mut self, until: Monotonic) {
        *self = Self { read_by: until, write_by: NEVER, in_body: false };
    }

    /// Something is left to be written; so many bytes just were.
    pub(crate) fn write_pending(&mut self, bytes: u64, now: Monotonic, limits: &Limits) {
        self.write_by = match self.write_by {
            NEVER => now + limits.body_progress_timeout,
            write_by => gone_on(write_by, bytes, now, limits),
        };
    }

    /// Everything is written.
    pub(crate) fn written(&mut self) {
        self.write_by = NEVER;
    }
}

/// When a peer that was due by then is due now that it has moved so many bytes.
fn gone_on(due: Monotonic, bytes: u64, now: Monotonic, limits: &Limits) -> Monotonic {
    let mut pace = Pace { due };
    if bytes > 0 {
        pace.go_on(bytes, Tempo::of(limits), now);
    }
    pace.due
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::time::Duration;

    const SECOND: u64 = 1_000_000_000;

    pub(crate) fn limits() -> Limits {
        Limits {
            http: overtime_protocol::http::Limits::default(),
            connections_max: 1,
            wait_default: Duration::ZERO,
            wait_max: Duration::ZERO,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            body_progress_timeout: Duration::from_secs(20),
            rate_min: 1024,
            heartbeat: Duration::ZERO,
            spin: Duration::ZERO,
            turn_budget: Duration::ZERO,
            drain_notice: Duration::ZERO,
            drain_grace: Duration::ZERO,
        }
    }

    fn read(clocks: &mut Clocks, phase: Phase, moved: bool, quiet: bool, now_s: u64) -> u64 {
        let standing = Standing { phase, moved, quiet };
        clocks.read(standing, 1 << 20, Monotonic(now_s * SECOND), &limits());
        clocks.due().0 / SECOND
    }

    #[test]
    fn a_head_that_dribbles_has_one_deadline_and_the_next_has_its_own() {
        let mut clocks = Clocks::new(Monotonic(10 * SECOND));
        assert_eq!(read(&mut clocks, Phase::Head, false, true, 1), 10);
        assert_eq!(read(&mut clocks, Phase::Head, false, true, 9), 10);
        assert_eq!(read(&mut clocks, Phase::Head, true, true, 9), 19);
        assert_eq!(read(&mut clocks, Phase::Body, true, true, 12), 32);
        assert_eq!(read(&mut clocks, Phase::Idle, false, true, 15), 90);
        assert_eq!(read(&mut clocks, Phase::Head, false, true, 16), 26);
        assert_eq!(read(&mut clocks, Phase::Idle, true, false, 20), NEVER.0 / SECOND);
        assert_eq!(read(&mut clocks, Phase::Head, false, false, 21), 31);
    }

    #[test]
    fn more_to_write_is_no_progress() {
        let mut clocks = Clocks::new(NEVER);
        clocks.write_pending(0, Monotonic(0), &limits());
        clocks.write_pending(0, Monotonic(15 * SECOND), &limits());
        assert_eq!(clocks.due(), Monotonic(20 * SECOND));
        clocks.write_pending(1024, Monotonic(15 * SECOND), &limits());
        assert_eq!(clocks.due(), Monotonic(21 * SECOND));
        clocks.write_pending(1 << 20, Monotonic(15 * SECOND), &limits());
        assert_eq!(clocks.due(), Monotonic(35 * SECOND));
        assert!(!clocks.write_is_late(Monotonic(34 * SECOND)));
        assert!(clocks.write_is_late(Monotonic(35 * SECOND)));
        clocks.written();
        assert_eq!(clocks.due(), NEVER);
    }
}
