//! What the handlers do, held against what was asked for: which work starts, when, and which ends
//! have a reason in it.

use super::{Oracle, Reasons};
use crate::kinds::Work;
use overtime_protocol::{Answer, Now, Outcome, TaskId, TaskState};

impl Oracle {
    /// A handler is about to start.
    pub(crate) fn starts(&mut self, task: TaskId, work: Work, now: Now) {
        let is_accepted = self.accepted.contains(&task);
        if work.starts_durable() {
            assert!(is_accepted, "{task} starts before its acceptance is on disk");
        }
        let end = self.tasks.get(&task).and_then(|known| known.end);
        let end = end.or_else(|| self.ends.get(&task).copied());
        assert!(end.is_none(), "{task} is {end:?} and starts again");
        let reasons = self.reasons.entry(task).or_default();
        assert!(!reasons.is_not_to_run, "{task} starts though somebody was told that it does not");
        reasons.is_to_run = false;
        let own = self.tasks.get(&task).and_then(|known| known.work);
        assert!(own.is_none_or(|own| own == work), "{task} starts with the payload of another");
        self.check_asked(task, work, now);
        if is_accepted {
            let doer = *self.doers.entry(work.token).or_insert(task);
            assert_eq!(doer, task, "two tasks are to do the work {}", work.token);
        }
    }

    /// Somebody has asked for it, and not for later.
    fn check_asked(&self, task: TaskId, work: Work, now: Now) {
        let told = self.tokens.get(&work.token).expect("a payload that nobody has sent");
        assert_eq!(told.work, work, "{task} starts as another kind of work");
        assert!(!told.is_refused, "{task} starts though its request was refused");
        // Whoever repeats a request under its key may have been refused the first time. And the clock
        // by which it was taken in may be another by now, even if it was set back since.
        let is_first = told.requests == 1 && told.asked == (self.counts.lives, self.counts.jumps);
        assert!(
            !is_first || now.unix >= told.due,
            "{task} starts before it is due: {now:?}, {:?}",
            told.due
        );
    }

    /// A handler has come back.
    pub(crate) fn comes_back(&mut self, task: TaskId, outcome: &Outcome) {
        let reasons = self.reasons.entry(task).or_default();
        match outcome {
            Outcome::Done(_) => reasons.was_done = true,
            Outcome::Rejected(_) => reasons.was_rejected = true,
            Outcome::Defect(_) => reasons.had_defect = true,
            Outcome::Ephemeral(_) | Outcome::Yielded | Outcome::Cancelled | Outcome::Held(_) => {}
        }
    }

    /// A client wishes a task cancelled.
    pub(crate) fn wishes_end(&mut self, task: TaskId) {
        self.reasons.entry(task).or_default().cancels = true;
    }

    /// Whoever asks for the end of a task that runs, and is told 202, is told that this attempt is
    /// its last.
    pub(super) fn note_cancelled(&mut self, task: TaskId, answer: &Answer) {
        if matches!(answer, Answer::Accepted { .. }) {
            self.reasons.entry(task).or_default().is_not_to_run = true;
        }
    }

    /// Whoever has a parked task run again, and is told 202, is told that it will.
    pub(super) fn note_resumed(&mut self, task: TaskId, answer: &Answer) {
        let Answer::Accepted { document, .. } = answer else { return };
        if document.state == TaskState::Queued {
            self.reasons.entry(task).or_default().is_to_run = true;
        }
    }

    /// A client wishes all tasks cancelled that a defect has parked.
    pub(crate) fn wishes_discard(&mut self) {
        self.discards = true;
    }

    /// No task ends by itself.
    pub(super) fn check_reason(&self, task: TaskId, state: TaskState) {
        let none = Reasons::default();
        let reasons = self.reasons.get(&task).unwrap_or(&none);
        let has_reason = match state {
            TaskState::Succeeded => reasons.was_done,
            TaskState::Failed => reasons.was_rejected,
            TaskState::Cancelled => reasons.cancels || (self.discards && reasons.had_defect),
            _ => true,
        };
        assert!(has_reason, "{task} is {state:?} and nobody has made it so");
    }
}
