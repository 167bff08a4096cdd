//! Inquiries: what the engine has to know of the journal before it can decide.

use super::Engine;
use crate::event::Effect;
use overtime_protocol::{Finding, Inquiry, Now, Question, Ticket};

/// What is decided once something was found.
#[derive(Debug)]
pub(crate) enum Pending {}

impl Engine {
    /// Asks the journal; what waits for it is decided when it has answered.
    #[expect(dead_code, reason = "nothing is asked yet")]
    pub(super) fn inquire(&mut self, question: Question, then: Pending, out: &mut Vec<Effect>) {
        let ticket = Ticket(self.inquiries.insert(then) as u64);
        out.push(Effect::Inquire(Inquiry { ticket, question }));
    }

    pub(super) fn found(
        &mut self,
        ticket: Ticket,
        _finding: Finding,
        _now: Now,
        _out: &mut Vec<Effect>,
    ) {
        let Some(then) = self.inquiries.try_remove(ticket.0 as usize) else {
            self.stats.stale += 1;
            return;
        };
        match then {}
    }
}
