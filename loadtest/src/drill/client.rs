//! One client: it draws what to do from its own seed, sends it over one protocol or the other, and
//! enters what it hears in its book. It never decides what is right.

use super::book::Book;
use super::lines::{Heard, Lines, Lost, doubt};
use super::order::{Cancelling, Order, Standing};
use super::submission::Submission;
use super::work::Work;
use crate::contacts::Form;
use crate::random::Random;
use overtime_protocol::native::{Get, Named, Part, Request};
use std::time::Duration;

/// Contacts that a client changes over and over.
const ACCOUNTS: usize = 40;
/// Orders that are kept for the last comparison.
const KEPT: usize = 3_000;
/// How long a caller who waits does so.
const WAIT_MS: u64 = 5_000;
/// The most orders that go out together.
const BURST: u64 = 8;
/// How long to leave a server alone that is not there.
const PAUSE: Duration = Duration::from_millis(5);

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) book: Book,
    pub(super) random: Random,
    /// Orders before this place were compared, and a part of them is kept for the last comparison.
    pub(super) settled: usize,
}

impl Client {
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let random = Random::new(Random::new(seed).next_u64() ^ number);
        Self { book: Book::new(seed, number, ACCOUNTS), random, settled: 0 }
    }

    /// Sends until it is over.
    pub(super) fn load(&mut self, lines: &mut Lines, is_over: &(dyn Fn() -> bool + Sync)) {
        self.clear_up_some(lines, is_over);
        while !is_over() {
            if self.turn(lines) == Err(Lost::Unsent) {
                std::thread::sleep(PAUSE);
            }
        }
    }

    /// All orders so far are compared. A part of them is kept.
    pub(super) fn settle(&mut self) {
        let volatile = std::mem::take(&mut self.book.volatile);
        let is_volatile = |order: &Order| order.task.is_some_and(|task| volatile.contains(&task));
        self.book.orders.retain(|order| !is_volatile(order));
        while self.book.orders.len() > KEPT {
            let at = self.random.below(self.book.orders.len() as u64) as usize;
            self.book.orders.swap_remove(at);
        }
        self.settled = self.book.orders.len();
    }

    /// Asks again for half of what is in doubt; the rest stays so for longer.
    fn clear_up_some(&mut self, lines: &mut Lines, is_over: &(dyn Fn() -> bool + Sync)) {
        for at in self.settled..self.book.orders.len() {
            if is_over() {
                return;
            }
            if self.book.orders[at].is_in_doubt() && self.random.below(2) == 0 {
                let _ = self.send(lines, at);
            }
        }
    }

    fn turn(&mut self, lines: &mut Lines) -> Result<(), Lost> {
        match self.random.below(100) {
            0..70 => {
                let at = self.draw();
                self.send(lines, at)
            }
            70..85 => self.burst(lines),
            85..90 => self.twice(lines),
            90..94 => self.again(lines),
            94..97 => self.cancel(lines),
            _ => self.look(lines),
        }
    }

    /// What an order asks for, as it is sent.
    pub(super) fn submission(&self, at: usize) -> Submission {
        let order = &self.book.orders[at];
        let email = match order.work {
            Work::Change { account, .. } => self.book.email(account),
            _ => String::new(),
        };
        order.submission(&email)
    }

    /// Sends an order over one protocol or the other.
    pub(super) fn send(&mut self, lines: &mut Lines, at: usize) -> Result<(), Lost> {
        let submission = self.submission(at);
        let heard = if self.random.below(3) == 0 {
            lines.burst(&[submission]).pop().unwrap_or(Err(Lost::Unanswered))
        } else {
            lines.ask(&submission.to_http(lines.address()))
        };
        self.book.heard(at, &heard);
        heard.map(drop)
    }

    fn burst(&mut self, lines: &mut Lines) -> Result<(), Lost> {
        let count = 2 + self.random.below(BURST - 1);
        let mut places: Vec<usize> = Vec::new();
        for _ in 0..count {
            let at = self.draw();
            // No contact is in two orders at a time.
            let is_other = |other: &usize| !self.is_same_account(*other, at);
            if places.iter().all(is_other) {
                places.push(at);
            }
        }
        let submissions: Vec<Submission> = places.iter().map(|at| self.submission(*at)).collect();
        let heard = lines.burst(&submissions);
        let last = heard.last().map_or(Ok(()), |heard| heard.clone().map(drop));
        places.iter().zip(&heard).for_each(|(at, heard)| self.book.heard(*at, heard));
        last
    }

    fn is_same_account(&self, one: usize, other: usize) -> bool {
        let account = |at: usize| match self.book.orders[at].work {
            Work::Change { account, .. } => Some(account),
            _ => None,
        };
        account(one).is_some() && account(one) == account(other)
    }

    /// The same order over both protocols at the same time: one task, one answer.
    fn twice(&mut self, lines: &mut Lines) -> Result<(), Lost> {
        let at = self.draw();
        if !self.book.orders[at].is_keyed {
            return self.send(lines, at);
        }
        let mut heard = lines.twice(&self.submission(at));
        // What one of them tells for certain is not put in doubt by the other.
        heard.sort_by_key(doubt);
        heard.iter().for_each(|heard| self.book.heard(at, heard));
        let [first, _] = heard;
        first.map(drop)
    }

    /// An order of this load that was taken under a key is repeated.
    fn again(&mut self, lines: &mut Lines) -> Result<(), Lost> {
        match self
            .any(|book, at| book.orders[at].is_keyed && book.orders[at].standing == Standing::Taken)
        {
            Some(at) => self.send(lines, at),
            None => Ok(()),
        }
    }

    fn cancel(&mut self, lines: &mut Lines) -> Result<(), Lost> {
        let is_candidate = |book: &Book, at: usize| {
            let order = &book.orders[at];
            let is_long = matches!(order.work, Work::Later | Work::Steps { .. });
            is_long && order.task.is_some() && order.cancelling != Cancelling::Done
        };
        match self.any(is_candidate) {
            Some(at) => self.ask_to_cancel(lines, at),
            None => Ok(()),
        }
    }

    pub(super) fn ask_to_cancel(&mut self, lines: &mut Lines, at: usize) -> Result<(), Lost> {
        let Some(task) = self.book.orders[at].task else { return Ok(()) };
        let heard = if self.random.below(2) == 0 {
            lines.ask_natively(Request::Cancel(Named { task: task.to_ulid() }))
        } else {
            lines.ask_for("DELETE", &format!("/v1/tasks/{task}"))
        };
        self.book.heard_of_cancel(at, &heard);
        heard.map(drop)
    }

    /// A look at one of its tasks, which waits for the end a while.
    fn look(&mut self, lines: &mut Lines) -> Result<(), Lost> {
        let is_candidate = |book: &Book, at: usize| {
            let order = &book.orders[at];
            order.task.is_some_and(|task| !book.volatile.contains(&task))
        };
        let Some(at) = self.any(is_candidate) else { return Ok(()) };
        let wait_ms = self.random.below(40);
        let heard = self.document(lines, at, wait_ms);
        self.book.shown(at, &heard);
        heard.map(drop)
    }

    /// The document of an order's task.
    pub(super) fn document(&mut self, lines: &mut Lines, at: usize, wait_ms: u64) -> Heard {
        let Some(task) = self.book.orders[at].task else { return Err(Lost::Unsent) };
        if self.random.below(3) == 0 {
            let (part, wait_ms) = (Part::Document, Some(wait_ms));
            lines.ask_natively(Request::Get(Get {
                task: task.to_ulid(),
                part,
                wait_ms,
                known_tag: None,
            }))
        } else {
            lines.ask_for("GET", &format!("/v1/tasks/{task}?wait={wait_ms}ms"))
        }
    }

    /// One of the last orders of which that is true.
    fn any(&mut self, is_candidate: impl Fn(&Book, usize) -> bool) -> Option<usize> {
        let count = (self.book.orders.len() - self.settled).min(100) as u64;
        let first = self.book.orders.len() - count as usize;
        let tries = (0..10.min(count)).map(|_| first + self.random.below(count) as usize);
        let drawn: Vec<usize> = tries.collect();
        drawn.into_iter().find(|at| is_candidate(&self.book, *at))
    }

    /// Enters a new order.
    fn draw(&mut self) -> usize {
        let work = self.draw_work();
        let is_waited_for = match work {
            Work::Change { .. } => true,
            Work::Later => false,
            Work::Once | Work::Echo { .. } => self.random.below(4) == 0,
            _ => self.random.below(2) == 0,
        };
        // What is counted by the ledger of errors, or would not end by itself, must not stay in doubt.
        let is_certain =
            matches!(work, Work::Reject | Work::Flaky { .. } | Work::Steps { .. } | Work::Later);
        let is_keyed = is_certain || self.random.below(4) != 0;
        self.book.enter(work, is_keyed, if is_waited_for { WAIT_MS } else { 0 })
    }

    fn draw_work(&mut self) -> Work {
        match self.random.below(1_000) {
            0..400 => self.change(),
            400..600 => Work::Once,
            600..800 => Work::Echo { bytes: 16 + self.random.below(2_000) as usize },
            800..815 => Work::Echo { bytes: 65_536 + self.random.below(300_000) as usize },
            815..845 => Work::Reject,
            845..880 => Work::Flaky { fail_times: 1 + self.random.below(2) as u32 },
            880..930 => self.steps(),
            930..965 => Work::Later,
            _ => self.bulk(),
        }
    }

    /// A change of a contact of which everything is known, if one is found at once.
    fn change(&mut self) -> Work {
        let account = self.random.below(ACCOUNTS as u64) as usize;
        if !self.book.accounts[account].is_settled() {
            return Work::Once;
        }
        Work::Change { account, value: self.book.new_number() }
    }

    fn steps(&mut self) -> Work {
        let steps = 1 + self.random.below(20);
        let fail_at = (self.random.below(3) == 0).then(|| 1 + self.random.below(steps));
        Work::Steps { steps, fail_at, ms: self.random.below(3) }
    }

    fn bulk(&mut self) -> Work {
        let forms = [Form::Json, Form::Ndjson, Form::Csv];
        let form = forms[self.random.below(3) as usize];
        // The largest are spooled.
        let items = match self.random.below(8) {
            0 => 300 + self.random.below(200),
            _ => 1 + self.random.below(60),
        };
        let wrong = form == Form::Ndjson && self.random.below(4) == 0;
        Work::Bulk { form, items: items as u32, wrong }
    }
}
