//! What some records make of one task, and how a restart lays that over what the archive has of
//! it. It never reads or writes anything.

use overtime_protocol::record::{Acceptance, Advance, Change, Record, StartMark};
use overtime_protocol::{
    Claim, Document, Fault, Form, KindName, News, Product, TaskEvent, TaskState, UnixMillis,
};

/// What became of a task.
#[derive(Default)]
pub(crate) struct TaskFold {
    /// How it was accepted, if that is among the records.
    pub(crate) acceptance: Option<Acceptance>,
    /// Its attempts, if any started or failed and it does not rest.
    pub(crate) run: Option<Run>,
    /// How far it came, if a chunk of it is among the records and it has not ended.
    pub(crate) advance: Option<Advance>,
    /// How it ended or was parked.
    pub(crate) rest: Option<Rest>,
    /// The idempotency key that it claimed, if nobody claimed it since.
    pub(crate) claim: Option<Claim>,
    /// The LSN of the record that accepted it and said no more.
    pub(crate) accepted_lsn: Option<u64>,
    /// The LSN of the record that ended it.
    pub(crate) ended_lsn: Option<u64>,
    /// What else happened to it, record by record.
    pub(crate) events: Vec<TaskEvent>,
    /// That a person had it run again, and it has not ended since.
    pub(crate) resumed: Option<Resumed>,
    /// Whether a caller asked for the end of its attempt, and it was not resumed since.
    pub(crate) cancel_asked: bool,
}

/// The attempts of an unfinished task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    /// The number of the newest.
    pub(crate) attempts: u32,
    /// Its mark, if its end is not known.
    pub(crate) mark: Option<StartMark>,
    /// When the newest known start was.
    pub(crate) started_at: Option<UnixMillis>,
    /// The crashes on the task's account, if a mark told them.
    pub(crate) crashes: Option<u8>,
    /// When the next attempt is due.
    pub(crate) next_at: Option<UnixMillis>,
    /// Why the newest that failed did.
    pub(crate) fault: Option<Fault>,
}

/// That a task was parked and goes on.
pub(crate) struct Resumed {
    /// How it was parked, if that is among the records.
    pub(crate) parked: Option<Rest>,
}

/// The end of a task, or its rest.
pub(crate) struct Rest {
    /// The whole document.
    pub(crate) document: Box<Document>,
    /// What it made.
    pub(crate) product: Option<Product>,
}

impl TaskFold {
    /// Adds what the next record says of the task. A task that has ended stays as it ended.
    pub(crate) fn add(&mut self, lsn: u64, record: Record) {
        if self.has_ended() {
            return;
        }
        self.note_event(lsn, &record);
        let Record { attempt, acceptance, change, .. } = record;
        self.acceptance = acceptance.or(self.acceptance.take());
        match change {
            None => {}
            Some(Change::Started(mark)) => self.run_again().start(attempt, mark),
            Some(Change::Retrying { next_at, fault }) => {
                self.run_again().fail(attempt, next_at, fault);
            }
            Some(Change::Advanced(advance)) => {
                (self.rest, self.advance) = (None, Some(advance));
            }
            Some(Change::Parked(document)) => {
                (self.run, self.rest) = (None, Some(Rest { document, product: None }));
            }
            Some(Change::Resumed) => self.resume_from_rest(),
            Some(Change::CancelAsked) => self.cancel_asked = true,
            Some(Change::Finished(document, product)) => {
                (self.run, self.advance, self.resumed) = (None, None, None);
                self.rest = Some(Rest { document, product });
            }
        }
    }

    fn note_event(&mut self, lsn: u64, record: &Record) {
        match &record.change {
            None if record.acceptance.is_some() => {
                self.accepted_lsn = self.accepted_lsn.or(Some(lsn));
            }
            Some(Change::Finished(..)) => self.ended_lsn = Some(lsn),
            None | Some(_) => self.events.extend(TaskEvent::of(lsn, record)),
        }
    }

    /// How many attempts the task has got over, if these records say so and it had come as far as
    /// `before`: one that comes further than those before it counts as the first again.
    pub(crate) fn got_over(&self, form: Form, before: u64) -> Option<u32> {
        // A pass over the items of a bulk body gets over some of them nearly always.
        if form == Form::Bulk {
            return None;
        }
        let (mut done, mut got_over) = (before, None);
        for event in &self.events {
            let News::Progress(progress) = &event.news else { continue };
            if progress.done > done {
                got_over = Some(event.attempt.saturating_sub(1));
            }
            done = progress.done;
        }
        got_over
    }

    /// Its kind, if a record tells it.
    pub(crate) fn kind(&self) -> Option<&KindName> {
        let parked = || self.resumed.as_ref().and_then(|resumed| resumed.parked.as_ref());
        let rest = self.rest.as_ref().or_else(parked).map(|rest| &rest.document.kind);
        rest.or(self.acceptance.as_ref().map(|acceptance| &acceptance.kind))
    }

    /// Whether its end is among the records.
    pub(crate) fn has_ended(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.document.state.is_final())
    }

    fn resume_from_rest(&mut self) {
        let before = self.resumed.take().and_then(|resumed| resumed.parked);
        self.resumed = Some(Resumed { parked: self.rest.take().or(before) });
        (self.run, self.cancel_asked) = (None, false);
    }

    fn run_again(&mut self) -> &mut Run {
        self.rest = None;
        self.run.get_or_insert_default()
    }
}

impl Run {
    fn start(&mut self, attempt: u32, mark: StartMark) {
        self.attempts = self.attempts.max(attempt);
        (self.mark, self.started_at) = (Some(mark), Some(mark.at));
        (self.crashes, self.next_at) = (Some(mark.crashes), None);
    }

    fn fail(&mut self, attempt: u32, next_at: UnixMillis, fault: Fault) {
        self.attempts = self.attempts.max(attempt);
        (self.mark, self.next_at, self.fault) = (None, Some(next_at), Some(fault));
    }

    /// What the task is called meanwhile.
    pub(crate) fn state(&self) -> TaskState {
        if self.mark.is_some() { TaskState::Running } else { TaskState::Retrying }
    }
}
