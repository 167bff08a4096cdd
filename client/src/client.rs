//! The client: calls that block until their work is done, their deadline is over, or there is nothing
//! to wait for. Threads share one by reference. It never submits anything without a key.

use crate::builder::{Builder, NoClient};
use crate::conversation::{Desk, End};
use crate::document::{Task, TaskPage};
use crate::error::{Cause, Error};
use crate::manners::{Errand, Stats, Why};
use crate::outcome::{Done, Outcome, Pending};
use crate::submission::Submission;
use crate::transport::{Order, Question, Reply, Silence};
use overtime_protocol::{Form, IdempotencyKey, Monotonic, Submitted, TaskId};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// A client of one server. Its budget of repetitions is shared by all that share it, so a process
/// has one.
///
/// ```no_run
/// use overtime_client::{Client, Outcome, Submission};
///
/// let client = Client::to("http://127.0.0.1:7070")?;
/// let signup = Submission::new("contacts.upsert", r#"{"email":"ada@example.com"}"#);
/// match client.submit(&signup) {
///     Ok(Outcome::Done(done)) => println!("{}", String::from_utf8_lossy(&done.body)),
///     Ok(Outcome::Pending(pending)) => println!("goes on as {}", pending.task),
///     Err(error) => println!("{error} (submitted: {})", error.submitted.name()),
/// }
/// # Ok::<(), overtime_client::NoClient>(())
/// ```
#[derive(Debug)]
pub struct Client {
    desk: Desk,
}

impl Client {
    /// A client of the server at that address: `http://` or `https://` (feature `tls`) and a host,
    /// or `overtime://` for the native protocol.
    ///
    /// # Errors
    /// The address is none.
    pub fn to(address: &str) -> Result<Self, NoClient> {
        Self::builder(address).build()
    }

    /// A client that is to be told more before it is made.
    pub fn builder(address: &str) -> Builder {
        Builder::to(address)
    }

    pub(crate) fn at(desk: Desk) -> Self {
        Self { desk }
    }

    /// Has one input worked on and waits for the result until the deadline.
    ///
    /// # Errors
    /// The work failed, or was not accepted, or nobody knows: the error says which.
    pub fn submit(&self, submission: &Submission) -> Result<Outcome, Error> {
        self.work(submission, Form::Single)
    }

    /// The same with many inputs in one payload, whose content type says how they stand in it.
    ///
    /// # Errors
    /// As of [`Client::submit`]. Inputs that failed alone are no error: the result tells them.
    pub fn submit_bulk(&self, submission: &Submission) -> Result<Outcome, Error> {
        self.work(submission, Form::Bulk)
    }

    /// Has one input accepted and waits for no more than that.
    ///
    /// # Errors
    /// As of [`Client::submit`].
    pub fn start(&self, submission: &Submission) -> Result<Outcome, Error> {
        self.submit_as(submission, Form::Single, Some(Duration::ZERO))
    }

    /// The same with many inputs in one payload.
    ///
    /// # Errors
    /// As of [`Client::submit`].
    pub fn start_bulk(&self, submission: &Submission) -> Result<Outcome, Error> {
        self.submit_as(submission, Form::Bulk, Some(Duration::ZERO))
    }

    /// Waits for the result of work that is accepted already, for so long at most.
    ///
    /// # Errors
    /// The work failed, or nobody who is asked knows it.
    pub fn wait_for(&self, task: TaskId, deadline: Duration) -> Result<Outcome, Error> {
        let errand = Errand::waiting(task, self.at_most(deadline));
        // An errand that waits sends nothing but polls and a fetch.
        let question = Question::Result(task);
        outcome(self.desk.carry_out(errand, question), None)
    }

    /// The result of a task, if there is one.
    ///
    /// # Errors
    /// The work failed, or nobody who is asked knows it.
    pub fn result(&self, task: TaskId) -> Result<Outcome, Error> {
        let end = self.ask(Question::Result(task));
        outcome(end, None)
    }

    /// How a task stands.
    ///
    /// # Errors
    /// Nobody who is asked knows it.
    pub fn task(&self, task: TaskId) -> Result<Task, Error> {
        document(self.ask(Question::Document { task, hold: Duration::ZERO }))
    }

    /// Cancels a task: it is cancelled, or a worker was asked to stop, as its document says.
    ///
    /// # Errors
    /// It has ended, or nobody who is asked knows it.
    pub fn cancel(&self, task: TaskId) -> Result<Task, Error> {
        document(self.ask(Question::Cancel(task)))
    }

