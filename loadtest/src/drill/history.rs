//! What the server has ever listed: a task that was there stays, as what it was, and there is none
//! that nobody has sent.

use super::Scope;
use super::client::Client;
use super::counts::Counts;
use super::fault_ledger::ExpectedFaults;
use super::findings::{Fault, Finding, Findings};
use super::listing::{Listed, Listing};
use super::order::Standing;
use overtime_protocol::{TaskId, TaskState};
use std::collections::{BTreeMap, HashMap, HashSet};

/// All comparisons so far.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Every task that was listed, with the end that was shown.
    known: BTreeMap<TaskId, TaskState>,
    /// Orders in doubt that no key can clear up, by kind: as many tasks may be there.
    in_doubt: HashMap<&'static str, u64>,
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

    /// Holds what is listed against what was listed before, and against all orders.
    pub(super) fn compare(&mut self, listing: &Listing, clients: &[Client], scope: Scope) {
        if scope == Scope::Everything {
            self.compare_known(listing);
        }
        let (mut own, mut volatile) = (HashSet::new(), HashSet::<TaskId>::new());
        for client in clients {
            volatile.extend(&client.book.volatile);
            for order in &client.book.orders[client.settled..] {
                match order.standing {
                    Standing::Unknown => *self.in_doubt.entry(order.work.kind()).or_default() += 1,
                    Standing::Taken => own.extend(order.task),
                    Standing::Unsent | Standing::Refused => {}
                }
            }
        }
        for (task, listed) in listing {
            let is_new = self.known.insert(*task, listed.state).is_none();
            if is_new && !own.contains(task) && !volatile.contains(task) {
                self.attribute(*task, listed);
            }
        }
    }

    fn compare_known(&mut self, listing: &Listing) {
        for (task, state) in std::mem::take(&mut self.known) {
            match listing.get(&task) {
                None => self.find(Fault::Missing, Some(task), "it was listed before".to_owned()),
                // One that had not ended was found already.
                Some(listed) if state.is_final() && listed.state != state => {
                    let told = format!("was {} and is now {}", state.name(), listed.state.name());
                    self.find(Fault::Changed, Some(task), told);
                }
                Some(_) => {}
            }
            self.known.insert(task, state);
        }
    }

    /// A task that nobody knows may come from an order in doubt, and each of these made one at most.
    fn attribute(&mut self, task: TaskId, listed: &Listed) {
        match self.in_doubt.get_mut(&*listed.kind) {
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
        history.compare(&listing(&[5]), std::slice::from_ref(&client), Scope::Recent);
        assert_eq!(faults(&mut history), [Fault::Invented]);
        let at = client.book.enter(Work::Echo { bytes: 20 }, false, 0);
        client.book.orders[at].standing = Standing::Unknown;
        history.compare(&listing(&[6]), std::slice::from_ref(&client), Scope::Recent);
        assert!(faults(&mut history).is_empty());
        client.settled = 1;
        history.compare(&listing(&[7]), &[client], Scope::Recent);
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
        let clients = [client];
        history.compare(&listing(&[5, 6]), &clients, Scope::Everything);
        assert_eq!(history.newest(), TaskId::from_key(6));
        history.compare(&listing(&[5, 6]), &clients, Scope::Everything);
        assert!(faults(&mut history).is_empty());
        history.compare(&listing(&[6]), &clients, Scope::Everything);
        assert_eq!(faults(&mut history), [Fault::Missing]);
        let mut changed = listing(&[5, 6]);
        changed.get_mut(&TaskId::from_key(6).unwrap()).unwrap().state = TaskState::Cancelled;
        history.compare(&changed, &clients, Scope::Everything);
        assert!(faults(&mut history).contains(&Fault::Changed));
    }
}
