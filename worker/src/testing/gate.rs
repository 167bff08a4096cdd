//! A gate in memory: it remembers what it is told of calls, and grants what a test says.

use crossbeam_channel::{Receiver, Sender, unbounded};
use overtime_protocol::{CallGrant, CallNumber, CallReport};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// What is not told within this is never told.
const AT_MOST: Duration = Duration::from_secs(30);

/// A gate that grants what is wanted.
pub(crate) struct FakeGate {
    told: Mutex<Told>,
    news: Condvar,
    granted: (Sender<CallGrant>, Receiver<CallGrant>),
}

struct Told {
    reports: Vec<CallReport>,
    /// What is answered to those who want calls, the first first; then all that are wanted.
    grants: VecDeque<CallGrant>,
    /// So many of those who want calls are answered.
    grants_max: usize,
    calls: u64,
}

impl Default for FakeGate {
    fn default() -> Self {
        let (reports, grants) = (Vec::new(), VecDeque::new());
        let told = Told { reports, grants, grants_max: usize::MAX, calls: 0 };
        Self { told: Mutex::new(told), news: Condvar::new(), granted: unbounded() }
    }
}

impl FakeGate {
    /// Answers the first who want calls like this.
    pub(crate) fn answer_first(&self, grants: impl IntoIterator<Item = CallGrant>) {
        self.told.lock().unwrap().grants.extend(grants);
    }

    /// Answers no more than so many who want calls.
    pub(crate) fn answer_at_most(&self, max: usize) {
        self.told.lock().unwrap().grants_max = max;
    }

    /// Grants the next so many calls.
    pub(crate) fn grant(&self, count: u64) {
        let grant = self.told.lock().unwrap().next(count);
        self.granted.0.send(grant).expect("the other end is here");
    }

    /// How many calls have ended.
    pub(crate) fn ended(&self) -> usize {
        self.told.lock().unwrap().ended()
    }

    /// Waits until so many calls have ended.
    #[track_caller]
    pub(crate) fn await_ended(&self, count: usize) {
        let told = self.told.lock().unwrap();
        let lacks = |told: &mut Told| told.ended() < count;
        let (told, _) = self.news.wait_timeout_while(told, AT_MOST, lacks).unwrap();
        assert!(told.ended() >= count, "only {} ends are told", told.ended());
    }

    pub(super) fn take(&self, report: CallReport) {
        let mut told = self.told.lock().unwrap();
        let wanted = u64::from(report.wanted);
        told.reports.push(report);
        let grant = if wanted > 0 && told.grants_max > 0 {
            told.grants_max -= 1;
            let next = told.grants.pop_front();
            Some(next.unwrap_or_else(|| told.next(wanted)))
        } else {
            None
        };
        drop(told);
        self.news.notify_all();
        grant.into_iter().for_each(|grant| self.granted.0.send(grant).expect("it is here"));
    }

    pub(super) fn grants(&self) -> &Receiver<CallGrant> {
        &self.granted.1
    }
}

impl Told {
    fn next(&mut self, count: u64) -> CallGrant {
        let first = self.calls;
        self.calls += count;
        CallGrant::Granted { calls: (first..self.calls).map(CallNumber).collect(), limit: None }
    }

    fn ended(&self) -> usize {
        self.reports.iter().map(|report| report.ended.len()).sum()
    }
}
