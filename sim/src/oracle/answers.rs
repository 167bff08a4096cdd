//! What an answer promises. It asserts that the promise is one that may be made, and keeps it.

use super::{Known, Oracle, Request};
use crate::kinds::Work;
use overtime_protocol::{
    Answer, Code, Durability, EventPage, News, Problem, ReplyTo, Submitted, TaskEvent, TaskId,
    TaskState,
};

impl Oracle {
    /// Somebody is answered.
    pub(crate) fn answer(&mut self, to: ReplyTo, answer: &Answer) {
        let (work, task) = match self.settle(to) {
            Request::Submit(work, _) => (Some(work), None),
            Request::About(task) => (None, Some(task)),
            Request::Cancel(task) => {
                self.note_cancelled(task, answer);
                (None, Some(task))
            }
            Request::Retry(task) => {
                self.note_resumed(task, answer);
                (None, Some(task))
            }
            Request::State(key) => return self.state(key, answer),
            Request::Foreign(task) => return self.foreign(task, answer),
            Request::Other => (None, None),
        };
        match answer {
            Answer::Result { task: id, product, account } => {
                self.may_promise(*id, TaskState::Succeeded, answer);
                is_of(task, *id);
                let work = work.or_else(|| self.tasks.get(id).and_then(|known| known.work));
                let expected = work.map(|work| work.token.to_le_bytes());
                let is_own = expected.is_none_or(|expected| product.body[..] == expected);
                assert!(is_own, "{id} has the result of another");
                match account.durability {
                    Durability::Disk => self.learn(*id, TaskState::Succeeded, work),
                    Durability::Memory => self.note_forgettable(*id, work),
                }
            }
            Answer::Accepted { document, .. } | Answer::Document(document) => {
                is_of(task, document.id);
                let is_promise = matches!(answer, Answer::Accepted { .. });
                let is_on_disk = document.durability == Durability::Disk;
                assert!(is_on_disk || !is_promise, "a 202 is not on disk: {document:?}");
                if document.durability == Durability::Disk {
                    self.may_promise(document.id, document.state, answer);
                    self.learn(document.id, document.state, work);
                }
            }
            Answer::Problem(problem) => self.problem(problem, work, task),
            Answer::Value { body, .. } => self.list(body),
            Answer::Events(page) => {
                is_of(task, page.task);
                self.check_events(page);
            }
            Answer::Sighted(_) => panic!("that is for the engine"),
            Answer::Repairing { .. } => {}
        }
    }

    /// Somebody has asked for the task of another tenant, and hears nothing of it.
    fn foreign(&self, task: TaskId, answer: &Answer) {
        let Answer::Problem(problem) = answer else {
            panic!("{task} is shown to somebody else: {answer:?}");
        };
        match problem.code {
            Code::UnknownTask | Code::Gone => {}
            // Whatever is asked may be answered like that.
            Code::Reads | Code::JournalFailed => assert_eq!(problem.task, None, "{problem:?}"),
            Code::Internal => assert!(self.has_faults, "the server failed: {problem:?}"),
            _ => panic!("{task} is told of to somebody else: {problem:?}"),
        }
    }

    /// Somebody is told why a task is where it is.
    pub(crate) fn explain(&mut self, to: ReplyTo, told: TaskId) {
        match self.settle(to) {
            Request::About(asked) => is_of(Some(asked), told),
            other => panic!("{told} is explained to {other:?}"),
        }
    }

    /// What was asked; it is answered now.
    fn settle(&mut self, to: ReplyTo) -> Request {
        let Some(request) = self.owed.remove(&to) else {
            panic!("{to:?} is answered twice, or never asked");
        };
        self.counts.answers += 1;
        request
    }

