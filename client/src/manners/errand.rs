//! One call from its first request to its outcome: what to do after each answer. It never repeats
//! what the budget does not allow, never asks earlier than the server wants, and sends nothing at or
//! behind its deadline.

use super::Manners;
use super::answer::{Answer, Said};
use overtime_protocol::{Monotonic, Submitted, TaskId, TaskState};
use std::time::Duration;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send the errand's request, for the first time or again. A submission has the same key as
    /// before.
    Send {
        /// So long from now.
        after: Duration,
    },
    /// Get another key, and if there is one, go on with [`Errand::authenticated`]. If there is none,
    /// the last answer is the outcome.
    Authenticate,
    /// Ask for the task's document.
    Poll {
        /// Which task.
        task: TaskId,
        /// So long from now.
        after: Duration,
        /// Asking the server to hold the answer for so long unless the task ends.
        hold: Duration,
    },
    /// Ask for the task's result.
    Fetch {
        /// Which task.
        task: TaskId,
        /// So long from now.
        after: Duration,
    },
    /// Nothing: the last answer is the outcome.
    Done,
    /// Nothing more. If [`Errand::task`] is known, the work is accepted and goes on.
    GiveUp(Why),
}

/// Why no more is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// No request that the server allows could bring an answer before the deadline.
    Deadline,
    /// The budget of repetitions is spent.
    Budget,
    /// Nobody listens; somebody may look again after so long.
    Unreachable(Duration),
    /// The task rests until a person decides.
    Parked,
}

/// What an errand is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To have work done: a 202 is followed to the result.
    Work,
    /// To have a question answered: each answer that is none to come back for is the outcome.
    Question,
}

/// Which request is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Sending,
    Polling(TaskId),
    Fetching(TaskId),
}

/// One call.
#[derive(Clone, Debug)]
pub struct Errand {
    purpose: Purpose,
    phase: Phase,
    deadline: Monotonic,
    /// When the request that is under way was to be sent.
    due: Monotonic,
    /// Failures in a row.
    failures: u32,
    /// Polls in a row that found the task unfinished.
    polls: u32,
    has_authenticated: bool,
    task: Option<TaskId>,
    submitted: Submitted,
}

impl Errand {
    /// To submit work and have its result by the deadline.
    pub fn submission(deadline: Monotonic) -> Self {
        Self::new(Purpose::Work, Phase::Sending, deadline)
    }

    /// To ask something that is answered at once.
    pub fn question(deadline: Monotonic) -> Self {
        Self::new(Purpose::Question, Phase::Sending, deadline)
    }

    /// To have the result of work that is accepted already.
    pub fn waiting(task: TaskId, deadline: Monotonic) -> Self {
        let waiting = Self::new(Purpose::Work, Phase::Polling(task), deadline);
        Self { task: Some(task), submitted: Submitted::Yes, ..waiting }
    }

    fn new(purpose: Purpose, phase: Phase, deadline: Monotonic) -> Self {
        Self {
            purpose,
            phase,
            deadline,
            due: Monotonic(0),
            failures: 0,
            polls: 0,
            has_authenticated: false,
            task: None,
            submitted: Submitted::No,
        }
    }

    /// The task, once it is known.
    pub fn task(&self) -> Option<TaskId> {
        self.task
    }

    /// Whether the work was accepted, as far as all answers together tell.
    pub fn submitted(&self) -> Submitted {
        self.submitted
    }

    /// How long is left.
    pub fn left(&self, now: Monotonic) -> Duration {
        self.deadline.since(now)
    }

    /// How long a request that is sent now may be held: a little less than what is left, so that the
    /// answer is there by the deadline.
    pub fn hold(&self, manners: &Manners, now: Monotonic) -> Duration {
        let left = self.left(now);
        let margin = (left / 10).min(Duration::from_secs(1));
        (left - margin).min(manners.rules.hold_most)
    }

    /// The first thing to be done.
    pub fn begin(&mut self, manners: &mut Manners, now: Monotonic) -> Next {
        if now >= self.deadline {
            return Next::GiveUp(Why::Deadline);
        }
        match manners.begin(now) {
            Ok(()) => self.request(Duration::ZERO, manners, now),
            Err(probe_in) => Next::GiveUp(Why::Unreachable(probe_in)),
        }
    }

