//! The oracle: what the clients were told, what the handlers did, and what has to be so because of
//! it. It knows nothing of the engine or the journal but what they say, and it panics at the first
//! contradiction: that is a run's failure.

mod answers;
mod handlers;
mod sweep;

pub(crate) use sweep::{Entries, States};

use crate::kinds::Work;
use overtime_protocol::record::Change;
use overtime_protocol::{
    Append, Fate, Now, ReplyTo, TaskId, TaskState, Ticket, UnixMillis, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What is known.
#[derive(Default)]
pub(crate) struct Oracle {
    /// Requests of this life that were not answered yet.
    owed: BTreeMap<ReplyTo, Request>,
    tasks: BTreeMap<TaskId, Known>,
    tokens: BTreeMap<u64, Told>,
    /// What was seen of each key of state, at its longest.
    shown: BTreeMap<Vec<u8>, Vec<u8>>,
    /// How each task ended whose end became durable, as the journal said.
    ends: BTreeMap<TaskId, TaskState>,
    /// Tasks that an engine wanted on disk: there are no others.
    offered: BTreeSet<TaskId>,
    /// What handlers came back with, and what clients wished, so that each end has its reason.
    reasons: BTreeMap<TaskId, Reasons>,
    /// Somebody wished those cancelled that a defect has parked.
    discards: bool,
    /// The task that does a piece of work, as far as its acceptance is on disk.
    doers: BTreeMap<u64, TaskId>,
    /// What each append of this life says.
    appends: BTreeMap<Ticket, Said>,
    /// Tasks whose acceptance is on disk, as far as any life was told.
    accepted: BTreeSet<TaskId>,
    /// The journal has said in this life that it failed.
    has_failed: bool,
    /// The drive has failed, so that something may not be readable.
    pub(crate) has_faults: bool,
    /// What else was counted, to see that the days are not too quiet.
    pub(crate) counts: Counts,
}

/// What came to pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Answers.
    pub answers: u64,
    /// Tasks that clients know to be on disk.
    pub tasks: u64,
    /// Tasks that clients know to have ended.
    pub ended: u64,
    /// Lives of the server.
    pub lives: u64,
    /// Times that the power went off.
    pub outages: u64,
    /// Times that the journal failed.
    pub failures: u64,
    /// Faults of the drive.
    pub faults: u64,
    /// Bits that changed on disk.
    pub rotten: u64,
    /// Starts that were refused because of damage.
    pub refused: u64,
    /// Times that the wall clock was set.
    pub jumps: u64,
}

impl Counts {
    /// Adds what came to pass in another run.
    pub fn add(&mut self, other: &Self) {
        self.answers += other.answers;
        self.tasks += other.tasks;
        self.ended += other.ended;
        self.lives += other.lives;
        self.outages += other.outages;
        self.failures += other.failures;
        self.faults += other.faults;
        self.rotten += other.rotten;
        self.refused += other.refused;
        self.jumps += other.jumps;
    }
}

/// What a request is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request {
    Submit(Work, Duration),
    About(TaskId),
    Cancel(TaskId),
    Retry(TaskId),
    /// About the task of another tenant.
    Foreign(TaskId),
    State(u64),
    Other,
}

/// What is known of a task.
struct Known {
    work: Option<Work>,
    /// Somebody was told that it is on disk.
    is_durable: bool,
    end: Option<TaskState>,
}

/// What is known of a piece of work.
struct Told {
    work: Work,
    /// Somebody was told that it will not be done because of their request, and nobody else asked.
    is_refused: bool,
    requests: u32,
    /// The task that does it, if that is known.
    task: Option<TaskId>,
    /// Not before when it may begin.
    due: UnixMillis,
    /// In which life it was asked for first, and how often the clock had been set before.
    asked: (u64, u64),
}

struct Said {
    task: TaskId,
    ends: Option<TaskState>,
    accepts: bool,
}

/// Why a task may have ended as it did.
#[derive(Default)]
struct Reasons {
    was_done: bool,
    was_rejected: bool,
    had_defect: bool,
    /// Somebody wished it cancelled.
    cancels: bool,
    /// … and was told that it does not run again.
    is_not_to_run: bool,
    /// Somebody was told that it runs again, and it has not yet.
    is_to_run: bool,
}

