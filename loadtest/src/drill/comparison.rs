//! A client's part of the comparison: what is in doubt is cleared up, and then each of its orders
//! is held against what the server lists, answers and keeps.

use super::client::Client;
use super::findings::Fault;
use super::lines::{Heard, Lines, Lost};
use super::listing::Listing;
use super::order::{Cancelling, Standing};
use super::retries::retries;
use super::work::Work;
use crate::document::{Contact, read};
use anyhow::{Context, bail};
use overtime_protocol::TaskState;
use std::time::{Duration, Instant};

/// How long a server may refuse to say what became of an order.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);
/// Orders that are repeated once more after they were compared.
const REPEATED: u64 = 10;
/// One known result in so many is read again.
const READ_AGAIN_IN: u64 = 4;

impl Client {
    /// Sends again what is in doubt until it is known what became of it, and cancels whatever would
    /// not be due for long. What the server will not say stays in doubt.
    pub(super) fn clear_up(&mut self, lines: &mut Lines) -> anyhow::Result<()> {
        let mut patience = PATIENCE;
        for at in self.settled..self.book.orders.len() {
            let begun = Instant::now();
            while self.is_open(at) {
                let found = self.book.findings.len();
                self.close(lines, at)?;
                if self.book.findings.len() > found || !self.is_open(at) {
                    break;
                }
                if begun.elapsed() > patience {
                    // It is asked for the others too, but not waited for again.
                    patience = Duration::ZERO;
                    break;
                }
                std::thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    /// Whether something has to be done before an order comes to its end.
    fn is_open(&self, at: usize) -> bool {
        let order = &self.book.orders[at];
        let is_waiting = order.work == Work::Later
            && order.standing == Standing::Taken
            && order.cancelling != Cancelling::Done
            && order.ended.is_none();
        order.is_in_doubt() || is_waiting
    }

    fn close(&mut self, lines: &mut Lines, at: usize) -> anyhow::Result<()> {
        if self.book.orders[at].is_in_doubt() {
            return answered(self.send(lines, at));
        }
        answered(self.ask_to_cancel(lines, at))?;
        if self.is_open(at) {
            let heard = self.document(lines, at, 0);
            self.book.shown(at, &heard);
        }
        Ok(())
    }

    /// Holds every order that was not compared yet against what the server has.
    pub(super) fn compare(&mut self, lines: &mut Lines, listing: &Listing) -> anyhow::Result<()> {
        for at in self.settled..self.book.orders.len() {
            if self.book.orders[at].standing == Standing::Taken {
                self.compare_task(lines, at, listing)?;
            }
            self.compare_contacts(lines, at)?;
        }
        self.compare_accounts(lines)?;
        self.repeat_some(lines)
    }

    /// Once more all that is kept, compared before or not.
    pub(super) fn compare_again(&mut self, lines: &mut Lines) -> anyhow::Result<()> {
        for at in 0..self.settled {
            if self.book.orders[at].product.is_some() && !self.is_volatile(at) {
                self.read_product(lines, at)?;
            }
            self.compare_contacts(lines, at)?;
        }
        Ok(())
    }

    fn is_volatile(&self, at: usize) -> bool {
        self.book.orders[at].task.is_some_and(|task| self.book.volatile.contains(&task))
    }

    fn compare_task(
        &mut self,
        lines: &mut Lines,
        at: usize,
        listing: &Listing,
    ) -> anyhow::Result<()> {
        if self.is_volatile(at) {
            return Ok(());
        }
        let order = &self.book.orders[at];
        let Some(task) = order.task else {
            self.book.find(Fault::Wrong, at, "its answer named no task");
            return Ok(());
        };
        self.book.held_against(at, listing.get(&task));
        let order = &self.book.orders[at];
        let has_product = matches!(order.ended, Some(TaskState::Succeeded | TaskState::Failed));
        let is_known = order.product.is_some();
        if has_product && (!is_known || self.random.below(READ_AGAIN_IN) == 0) {
            self.read_product(lines, at)?;
        }
        let order = &self.book.orders[at];
        if order.work.fail_times() > 0
            && listing.contains_key(&task)
            && order.ended == Some(TaskState::Succeeded)
        {
            self.book.has_failed(at, retries(lines.address(), task)?);
        }
        Ok(())
    }

    fn read_product(&mut self, lines: &mut Lines, at: usize) -> anyhow::Result<()> {
        let Some(task) = self.book.orders[at].task else { return Ok(()) };
        let heard = lines.ask_for("GET", &format!("/v1/tasks/{task}/result"));
        let answer = heard.ok().context("the server does not answer")?;
        self.book.product(at, &answer);
        Ok(())
    }

    /// The contacts that belong to one order alone.
    fn compare_contacts(&mut self, lines: &mut Lines, at: usize) -> anyhow::Result<()> {
        let order = &self.book.orders[at];
        let (mark, standing) = (order.mark, order.standing);
        let emails: Vec<String> = match order.work {
            _ if standing == Standing::Unsent => Vec::new(),
            Work::Once => vec![mark.email()],
            Work::Bulk { items, .. } => {
                let contacts = mark.contacts(items);
                (0..contacts.items()).map(|place| contacts.at(place).email()).collect()
            }
            _ => Vec::new(),
        };
        let mut versions = Vec::new();
        for email in &emails {
            versions.push(holding(lines, email)?.0);
        }
        self.book.contacts_are(at, &versions);
        Ok(())
    }

    fn compare_accounts(&mut self, lines: &mut Lines) -> anyhow::Result<()> {
        for account in 0..self.book.accounts.len() {
            let email = self.book.email(account);
            let (version, value) = holding(lines, &email)?;
            self.book.account_is(account, version, value);
        }
        Ok(())
    }

    /// What was taken under a key is answered the same way for as long as the key is kept.
    fn repeat_some(&mut self, lines: &mut Lines) -> anyhow::Result<()> {
        for _ in 0..REPEATED.min(self.book.orders.len() as u64) {
            let at = self.random.below(self.book.orders.len() as u64) as usize;
            let order = &self.book.orders[at];
            if order.is_keyed && order.standing == Standing::Taken {
                let sent = self.send(lines, at);
                answered(sent)?;
            }
        }
        Ok(())
    }
}

/// An answer that is lost while nobody kills the server means that there is none.
fn answered(sent: Result<(), Lost>) -> anyhow::Result<()> {
    sent.ok().context("the server does not answer")
}

/// The version and the value of a contact; zeros if there is none.
fn holding(lines: &mut Lines, email: &str) -> anyhow::Result<(u64, u64)> {
    let heard: Heard = lines.ask_for("GET", &format!("/v1/contacts/{email}"));
    let answer = heard.ok().context("the server does not answer")?;
    match answer.status {
        200 => {
            let contact: Contact = read(&answer.body)?;
            let value = contact.company.and_then(|company| company.parse().ok());
            Ok((contact.version, value.unwrap_or(0)))
        }
        404 => Ok((0, 0)),
        _ => bail!("the contact {email} was answered {}", answer.told()),
    }
}