    /// What to do after this answer to the last request.
    pub fn answered(&mut self, answer: &Answer, manners: &mut Manners, now: Monotonic) -> Next {
        match answer {
            Answer::Said(said) => {
                manners.circuit.close();
                self.learn(said);
                self.said(said, manners, now)
            }
            Answer::Lost => {
                manners.circuit.close();
                if self.phase == Phase::Sending && self.submitted == Submitted::No {
                    self.submitted = Submitted::Unknown;
                }
                self.again(None, manners, now)
            }
            Answer::NotConnected => {
                if manners.budget.left() == 0 {
                    manners.circuit.trip(now, &mut manners.random);
                }
                self.again(None, manners, now)
            }
        }
    }

    /// A refusal says nothing about a request before it that got lost.
    fn learn(&mut self, said: &Said) {
        self.task = self.task.or(said.task);
        self.submitted = match (self.phase, self.submitted, said.submitted()) {
            (Phase::Sending, Submitted::No, now) => now,
            (Phase::Sending, Submitted::Unknown, Submitted::Yes) => Submitted::Yes,
            (_, before, _) => before,
        };
    }

    fn said(&mut self, said: &Said, manners: &mut Manners, now: Monotonic) -> Next {
        match (said.status, self.phase) {
            (401, _) => self.authenticate(manners),
            (202, Phase::Sending) if self.purpose == Purpose::Work => {
                self.unfinished(said, manners, now)
            }
            (200, Phase::Polling(task)) if said.state.is_none_or(TaskState::is_final) => {
                self.phase = Phase::Fetching(task);
                manners.stats.fetches += 1;
                self.request(Duration::ZERO, manners, now)
            }
            (200..=299, Phase::Polling(_)) | (202, Phase::Fetching(_)) => {
                self.unfinished(said, manners, now)
            }
            _ if said.is_retryable() => self.refused(said, manners, now),
            _ => Next::Done,
        }
    }

    /// What to do with another key behind [`Next::Authenticate`]: the last request again, if the
    /// budget allows. A key that nobody takes would double all that is sent.
    pub fn authenticated(&mut self, manners: &mut Manners, now: Monotonic) -> Next {
        match now < self.deadline && manners.spend() {
            true => self.request(Duration::ZERO, manners, now),
            false => Next::Done,
        }
    }

    /// Once, because the next key will not be taken either.
    fn authenticate(&mut self, manners: &Manners) -> Next {
        let has_asked = std::mem::replace(&mut self.has_authenticated, true);
        match has_asked || manners.budget_left() == 0 {
            true => Next::Done,
            false => Next::Authenticate,
        }
    }

    /// The task is accepted and has not ended: the next poll is due when the server says, and no
    /// sooner behind the last one than polls may follow each other, however short it was held.
    fn unfinished(&mut self, said: &Said, manners: &mut Manners, now: Monotonic) -> Next {
        let Some(task) = self.task else { return Next::Done };
        if said.state == Some(TaskState::Parked) {
            return Next::GiveUp(Why::Parked);
        }
        self.failures = 0;
        let mut after = said.retry_after.unwrap_or_default();
        if self.phase != Phase::Sending {
            self.polls = self.polls.saturating_add(1);
            let pause = manners.rules.polls.pause(self.polls, &mut manners.random);
            after = after.max(pause.saturating_sub(now.since(self.due)));
        }
        if now + after >= self.deadline {
            return Next::GiveUp(Why::Deadline);
        }
        self.phase = Phase::Polling(task);
        manners.stats.polls += 1;
        self.request(after, manners, now)
    }

    /// The server cannot now. Work that it has accepted all the same is asked for.
    fn refused(&mut self, said: &Said, manners: &mut Manners, now: Monotonic) -> Next {
        let is_accepted = self.submitted == Submitted::Yes && self.purpose == Purpose::Work;
        if let (Phase::Sending, true, Some(task)) = (self.phase, is_accepted, self.task) {
            self.phase = Phase::Polling(task);
        }
        self.again(said.retry_after, manners, now)
    }

    /// The same request again, if time and budget allow.
    fn again(&mut self, asked: Option<Duration>, manners: &mut Manners, now: Monotonic) -> Next {
        self.failures = self.failures.saturating_add(1);
        let backoff = manners.rules.repetitions;
        let after = backoff.delay(self.failures, asked, &mut manners.random);
        if now + after >= self.deadline {
            return Next::GiveUp(Why::Deadline);
        }
        if !manners.spend() {
            return Next::GiveUp(Why::Budget);
        }
        self.request(after, manners, now)
    }

    fn request(&mut self, after: Duration, manners: &Manners, now: Monotonic) -> Next {
        self.due = now + after;
        match self.phase {
            Phase::Sending => Next::Send { after },
            Phase::Polling(task) => Next::Poll { task, after, hold: self.hold(manners, self.due) },
            Phase::Fetching(task) => Next::Fetch { task, after },
        }
    }
}
