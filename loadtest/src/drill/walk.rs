//! A walk through all tasks that were ever listed, from the newest back, beside a list that goes the
//! same way: so none of the two need be held twice. It knows no orders.

use super::findings::{Fault, Finding, Findings};
use super::listing::{Listed, Listing};
use overtime_protocol::{TaskId, TaskState};
use std::collections::BTreeMap;
use std::collections::btree_map::Iter;
use std::iter::{Peekable, Rev};

/// A walk.
pub(super) struct Walk<'a> {
    known: Peekable<Rev<Iter<'a, TaskId, TaskState>>>,
    findings: Findings,
    /// What is listed and was not listed before, though it is older than what was.
    unknown: Listing,
}

impl<'a> Walk<'a> {
    pub(super) fn through(known: &'a BTreeMap<TaskId, TaskState>) -> Self {
        let known = known.iter().rev().peekable();
        Self { known, findings: Findings::new(), unknown: Listing::new() }
    }

    /// The next task of the list.
    pub(super) fn pass(&mut self, task: TaskId, listed: Listed) {
        while let Some((missing, _)) = self.known.next_if(|(known, _)| **known > task) {
            self.miss(*missing);
        }
        match self.known.next_if(|(known, _)| **known == task) {
            // One that had not ended was found already.
            Some((_, state)) if state.is_final() && *state != listed.state => {
                let told = format!("was {} and is now {}", state.name(), listed.state.name());
                self.findings.push(Finding::new(Fault::Changed, Some(task), told));
            }
            Some(_) => {}
            None => drop(self.unknown.insert(task, listed)),
        }
    }

    /// The list is at its end: what was found, and what nobody knew.
    pub(super) fn end(mut self) -> (Findings, Listing) {
        while let Some((missing, _)) = self.known.next() {
            self.miss(*missing);
        }
        (self.findings, self.unknown)
    }

    fn miss(&mut self, task: TaskId) {
        let told = "it was listed before".to_owned();
        self.findings.push(Finding::new(Fault::Missing, Some(task), told));
    }
}
