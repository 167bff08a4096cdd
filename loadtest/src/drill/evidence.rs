//! What a client's book is shown beside the answers to its orders: cancellations, documents, lists
//! and contacts, each judged by what was told before.

use super::account::Comparison;
use super::book::Book;
use super::findings::{Fault, Finding};
use super::lines::{Heard, Lost};
use super::listing::Listed;
use super::order::{Cancelling, Standing};
use crate::document::{Problem, Task, read};
use overtime_protocol::{Submitted, TaskState};

impl Book {
    /// What came of asking to cancel it.
    pub(super) fn heard_of_cancel(&mut self, at: usize, heard: &Heard) {
        let before = self.orders[at].cancelling;
        let Ok(answer) = heard else {
            if *heard == Err(Lost::Unanswered) && before == Cancelling::No {
                self.orders[at].cancelling = Cancelling::Asked;
            }
            return;
        };
        match (answer.status, answer.submitted) {
            (200, _) => {
                self.orders[at].cancelling = Cancelling::Done;
                self.counts.cancelled += u64::from(before != Cancelling::Done);
                self.ended(at, TaskState::Cancelled);
            }
            (202, _) => self.orders[at].cancelling = Cancelling::Asked,
            // Had it come too late for the first time, it would have ended by itself.
            (409, _) if code(&answer.body).as_deref() == Some("already-finished") => {}
            (503, Some(Submitted::Unknown)) if before == Cancelling::No => {
                self.orders[at].cancelling = Cancelling::Asked;
            }
            (408 | 429 | 503, _) => {}
            (404, _) => self.find(Fault::Missing, at, "the server does not know it"),
            _ => self.find(
                Fault::Wrong,
                at,
                &format!("cancelling it was answered {}", answer.told()),
            ),
        }
    }

    /// Its task, as the list has it.
    pub(super) fn held_against(&mut self, at: usize, listed: Option<&Listed>) {
        let Some(Listed { kind, state }) = listed else {
            return self.find(Fault::Missing, at, "it is not in the list of tasks");
        };
        if kind != self.orders[at].work.kind() {
            self.find(Fault::Wrong, at, &format!("it is listed as {kind}"));
        }
        if state.is_final() {
            self.ended(at, *state);
        } else if self.orders[at].ended.is_some() {
            self.find(Fault::Changed, at, &format!("had ended and is now {}", state.name()));
        } else {
            self.find(Fault::Unfinished, at, &format!("it is still {}", state.name()));
        }
    }

    /// The versions of the contacts that it alone writes: each once, or none if it did not happen.
    pub(super) fn contacts_are(&mut self, at: usize, versions: &[u64]) {
        let there = versions.iter().filter(|version| **version > 0).count();
        let absent = versions.len() - there;
        let told = format!("{there} of its {} contacts are there", versions.len());
        if versions.iter().any(|version| *version > 1) {
            self.find(Fault::Doubled, at, "a contact of its own was written twice");
        }
        match self.orders[at].standing {
            Standing::Taken if absent > 0 => self.find(Fault::Missing, at, &told),
            Standing::Unsent | Standing::Refused if there > 0 => {
                self.find(Fault::Invented, at, &told);
            }
            Standing::Unknown if there > 0 && absent > 0 => self.find(Fault::Missing, at, &told),
            _ => {}
        }
    }

    /// By its events it has failed so often: an attempt that was to fail has done so, unless it was
    /// interrupted, and no other.
    pub(super) fn has_failed(&mut self, at: usize, times: u64) {
        self.orders[at].failed = times;
        if times > self.orders[at].work.fail_times() {
            self.find(Fault::Doubled, at, &format!("it has failed {times} times"));
        }
    }

    /// Its document was shown.
    pub(super) fn shown(&mut self, at: usize, heard: &Heard) {
        let Ok(answer) = heard else { return };
        match (answer.status, read::<Task>(&answer.body)) {
            (200, Ok(task)) => match TaskState::from_name(&task.state) {
                Some(state) if state.is_final() => self.ended(at, state),
                Some(_) if self.orders[at].ended.is_some() => {
                    self.find(Fault::Changed, at, &format!("had ended and is now {}", task.state));
                }
                Some(_) => {}
                None => self.find(Fault::Wrong, at, &format!("its state is {}", task.state)),
            },
            (429 | 503, _) => {}
            (404 | 410, _) => self.find(Fault::Missing, at, "the server does not know it"),
            _ => self.find(Fault::Wrong, at, &format!("it is shown as {}", answer.told())),
        }
    }

    /// An account's contact, as the server has it.
    pub(super) fn account_is(&mut self, account: usize, version: u64, value: u64) {
        let before = self.accounts[account];
        let fault = match self.accounts[account].settle(version, value) {
            Comparison::Right => return,
            Comparison::Missing => Fault::Missing,
            Comparison::Doubled => Fault::Doubled,
            Comparison::Wrong => Fault::Wrong,
        };
        let email = self.email(account);
        let told = format!("{email} has version {version} and value {value}; known: {before:?}");
        self.findings.push(Finding::new(fault, None, told));
    }
}

/// The code of a problem.
fn code(body: &[u8]) -> Option<String> {
    read::<Problem>(body).ok()?.code
}