    /// After the journal has failed nothing is acknowledged but what was on disk before.
    fn may_promise(&self, task: TaskId, state: TaskState, answer: &Answer) {
        let known = self.tasks.get(&task);
        let has_ended = || known.is_some_and(|known| known.end == Some(state));
        let is_known = match state.is_final() {
            true => self.ends.contains_key(&task) || has_ended(),
            false => self.accepted.contains(&task) || self.is_durable(task),
        };
        let may = !self.has_failed || is_known;
        assert!(may, "acknowledged after the journal has failed: {answer:?}");
    }

    fn note_forgettable(&mut self, task: TaskId, work: Option<Work>) {
        let forgettable = work.is_none_or(|work| work.may_be_forgotten());
        assert!(forgettable, "the answer of {task} is not on disk");
        let known = Known { work, is_durable: false, end: None };
        self.tasks.entry(task).or_insert(known);
    }

    fn problem(&mut self, problem: &Problem, work: Option<Work>, asked: Option<TaskId>) {
        let account = problem.account.as_ref();
        let durable = account.is_none_or(|account| account.durability == Durability::Disk);
        match (problem.code, problem.task) {
            (Code::InvalidInput, Some(task)) if durable => {
                self.learn(task, TaskState::Failed, work);
            }
            (Code::Cancelled, Some(task)) => self.learn(task, TaskState::Cancelled, work),
            (Code::UnknownTask | Code::Gone, _) => {
                let lost = asked.filter(|task| self.is_durable(*task));
                assert!(lost.is_none(), "{lost:?} was told to be on disk and is {problem:?}");
            }
            (Code::Internal, _) => assert!(self.has_faults, "the server failed: {problem:?}"),
            _ => {}
        }
        let Some(work) = work else { return };
        match (problem.submitted, problem.task) {
            (Submitted::Yes, Some(task)) if durable => {
                // What was on disk before the journal failed may be told after that.
                let known = self.is_durable(task) || self.accepted.contains(&task);
                assert!(!self.has_failed || known, "acknowledged after a failure: {problem:?}");
                self.learn(task, TaskState::Queued, Some(work));
            }
            (Submitted::No, None) => {
                if let Some(told) = self.tokens.get_mut(&work.token) {
                    told.is_refused = told.requests == 1;
                }
            }
            _ => {}
        }
    }

    /// What is told of a task is told in order, and its end last.
    pub(crate) fn check_events(&self, page: &EventPage) {
        let events = &page.events;
        assert!(events.is_sorted_by(|one, next| one.sequence < next.sequence), "{events:?}");
        let before = events.split_last().map_or(&[][..], |(_, before)| before);
        assert!(!before.iter().any(TaskEvent::is_final), "an end is not the last: {events:?}");
        let shown = events.last().and_then(|event| match &event.news {
            News::State(state) | News::Faulted(state, _) => Some(*state),
            News::Retrying(..) | News::Progress(_) | News::CancelAsked => None,
        });
        let end = self.tasks.get(&page.task).and_then(|known| known.end);
        let is_end = end.is_none() || shown == end || events.is_empty() || page.more;
        assert!(is_end, "{} was told to be {end:?}, and its events say {events:?}", page.task);
    }

    fn is_durable(&self, task: TaskId) -> bool {
        self.tasks.get(&task).is_some_and(|known| known.is_durable)
    }

    fn state(&mut self, key: u64, answer: &Answer) {
        if let Answer::Value { body, .. } = answer {
            self.show(format!("notes/{key}").as_bytes(), body);
        }
    }

    /// A page of tasks: all that it shows is on disk.
    fn list(&mut self, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        for shown in text.split("\"id\":\"").skip(1) {
            let task = shown.get(..26).and_then(|id| id.parse().ok());
            let state = shown.split("\"state\":\"").nth(1).and_then(|rest| rest.split('"').next());
            let state = state.and_then(TaskState::from_name);
            if let (Some(task), Some(state)) = (task, state) {
                self.learn(task, state, None);
            }
        }
    }
}

fn is_of(asked: Option<TaskId>, told: TaskId) {
    assert!(asked.is_none_or(|asked| asked == told), "{asked:?} was asked for, {told} is told");
}