    /// Has a parked task run again.
    ///
    /// # Errors
    /// It is not parked, or nobody who is asked knows it.
    pub fn retry(&self, task: TaskId) -> Result<Task, Error> {
        document(self.ask(Question::Retry(task)))
    }

    /// Some of the tasks that the query asks for, which is what stands behind the question mark of
    /// `GET /v1/tasks`, percent-encoded; an empty one asks for all.
    ///
    /// # Errors
    /// The query is malformed, or nobody answers.
    pub fn tasks(&self, query: &str) -> Result<TaskPage, Error> {
        if !query.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unsendable("a query is visible ASCII"));
        }
        document(self.ask(Question::Tasks(query)))
    }

    /// What was sent so far.
    pub fn stats(&self) -> Stats {
        self.desk.manners().stats()
    }

    /// How many repetitions the budget has left.
    pub fn budget_left(&self) -> u64 {
        self.desk.manners().budget_left()
    }

    fn work(&self, submission: &Submission, form: Form) -> Result<Outcome, Error> {
        self.submit_as(submission, form, None)
    }

    /// `hold` is how long the connection is held for work that nobody is to wait for.
    fn submit_as(
        &self,
        submission: &Submission,
        form: Form,
        hold: Option<Duration>,
    ) -> Result<Outcome, Error> {
        submission.check().map_err(unsendable)?;
        let deadline = self.at_most(submission.deadline.unwrap_or(self.desk.deadline));
        let key = submission.key_or_chance();
        let errand = match hold {
            None => Errand::submission(deadline),
            Some(_) => Errand::question(deadline),
        };
        let hold = hold.or(submission.wait).unwrap_or(Duration::MAX);
        let order = Order { submission, form, key: &key, hold };
        let end = self.desk.carry_out(errand, Question::Submit(order));
        outcome(end, Some(&key))
    }

    fn ask(&self, question: Question<'_>) -> End {
        let errand = Errand::question(self.at_most(self.desk.deadline));
        self.desk.carry_out(errand, question)
    }

    fn at_most(&self, span: Duration) -> Monotonic {
        self.desk.clock.now() + span
    }
}

fn outcome(end: End, key: Option<&IdempotencyKey>) -> Result<Outcome, Error> {
    let (task, submitted) = (end.errand.task(), end.errand.submitted());
    if let (Some(why), Some(task), Submitted::Yes) = (end.given_up, task, submitted) {
        return Ok(Outcome::Pending(Pending { task, why: Some(why) }));
    }
    match (&end.last, end.given_up) {
        (Some(Ok(reply)), None) if reply.said.status == 202 => match task {
            Some(task) => Ok(Outcome::Pending(Pending { task, why: None })),
            None => Err(strange(end, key, "it names no task")),
        },
        (Some(Ok(reply)), None) if reply.refusal.is_none() => {
            Ok(Outcome::Done(done(reply.clone(), task)))
        }
        _ => Err(error(end, key)),
    }
}

fn done(reply: Reply, task: Option<TaskId>) -> Done {
    let Reply { content_type, body, durability, replayed, .. } = reply;
    Done { task, content_type, body, durability, replayed }
}

fn document<T: DeserializeOwned>(end: End) -> Result<T, Error> {
    let read = match (&end.last, end.given_up) {
        (Some(Ok(reply)), None) if reply.refusal.is_none() => serde_json::from_slice(&reply.body),
        _ => return Err(error(end, None)),
    };
    read.map_err(|why| strange(end, None, &why.to_string()))
}

fn error(end: End, key: Option<&IdempotencyKey>) -> Error {
    let cause = match (end.last, end.given_up) {
        (Some(Err(Silence::NotConnected(why))), _) => Cause::NotConnected(why),
        (Some(Err(Silence::Lost(why))), _) => Cause::Lost(why),
        (Some(Ok(reply)), _) => match reply.refusal {
            Some(refusal) => Cause::Refused(Box::new(refusal)),
            None => Cause::Strange(format!("its status is {}", reply.said.status)),
        },
        (None, Some(Why::Unreachable(probe_in))) => Cause::NobodyListens(probe_in),
        (None, _) => Cause::NoTime,
    };
    Error {
        cause,
        given_up: end.given_up,
        submitted: end.errand.submitted(),
        task: end.errand.task(),
        idempotency_key: key.cloned(),
    }
}

fn strange(end: End, key: Option<&IdempotencyKey>, what: &str) -> Error {
    Error { cause: Cause::Strange(what.to_owned()), ..error(end, key) }
}

fn unsendable(what: &'static str) -> Error {
    Error {
        cause: Cause::Unsendable(what),
        given_up: None,
        submitted: Submitted::No,
        task: None,
        idempotency_key: None,
    }
}
