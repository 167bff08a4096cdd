//! One call carried out: it does what the manners say is next, until there is nothing more to do. It
//! decides nothing itself.

use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::manners::{Answer, Errand, Manners, Next, Why};
use crate::transport::{Ask, Order, Question, Reply, Silence, Transport, answer};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Is told what came back and what is next.
pub(crate) type Watcher = Box<dyn Fn(&Answer, &Next) + Send + Sync>;

/// What all calls of a client share.
pub(crate) struct Desk {
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) credentials: Credentials,
    pub(crate) manners: Mutex<Manners>,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) watcher: Watcher,
    /// How long a call may take that does not say so itself.
    pub(crate) deadline: Duration,
}

/// How a call ended.
pub(crate) struct End {
    pub(crate) errand: Errand,
    /// What came back last; `None` if nothing was sent.
    pub(crate) last: Option<Result<Reply, Silence>>,
    pub(crate) given_up: Option<Why>,
}

/// A call on its way.
struct Conversation<'a> {
    desk: &'a Desk,
    errand: Errand,
    /// What the errand sends.
    question: Question<'a>,
    /// The key that the next request has.
    key: Option<Arc<str>>,
    last: Option<Result<Reply, Silence>>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("transport", &self.transport).finish_non_exhaustive()
    }
}

impl Desk {
    /// Carries a call out; it returns when the call has ended.
    pub(crate) fn carry_out(&self, errand: Errand, question: Question<'_>) -> End {
        let key = self.credentials.current();
        Conversation { desk: self, errand, question, key, last: None }.hold()
    }

    pub(crate) fn manners(&self) -> MutexGuard<'_, Manners> {
        self.manners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Conversation<'_> {
    fn hold(mut self) -> End {
        let mut next = self.errand.begin(&mut self.desk.manners(), self.desk.clock.now());
        loop {
            next = match next {
                Next::Done => return self.end(None),
                Next::GiveUp(why) => return self.end(Some(why)),
                Next::Authenticate => self.authenticate(),
                Next::Send { after } => self.ask(self.question, after),
                Next::Poll { task, after, hold } => {
                    self.ask(Question::Document { task, hold }, after)
                }
                Next::Fetch { task, after } => self.ask(Question::Result(task), after),
            };
        }
    }

    fn ask(&mut self, question: Question<'_>, after: Duration) -> Next {
        self.desk.clock.sleep(after);
        let now = self.desk.clock.now();
        let timeout = self.errand.left(now);
        if timeout.is_zero() {
            return Next::GiveUp(Why::Deadline);
        }
        let question = self.in_time(question);
        let ask = Ask { question, key: self.key.as_deref(), timeout };
        let reply = self.desk.transport.ask(ask);
        let answer = answer(&reply);
        self.last = Some(reply);
        let now = self.desk.clock.now();
        let next = self.errand.answered(&answer, &mut self.desk.manners(), now);
        (self.desk.watcher)(&answer, &next);
        next
    }

    /// A submission is held no longer than its caller waits.
    fn in_time<'q>(&self, question: Question<'q>) -> Question<'q> {
        match question {
            Question::Submit(order) => {
                let most = self.errand.hold(&self.desk.manners(), self.desk.clock.now());
                Question::Submit(Order { hold: order.hold.min(most), ..order })
            }
            other => other,
        }
    }

    fn authenticate(&mut self) -> Next {
        let Some(another) = self.desk.credentials.instead_of(self.key.as_deref()) else {
            return Next::Done;
        };
        self.key = Some(another);
        self.errand.authenticated(&mut self.desk.manners(), self.desk.clock.now())
    }

    fn end(self, given_up: Option<Why>) -> End {
        End { errand: self.errand, last: self.last, given_up }
    }
}
