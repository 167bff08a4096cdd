//! Runs whose items go to an upstream, several at a time.

use super::{Pace, by, count_line, counters, fault, ndjson, result};
use crate::cancel::CancelFlag;
use crate::testing::{FakeJournal, workshop};
use crate::{CallItem, Failure, Handler, Input, ItemCalls};
use overtime_protocol::{
    CallEnd, CallGrant, CallNumber, Completion, Go, Job, Kind, Outcome, Product, Ruling, UpstreamId,
};

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

type Script = Box<dyn Fn(u64) -> Result<(), Failure> + Send + Sync>;

/// An upstream that counts.
pub(super) struct Upstream {
    parallel: usize,
    script: Script,
    calls: Mutex<HashMap<u64, u32>>,
    now: AtomicUsize,
    most: AtomicUsize,
    /// Those that had a limit, and which.
    limited: Mutex<Vec<(u64, Duration)>>,
}

impl ItemCalls for Upstream {
    fn upstream(&self) -> UpstreamId {
        UpstreamId(3)
    }

    fn parallel(&self) -> usize {
        self.parallel
    }

    fn call(&self, _: &Job, item: &CallItem<'_>) -> (Result<(), Failure>, CallEnd) {
        assert!(item.text.starts_with(b"{\"k\":"));
        let (item, limit) = (item.index, item.limit);
        self.limited.lock().unwrap().extend(limit.map(|limit| (item, limit)));
        *self.calls.lock().unwrap().entry(item).or_default() += 1;
        self.most.fetch_max(self.now.fetch_add(1, SeqCst) + 1, SeqCst);
        let result = (self.script)(item);
        self.now.fetch_sub(1, SeqCst);
        (result, CallEnd::Answered)
    }
}

struct Calling(Arc<Upstream>);

impl Handler for Calling {
    fn kind(&self) -> Kind {
        Kind::durable("calling").calling(UpstreamId(3))
    }

    fn run(&self, _: &mut Input<'_>) -> Result<Product, Failure> {
        unreachable!("items are delivered")
    }

    fn item_calls(&self) -> Option<Arc<dyn ItemCalls>> {
        Some(self.0.clone())
    }
}

pub(super) fn upstream(
    parallel: usize,
    script: impl Fn(u64) -> Result<(), Failure> + Send + Sync + 'static,
) -> Arc<Upstream> {
    Arc::new(Upstream {
        parallel,
        script: Box::new(script),
        calls: Mutex::default(),
        now: AtomicUsize::default(),
        most: AtomicUsize::default(),
        limited: Mutex::default(),
    })
}

fn run(upstream: &Arc<Upstream>, job: &Job, journal: &mut FakeJournal) -> Completion {
    run_at(by(10), upstream, job, journal)
}

pub(super) fn run_at(
    pace: Pace,
    upstream: &Arc<Upstream>,
    job: &Job,
    journal: &mut FakeJournal,
) -> Completion {
    let handler = Arc::new(Calling(upstream.clone()));
    let workshop = workshop(vec![handler], journal.source.clone());
    workshop.run_bulk(job, pace, CancelFlag::default(), journal).0
}

pub(super) fn lines(count: u32) -> Job {
    ndjson((0..count).map(count_line))
}

/// How often each of the first items was called.
pub(super) fn called(upstream: &Upstream, count: u64) -> Vec<u32> {
    let calls = upstream.calls.lock().unwrap();
    (0..count).map(|item| calls.get(&item).copied().unwrap_or_default()).collect()
}

/// Calls that were granted and not told to have ended.
fn untold(journal: &FakeJournal, granted: u64) -> u64 {
    granted - journal.gate.ended() as u64
}

#[test]
fn as_many_as_may_be_are_on_their_way_at_a_time() {
    let barrier = Barrier::new(4);
    let upstream = upstream(4, move |_| {
        // Nobody gets on unless four are here.
        barrier.wait();
        Ok(())
    });
    let mut journal = FakeJournal::default();
    let completion = run(&upstream, &lines(100), &mut journal);
    let source = journal.source.clone();
    assert_eq!(counters(&result(completion, &source)), [100, 100, 0]);
    assert_eq!(called(&upstream, 100), [1; 100]);
    assert_eq!(upstream.most.load(SeqCst), 4);
    assert_eq!(untold(&journal, 100), 0, "each call is told to have ended");
}

