//! What the server has ever listed: a task that was there stays, as what it was, and there is none
//! that nobody has sent.

use super::client::Client;
use super::counts::Counts;
use super::fault_ledger::ExpectedFaults;
use super::findings::{Fault, Finding, Findings};
use super::listing::{Listed, Listing};
use super::order::Standing;
use super::walk::Walk;
use overtime_protocol::{TaskId, TaskState};
use std::collections::{BTreeMap, HashMap, HashSet};

/// How many orders are in doubt that no key has cleared up, by kind: as many tasks may be there. What
/// was on disk is listed in the next comparison, so a doubt excuses nothing in a later one.
type InDoubt = HashMap<&'static str, u64>;

/// All comparisons so far.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Every task that was listed, with the end that was shown.
    known: BTreeMap<TaskId, TaskState>,
    pub(super) expected_faults: ExpectedFaults,
    pub(super) counts: Counts,
    pub(super) findings: Findings,
}

impl History {
    /// The newest task that was compared.
    pub(super) fn newest(&self) -> Option<TaskId> {
        self.known.last_key_value().map(|(task, _)| *task)
    }

    pub(super) fn find(&mut self, fault: Fault, task: Option<TaskId>, told: String) {
        self.findings.push(Finding::new(fault, task, told));
    }

    /// Goes through all that was listed before, to hold it against another list.
    pub(super) fn walk(&self) -> Walk<'_> {
        Walk::through(&self.known)
    }

    /// Holds what is listed and was not listed before against all orders.
    pub(super) fn compare(&mut self, listing: &Listing, clients: &[Client]) {
        let (mut own, mut volatile) = (HashSet::new(), HashSet::<TaskId>::new());
        let mut in_doubt = InDoubt::new();
        for client in clients {
            volatile.extend(&client.book.volatile);
            for order in &client.book.orders[client.settled..] {
                match order.standing {
                    Standing::Unknown => *in_doubt.entry(order.work.kind()).or_default() += 1,
                    Standing::Taken => own.extend(order.task),
                    Standing::Unsent | Standing::Refused => {}
                }
            }
        }
        for (task, listed) in listing {
            let is_new = self.known.insert(*task, listed.state).is_none();
            if is_new && !own.contains(task) && !volatile.contains(task) {
                self.attribute(*task, listed, &mut in_doubt);
            }
        }
    }

    /// A task that nobody knows may come from an order in doubt, and each of these made one at most.
    fn attribute(&mut self, task: TaskId, listed: &Listed, in_doubt: &mut InDoubt) {
        match in_doubt.get_mut(&*listed.kind) {
            Some(count) if *count > 0 => *count -= 1,
            _ => {
                let told = format!("a task of {} that nobody has sent", listed.kind);
                self.find(Fault::Invented, Some(task), told);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::work::Work;
    use super::*;

    fn listing(tasks: &[u64]) -> Listing {
        let listed = |_| Listed { kind: "echo".to_owned(), state: TaskState::Succeeded };
        tasks.iter().map(|key| (TaskId::from_key(*key).unwrap(), listed(key))).collect()
    }

    fn faults(history: &mut History) -> Vec<Fault> {
        std::mem::take(&mut history.findings).iter().map(|finding| finding.fault).collect()
    }

    #[test]
    fn a_task_that_nobody_has_sent_is_found_and_one_in_doubt_is_not() {
        let mut client = Client::new(7, 0);
        let mut history = History::default();
        history.compare(&listing(&[5]), std::slice::from_ref(&client));
        assert_eq!(faults(&mut history), [Fault::Invented]);
        let at = client.book.enter(Work::Echo { bytes: 20 }, false, 0);
        client.book.orders[at].standing = Standing::Unknown;
        history.compare(&listing(&[6]), std::slice::from_ref(&client));
        assert!(faults(&mut history).is_empty());
        client.settled = 1;
        history.compare(&listing(&[7]), &[client]);
        assert_eq!(faults(&mut history), [Fault::Invented]);
    }

    #[test]
    fn a_doubt_excuses_no_task_that_comes_later() {
        let mut client = Client::new(7, 0);
        let at = client.book.enter(Work::Echo { bytes: 20 }, false, 0);
        client.book.orders[at].standing = Standing::Unknown;
        let mut history = History::default();
        history.compare(&listing(&[]), std::slice::from_ref(&client));
        client.settled = 1;
        history.compare(&listing(&[7]), &[client]);
        assert_eq!(faults(&mut history), [Fault::Invented]);
    }

    #[test]
    fn a_task_that_goes_or_changes_is_found() {
        let mut client = Client::new(7, 0);
        for key in [5, 6] {
            let at = client.book.enter(Work::Echo { bytes: 20 }, true, 0);
            client.book.orders[at].standing = Standing::Taken;
            client.book.orders[at].task = TaskId::from_key(key);
        }
        let mut history = History::default();
        history.compare(&listing(&[5, 6]), &[client]);
        assert_eq!(history.newest(), TaskId::from_key(6));
        assert!(faults(&mut history).is_empty());
        let walk = |listing: Listing| {
            let mut walk = history.walk();
            listing.into_iter().rev().for_each(|(task, listed)| walk.pass(task, listed));
            let (findings, unknown) = walk.end();
            (findings.iter().map(|finding| finding.fault).collect::<Vec<_>>(), unknown.len())
        };
        assert_eq!(walk(listing(&[5, 6])), (vec![], 0));
        assert_eq!(walk(listing(&[6])), (vec![Fault::Missing], 0));
        assert_eq!(walk(listing(&[5])), (vec![Fault::Missing], 0));
        assert_eq!(walk(listing(&[4, 5, 6])), (vec![], 1));
        assert_eq!(walk(listing(&[])), (vec![Fault::Missing; 2], 0));
        let mut changed = listing(&[5, 6]);
        changed.get_mut(&TaskId::from_key(6).unwrap()).unwrap().state = TaskState::Cancelled;
        assert_eq!(walk(changed), (vec![Fault::Changed], 0));
    }
}