impl Oracle {
    /// A client asks for something.
    pub(crate) fn asks(&mut self, to: ReplyTo, request: Request, now: Now) {
        if let Request::Submit(work, delay) = request {
            let (due, asked) = (now.unix + delay, (self.counts.lives, self.counts.jumps));
            let told = Told { work, is_refused: false, requests: 0, task: None, due, asked };
            let told = self.tokens.entry(work.token).or_insert(told);
            assert_eq!(told.work, work, "a token stands for two pieces of work");
            told.requests += 1;
            told.is_refused = false;
        }
        self.owed.insert(to, request);
    }

    /// The engine wants something appended.
    pub(crate) fn appends(&mut self, append: &Append) {
        let record = &append.record;
        let ends = match &record.change {
            Some(Change::Finished(document, _)) => Some(document.state),
            _ => None,
        };
        let accepts = record.acceptance.is_some();
        if accepts || ends.is_some() {
            self.offered.insert(record.task);
        }
        self.appends.insert(append.ticket, Said { task: record.task, ends, accepts });
    }

    /// The journal has decided.
    pub(crate) fn judged(&mut self, verdict: Verdict) {
        assert!(!self.has_failed, "a verdict after the journal has failed");
        let Some(said) = self.appends.remove(&verdict.ticket) else {
            panic!("a verdict on an append that nobody made: {verdict:?}");
        };
        if matches!(verdict.fate, Fate::Durable { .. }) {
            if let Some(state) = said.ends {
                let before = self.ends.insert(said.task, state);
                assert!(before.is_none(), "{} ended twice: {before:?}, {state:?}", said.task);
                self.check_reason(said.task, state);
            }
            if said.accepts {
                self.accepted.insert(said.task);
            }
        }
    }

    /// The journal told of an unfinished task.
    pub(crate) fn recovered(&mut self, task: TaskId) {
        assert!(self.offered.contains(&task), "{task} was recovered and never was");
        assert!(!self.ends.contains_key(&task), "{task} has ended and was recovered");
        let end = self.tasks.get(&task).and_then(|known| known.end);
        assert!(end.is_none(), "{task} was told to be {end:?} and was recovered");
        self.accepted.insert(task);
    }

    /// The journal has said that it failed.
    pub(crate) fn fails(&mut self) {
        self.has_failed = true;
    }

    /// A life is over: nobody who waits is answered any more.
    pub(crate) fn dies(&mut self) {
        self.owed.clear();
        self.appends.clear();
        self.has_failed = false;
    }

    /// Who still waits.
    pub(crate) fn owed(&self) -> usize {
        self.owed.len()
    }

    /// A task that clients know of, by chance.
    pub(crate) fn pick(&self, number: u64) -> Option<TaskId> {
        let count = self.tasks.len() as u64;
        let place = number.checked_rem(count)?;
        // The newer half is the more interesting one.
        let place = if number.is_multiple_of(2) { place } else { count - 1 - place / 4 };
        self.tasks.keys().nth(place as usize).copied()
    }

    /// What work a task does, if that is known.
    pub(crate) fn work(&self, task: TaskId) -> Option<Work> {
        self.tasks.get(&task)?.work
    }

    /// Takes down what somebody was told of a task.
    fn learn(&mut self, task: TaskId, state: TaskState, work: Option<Work>) {
        let known =
            self.tasks.entry(task).or_insert(Known { work: None, is_durable: false, end: None });
        known.is_durable = true;
        assert!(self.offered.contains(&task), "{task} is told and never was");
        if let Some(work) = work {
            let former = *known.work.get_or_insert(work);
            assert_eq!(former, work, "{task} is told to be the work of another");
            if let Some(told) = self.tokens.get_mut(&work.token) {
                let doer = *told.task.get_or_insert(task);
                assert_eq!(doer, task, "two tasks do the work {}", work.token);
            }
        }
        if state.is_final() {
            let end = *known.end.get_or_insert(state);
            assert_eq!(end, state, "{task} was told to be {end:?} and is now {state:?}");
            self.check_reason(task, state);
        }
    }
}