#[test]
fn one_that_fails_has_its_place_and_one_that_may_pass_is_left_over() {
    let upstream = upstream(8, |item| match item {
        3 => Err(Failure::input("upstream-422", "no")),
        5 => Err(Failure::ephemeral("upstream-503", "later")),
        _ => Ok(()),
    });
    let mut journal = FakeJournal::default();
    let job = lines(20);
    let completion = run(&upstream, &job, &mut journal);
    let told = fault(&completion).detail.clone();
    assert!(told.contains("item 5: later"), "{told}");
    assert_eq!(called(&upstream, 20), [1; 20]);

    let well = super::calls::upstream(8, |_| Ok(()));
    let job = Job { cursor: journal.cursor(), run: 2, ..job };
    let completion = run(&well, &job, &mut journal);
    let source = journal.source.clone();
    let told = result(completion, &source);
    assert_eq!(counters(&told), [20, 19, 1]);
    assert_eq!(told["errors"][0]["index"], 3);
    assert_eq!(well.calls.lock().unwrap().keys().copied().collect::<Vec<_>>(), [5]);
}

#[test]
fn one_whose_upstream_is_shed_goes_on_behind_what_was_delivered() {
    let upstream = upstream(4, |_| Ok(()));
    let mut journal = FakeJournal::default();
    let granted = |numbers: &[u64]| {
        let calls = numbers.iter().copied().map(CallNumber).collect();
        CallGrant::Granted { calls, limit: None }
    };
    journal.gate.answer_first([granted(&[0, 1, 2, 3]), granted(&[4, 5]), CallGrant::Shed]);
    let job = lines(30);
    let completion = run(&upstream, &job, &mut journal);
    assert!(matches!(completion.outcome, Outcome::Held(UpstreamId(3))), "{completion:?}");
    let progress = completion.progress.map(|progress| progress.done);
    assert_eq!(progress, Some(6));
    assert_eq!(untold(&journal, 6), 0);

    let job = Job { cursor: journal.cursor(), run: 2, ..job };
    let completion = run(&upstream, &job, &mut journal);
    let source = journal.source.clone();
    assert_eq!(counters(&result(completion, &source)), [30, 30, 0]);
    assert_eq!(called(&upstream, 30), [1; 30], "nothing is delivered twice");
}

#[test]
fn an_item_that_is_a_probe_has_the_time_of_one() {
    let upstream = upstream(4, |_| Ok(()));
    let mut journal = FakeJournal::default();
    let limit = Some(Duration::from_secs(8));
    journal.gate.answer_first([CallGrant::Granted { calls: vec![CallNumber(0)], limit }]);
    let completion = run(&upstream, &lines(10), &mut journal);
    let source = journal.source.clone();
    assert_eq!(counters(&result(completion, &source)), [10, 10, 0]);
    assert_eq!(*upstream.limited.lock().unwrap(), [(0, Duration::from_secs(8))]);
}

#[test]
fn one_that_is_to_yield_keeps_what_was_delivered() {
    let upstream = upstream(4, |_| Ok(()));
    let mut journal = FakeJournal::default();
    journal.rule(1, Ruling::Kept { lsn: 0, go: Go::Yield });
    let job = lines(200);
    let completion = run(&upstream, &job, &mut journal);
    assert!(matches!(completion.outcome, Outcome::Yielded), "{completion:?}");

    let job = Job { cursor: journal.cursor(), run: 2, ..job };
    let completion = run(&upstream, &job, &mut journal);
    let source = journal.source.clone();
    assert_eq!(counters(&result(completion, &source)), [200, 200, 0]);
    assert_eq!(called(&upstream, 200), [1; 200], "nothing is delivered twice");
}

#[test]
fn one_that_is_to_yield_does_not_wait_until_it_may_call() {
    let upstream = upstream(4, |_| Ok(()));
    let mut journal = FakeJournal::default();
    journal.gate.answer_at_most(1);
    journal.rule(1, Ruling::Kept { lsn: 0, go: Go::Yield });
    let completion = run_at(by(4), &upstream, &lines(200), &mut journal);
    assert!(matches!(completion.outcome, Outcome::Yielded), "{completion:?}");
    assert_eq!((called(&upstream, 4), untold(&journal, 4)), (vec![1; 4], 0));
}

#[test]
fn a_call_that_panics_is_an_item_that_is_left_over() {
    let upstream = upstream(2, |item| {
        assert_ne!(item, 7, "no seven");
        Ok(())
    });
    let mut journal = FakeJournal::default();
    let completion = run(&upstream, &lines(20), &mut journal);
    let told = &fault(&completion).detail;
    assert!(told.contains("item 7") && told.contains("no seven"), "{told}");
    assert_eq!(untold(&journal, 20), 0);
}

#[test]
fn a_defect_of_one_ends_the_task_behind_those_before_it() {
    let upstream = upstream(4, |item| match item {
        12 => Err(Failure::defect("upstream-401", "no")),
        _ => Ok(()),
    });
    let mut journal = FakeJournal::default();
    let completion = run(&upstream, &lines(50), &mut journal);
    assert_eq!(&*fault(&completion).code, "upstream-401");
    assert_eq!(completion.progress.map(|progress| progress.done), Some(12));
    assert!(called(&upstream, 50).iter().sum::<u32>() < 50, "no more begin for long");
}
