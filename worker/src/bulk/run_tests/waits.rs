//! Runs whose items go to an upstream, while they wait for the journal or for the upstream.

use super::calls::{called, lines, run_at, upstream};
use super::{by, counters, fault, result};
use crate::Failure;
use crate::testing::FakeJournal;
use crossbeam_channel::unbounded;
use overtime_protocol::{Job, Outcome, UpstreamId};
use std::time::Duration;

#[test]
fn the_ends_of_calls_are_told_while_the_journal_does_not_rule() {
    let (gone, stalled) = unbounded::<()>();
    let upstream = upstream(4, move |item| {
        if item >= 2 {
            // They come back when the journal has been waited for.
            let _ = stalled.recv();
        }
        Ok(())
    });
    let mut journal = FakeJournal::default();
    journal.stalls.push_back(Box::new(move |gate| {
        assert_eq!(gate.ended(), 2);
        drop(gone);
        gate.await_ended(4);
    }));
    let completion = run_at(by(2), &upstream, &lines(4), &mut journal);
    let source = journal.source.clone();
    assert_eq!(counters(&result(completion, &source)), [4, 4, 0]);
    assert_eq!((journal.gate.ended(), journal.stalls.len()), (4, 0));
}

#[test]
fn what_is_granted_begins_while_the_journal_does_not_rule() {
    let upstream = upstream(2, |_| Ok(()));
    let mut journal = FakeJournal::default();
    journal.gate.answer_at_most(1);
    journal.stalls.push_back(Box::new(|gate| gate.grant(1)));
    journal.stalls.push_back(Box::new(|gate| {
        gate.await_ended(3);
        gate.answer_at_most(usize::MAX);
    }));
    let completion = run_at(by(2), &upstream, &lines(4), &mut journal);
    let source = journal.source.clone();
    assert_eq!(counters(&result(completion, &source)), [4, 4, 0]);
    assert_eq!((journal.gate.ended(), journal.stalls.len()), (4, 0));
}

#[test]
fn what_is_granted_behind_an_item_that_ends_the_task_never_begins() {
    let upstream = upstream(2, |item| match item {
        1 => Err(Failure::defect("upstream-401", "no")),
        _ => Ok(()),
    });
    let mut journal = FakeJournal::default();
    journal.gate.answer_at_most(1);
    journal.stalls.push_back(Box::new(|gate| gate.grant(1)));
    let completion = run_at(by(10), &upstream, &lines(4), &mut journal);
    assert_eq!(&*fault(&completion).code, "upstream-401");
    assert_eq!(called(&upstream, 4), [1, 1, 0, 0]);
    assert_eq!((journal.gate.ended(), journal.stalls.len()), (3, 0), "nor is it out");
}

#[test]
fn one_that_may_not_call_for_long_gives_way_and_goes_on_later() {
    let upstream = upstream(4, |_| Ok(()));
    let mut journal = FakeJournal::default();
    journal.gate.answer_at_most(1);
    let mut pace = by(10);
    pace.patience = Duration::ZERO;
    let job = lines(30);
    let completion = run_at(pace, &upstream, &job, &mut journal);
    assert!(matches!(completion.outcome, Outcome::Held(UpstreamId(3))), "{completion:?}");
    assert_eq!(completion.progress.map(|progress| progress.done), Some(4));
    assert_eq!(journal.gate.ended(), 4);

    journal.gate.answer_at_most(usize::MAX);
    let job = Job { cursor: journal.cursor(), run: 2, ..job };
    let completion = run_at(by(10), &upstream, &job, &mut journal);
    let source = journal.source.clone();
    assert_eq!(counters(&result(completion, &source)), [30, 30, 0]);
    assert_eq!(called(&upstream, 30), [1; 30], "nothing is delivered twice");
}
