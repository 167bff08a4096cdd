//! A client's book: its orders, its contacts, and whatever turned out not to be right. It is told
//! every answer and judges it; it knows no socket.

use super::account::{Account, Comparison, Open};
use super::answer::Answer;
use super::counts::Counts;
use super::findings::{Fault, Finding, Findings};
use super::lines::Lost;
use super::order::{Cancelling, Order, Standing};
use super::work::{Mark, Work, version};
use crate::document::{Task, read};
use overtime_protocol::{Submitted, TaskId, TaskState};
use std::collections::HashSet;

/// A client's book.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) seed: u64,
    pub(super) client: u64,
    pub(super) orders: Vec<Order>,
    pub(super) accounts: Vec<Account>,
    pub(super) counts: Counts,
    pub(super) findings: Findings,
    /// Tasks that were answered from memory: the server may forget them.
    pub(super) volatile: HashSet<TaskId>,
    last_number: u64,
}

impl Book {
    pub(super) fn new(seed: u64, client: u64, accounts: usize) -> Self {
        Self {
            seed,
            client,
            orders: Vec::new(),
            accounts: vec![Account::default(); accounts],
            counts: Counts::default(),
            findings: Vec::new(),
            volatile: HashSet::new(),
            // So the numbers of two clients are never the same.
            last_number: client << 40,
        }
    }

    /// The contact of an account.
    pub(super) fn email(&self, account: usize) -> String {
        format!("drill-{:x}-{}-{account}@drill.test", self.seed, self.client)
    }

    /// A number that no order and no value of this drill has.
    pub(super) fn new_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Enters a new order, and says where.
    pub(super) fn enter(&mut self, work: Work, is_keyed: bool, wait_ms: u64) -> usize {
        let mark = Mark { seed: self.seed, number: self.new_number() };
        self.orders.push(Order::new(mark, work, is_keyed, wait_ms));
        self.orders.len() - 1
    }

    pub(super) fn find(&mut self, fault: Fault, at: usize, told: &str) {
        let order = &self.orders[at];
        let told = format!("{:?}: {told}", order.work);
        let finding = Finding::new(fault, order.task, told);
        self.findings.push(Finding { key: order.key(), ..finding });
    }

    fn compare(&mut self, comparison: Comparison, at: usize, told: &str) {
        match comparison {
            Comparison::Right => {}
            Comparison::Missing => self.find(Fault::Missing, at, told),
            Comparison::Doubled => self.find(Fault::Doubled, at, told),
            Comparison::Wrong => self.find(Fault::Wrong, at, told),
        }
    }

    /// What came of sending an order, for the first time or again.
    pub(super) fn heard(&mut self, at: usize, heard: &Result<Answer, Lost>) {
        self.counts.sent += u64::from(*heard != Err(Lost::Unsent));
        match heard {
            Ok(answer) => self.answered(at, answer),
            Err(Lost::Unanswered) => self.doubt(at),
            Err(Lost::Unsent) => {}
        }
    }

    fn doubt(&mut self, at: usize) {
        let order = &mut self.orders[at];
        if order.standing == Standing::Unsent {
            order.standing = Standing::Unknown;
            self.counts.unknown += 1;
            self.leave_open(at, |value| Open::Unknown { value });
        }
    }

    /// A first time that was refused did not happen; that a repetition is refused says nothing.
    fn refuse(&mut self, at: usize) {
        let order = &mut self.orders[at];
        if order.standing == Standing::Unsent {
            order.standing = Standing::Refused;
            self.counts.refused += 1;
        }
    }

    fn leave_open(&mut self, at: usize, open: impl Fn(u64) -> Open) {
        if let Work::Change { account, value } = self.orders[at].work {
            self.accounts[account].leave_open(open(value));
        }
    }

    fn answered(&mut self, at: usize, answer: &Answer) {
        match (answer.status, answer.submitted) {
            (200 | 422, _) => self.done(at, answer),
            (202, _) => self.accepted(at, answer),
            (409, _) if self.orders[at].cancelling != Cancelling::No => {
                self.seen_cancelled(at, answer)
            }
            (408 | 429 | 503, Some(Submitted::No)) => self.refuse(at),
            (503, Some(Submitted::Yes)) => self.take_open(at, answer),
            (503, _) => self.doubt(at),
            _ => self.find(Fault::Wrong, at, &format!("was answered {}", answer.told())),
        }
    }

