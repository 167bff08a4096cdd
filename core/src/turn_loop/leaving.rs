//! The way out, in phases: notice, grace, the last answers, the end.

use super::{Core, Exit};
use crate::drain::Drain;
use crate::limits::LAST_FLUSH;
use overtime_engine::Event;
use overtime_protocol::{Code, Monotonic, Now, Problem};

impl Core {
    /// A second wish to end is answered by the process, which leaves at once.
    pub(super) fn begin_drain(&mut self, now: Monotonic) {
        if self.drain == Drain::Open {
            self.drain = Drain::Notice { until: now + self.limits.drain_notice };
        }
    }

    /// The journal cannot write any more: everybody is told so, and that is the end.
    pub(super) fn begin_end(&mut self, reason: String, now: Monotonic) {
        self.drain = Drain::Failed { reason, until: now + LAST_FLUSH / 2 };
        let problem = Problem::new(Code::JournalFailed, "the journal cannot write");
        self.clients.begin_closing(&problem, now);
        self.clients.end_streams();
    }

    pub(super) fn advance_drain(&mut self, now: Now) -> Option<Exit> {
        let (due, at) = (self.drain.until()? <= now.monotonic, now.monotonic);
        match &self.drain {
            Drain::Open => None,
            Drain::Notice { .. } => {
                if due {
                    self.engine.handle(Event::DrainStarted, now, &mut self.effects);
                    let problem = Problem::new(Code::Draining, "the server is on its way out");
                    self.clients.begin_closing(&problem, at);
                    self.drain = Drain::Grace { until: at + self.limits.drain_grace };
                    self.more = true;
                }
                None
            }
            Drain::Grace { .. } => {
                if due || (self.engine.is_quiet() && !self.engine.stats().is_working()) {
                    self.engine.handle(Event::GraceEnded, now, &mut self.effects);
                    self.clients.close_idle();
                    self.clients.end_streams();
                    self.drain = Drain::Leaving { until: at + 3 * LAST_FLUSH };
                    self.more = true;
                }
                None
            }
            Drain::Leaving { .. } => {
                let done = self.engine.is_quiet() && self.is_silent();
                (done || due).then_some(Exit::Drained)
            }
            Drain::Failed { reason, .. } => {
                (due || self.is_silent()).then(|| Exit::JournalFailed(reason.clone()))
            }
        }
    }

    /// Whether everything that was to be said has left. Those who asked the journal are still to
    /// hear from it.
    pub(super) fn is_silent(&self) -> bool {
        let applied = self.effects.is_empty() && self.appends.is_empty();
        let answered = !self.clients.owes_answers() && !self.clients.owes_output();
        applied && answered && !self.clients.has_work()
    }
}
