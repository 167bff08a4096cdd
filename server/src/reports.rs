//! What the journal reports, on its way to the core and to the operator.

use crate::lines::Lines;
use overtime_core::{Mail, Mailbox};
use overtime_journal::{Deliver, Report};
use std::sync::Arc;

/// What hands every report on.
pub(crate) fn deliver(mailbox: Mailbox, lines: Lines) -> Deliver {
    Arc::new(move |report| {
        mailbox.push(match report {
            Report::Verdicts(verdicts) => Mail::Judged(verdicts),
            Report::Answer(to, answer) => Mail::Answered(to, answer),
            Report::Strained(strained) => Mail::Strained(strained),
            Report::Found(ticket, finding) => Mail::Found(ticket, finding),
            Report::Spooled(task, outcome) => Mail::Spooled(task, outcome),
            Report::Failed(reason) => Mail::JournalFailed(reason),
            Report::Noted(line) => return lines.say(line),
            Report::Space(space) => {
                lines.say(&space);
                Mail::Space { is_low: space.is_low, over: space.over }
            }
        });
    })
}