    fn seen_cancelled(&mut self, at: usize, answer: &Answer) {
        self.take(at, answer);
        self.ended(at, TaskState::Cancelled);
    }

    /// It is acknowledged, with the task that the answer names.
    fn take(&mut self, at: usize, answer: &Answer) {
        let order = &mut self.orders[at];
        let before = std::mem::replace(&mut order.standing, Standing::Taken);
        if let Work::Bulk { items, .. } = order.work
            && before != Standing::Taken
        {
            self.counts.items += u64::from(items);
        }
        self.counts.cleared_up += u64::from(before == Standing::Unknown);
        self.counts.replayed += u64::from(answer.is_replayed);
        match (self.orders[at].task, answer.task) {
            (None, task) => self.orders[at].task = task,
            (Some(one), Some(other)) if one != other => {
                self.find(Fault::Doubled, at, &format!("its key has another task, {other}"));
            }
            _ => {}
        }
    }

    /// The same, and its result is still to come.
    fn take_open(&mut self, at: usize, answer: &Answer) {
        let is_first = self.orders[at].standing != Standing::Taken;
        self.take(at, answer);
        if is_first {
            self.counts.accepted += 1;
            self.leave_open(at, |value| Open::Accepted { value });
        }
    }

    fn accepted(&mut self, at: usize, answer: &Answer) {
        let is_first = self.orders[at].standing != Standing::Taken;
        self.take_open(at, answer);
        if !is_first {
            return;
        }
        match read::<Task>(&answer.body) {
            Ok(task) if task.id.parse().ok() == self.orders[at].task => {}
            _ => self.find(Fault::Wrong, at, &format!("was answered {}", answer.told())),
        }
    }

    fn done(&mut self, at: usize, answer: &Answer) {
        let is_first = self.orders[at].standing != Standing::Taken;
        self.take(at, answer);
        self.counts.answered += u64::from(is_first);
        let order = &self.orders[at];
        if !answer.is_on_disk && !order.is_keyed && matches!(order.work, Work::Echo { .. }) {
            self.volatile.extend(order.task);
        }
        self.product(at, answer);
        if self.orders[at].product.is_some() {
            self.ended(at, self.orders[at].work.end());
        }
    }

    /// The result, from an answer or asked for later: it is the right one, and always the same.
    pub(super) fn product(&mut self, at: usize, answer: &Answer) {
        let (order, told) = (&self.orders[at], answer.told());
        let status = if order.work == Work::Reject { 422 } else { 200 };
        if answer.status != status || !order.mark.is_answered_by(order.work, &answer.body) {
            return self.find(Fault::Wrong, at, &format!("its result is {told}"));
        }
        match order.product {
            None => self.first_product(at, answer),
            Some(before) if before != answer.fingerprint() => {
                self.find(Fault::Changed, at, &format!("its result was another and is now {told}"));
            }
            Some(_) => {}
        }
    }

    fn first_product(&mut self, at: usize, answer: &Answer) {
        self.orders[at].product = Some(answer.fingerprint());
        if let Work::Change { account, value } = self.orders[at].work {
            let before = self.accounts[account].version();
            let version = version(&answer.body).unwrap_or(0);
            let comparison = self.accounts[account].acknowledge(value, version);
            self.compare(comparison, at, &format!("made version {version} of {before}"));
        }
    }

    /// The end of its task was shown.
    pub(super) fn ended(&mut self, at: usize, state: TaskState) {
        let order = &mut self.orders[at];
        match order.ended {
            None => order.ended = Some(state),
            Some(before) if before != state => {
                let told = format!("was {} and is now {}", before.name(), state.name());
                return self.find(Fault::Changed, at, &told);
            }
            Some(_) => return,
        }
        if !order.may_end_as(state) {
            let told = format!("ended as {} ({:?})", state.name(), order.cancelling);
            self.find(Fault::Wrong, at, &told);
        }
        if state == TaskState::Cancelled
            && let Work::Change { account, .. } = self.orders[at].work
        {
            self.accounts[account].close();
        }
    }
}

#[cfg(test)]
mod tests;
