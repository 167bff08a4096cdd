//! Rest: how long the loop may sleep, and what is due when it gets up. A core that refuses by the ten
//! thousand wakes for each of them: what nobody has asked for is left alone until it is due.

use super::Core;
use crate::limits::SPOOL_RETRY;
use crate::timeouts::NEVER;
use mio::Events;
use overtime_protocol::Monotonic;
use std::io;
use std::time::{Duration, Instant};

/// When there is something to do for which nobody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// By the engine, or with what it wants done.
    pub(super) engine: Monotonic,
    /// At the door.
    pub(super) door: Monotonic,
}

impl Due {
    /// There is something everywhere, or might be.
    pub(super) const AT_ONCE: Self = Self { engine: Monotonic(0), door: Monotonic(0) };
}

impl Core {
    /// Sleeps until something happens or is due.
    pub(super) fn poll(&mut self, events: &mut Events) -> io::Result<()> {
        self.due = if self.is_busy() { Due::AT_ONCE } else { self.next_due() };
        let (due, now) = (self.next_turn(), self.meter.ended());
        if due > now && self.spin(events)? {
            return Ok(());
        }
        let sleeps = due > now && self.inbox.lie_down();
        let timeout = self.alarm.set(if sleeps { due } else { now }, now)?;
        let polled = self.poll.poll(events, timeout);
        if sleeps {
            self.inbox.get_up();
        }
        match polled {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            polled => polled,
        }
    }

    /// Whether there is something to do at once. Mail is found when the loop lies down.
    fn is_busy(&mut self) -> bool {
        self.more
            || self.clients.has_work()
            || self.appends.has_some_to_send(self.outlook())
            || self.clients.can_go_on(self.engine.payload_bytes())
            || self.engine.has_work_to_start()
            || self.can_let_in(self.meter.ended())
    }

    fn next_due(&mut self) -> Due {
        let now = self.meter.ended();
        let spool = (!self.spool_waiting.is_empty()).then(|| now + SPOOL_RETRY);
        let engine = [self.engine.next_deadline(), self.appends.next_deadline(), spool];
        let door = [self.clients.next_deadline(), self.next_try(now)];
        Due { engine: soonest(engine), door: soonest(door) }
    }

    /// When the next turn is due at the latest.
    fn next_turn(&self) -> Monotonic {
        let drain = self.drain.until().unwrap_or(NEVER);
        self.due.engine.min(self.due.door).min(drain)
    }

    /// Looks for work for a while before sleeping, if some is about to come back: that is cheaper
    /// than to be woken. Returns whether any came.
    fn spin(&mut self, events: &mut Events) -> io::Result<bool> {
        if self.limits.spin.is_zero() || !self.engine.expects_soon() {
            return Ok(false);
        }
        let start = Instant::now();
        while start.elapsed() < self.limits.spin {
            self.poll.poll(events, Some(Duration::ZERO))?;
            if !events.is_empty() || !self.inbox.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn soonest(points: impl IntoIterator<Item = Option<Monotonic>>) -> Monotonic {
    points.into_iter().flatten().min().unwrap_or(NEVER)
}
