//! Items that are left over: the others are kept at once, and they alone are tried again.

use super::{bulk_job, by, count_line, counters, counting, fault, ndjson, result, run};
use crate::attempt::Aftermath;
use crate::bulk::cursor::Cursor;
use crate::bulk::item::Position;
use crate::bulk::left::{LEFT_MAX, Left, NotePlace, Place};
use crate::cancel::CancelFlag;
use crate::testing::{FakeJournal, Scripted, workshop};
use crate::{Failure, json_product};
use overtime_protocol::{Completion, Fault, Go, Job, Outcome, Progress, Ruling};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Runs the handler over items; those for which `fails` says so by index and attempt do not get
/// there.
fn failing(
    fails: impl Fn(u64, u32) -> Option<Failure> + Send + Sync + 'static,
) -> (Arc<Scripted>, Arc<Mutex<Vec<u64>>>) {
    let ran = Arc::new(Mutex::new(Vec::new()));
    let (seen, inner) = (ran.clone(), counting());
    let handler = Scripted::new(move |input| {
        let index = input.item().expect("an item has an index");
        seen.lock().unwrap().push(index);
        fails(index, input.attempt()).map_or_else(|| inner.run(input), Err)
    });
    (Arc::new(handler), ran)
}

fn busy() -> Failure {
    Failure::ephemeral("busy", "later")
}

/// The next attempt of the engine.
fn next_attempt(job: &Job, attempt: u32, journal: &FakeJournal) -> Job {
    Job { attempt, run: attempt, cursor: journal.cursor(), ..job.clone() }
}

#[track_caller]
fn expect_left(completion: &Completion, detail: &str) {
    let Outcome::Ephemeral(fault) = &completion.outcome else { panic!("{completion:?}") };
    assert_eq!((&*fault.code, &*fault.detail), ("items-left", detail));
}

#[test]
fn the_others_are_kept_and_those_left_over_are_tried_again() {
    let job = ndjson((0..20).map(count_line));
    for items in [1, 3, 7, 100] {
        let (handler, ran) = failing(|index, attempt| {
            assert!(index != 11 || attempt != 1, "a panic on purpose");
            (index % 8 == 5 && attempt < 3).then(busy)
        });
        let mut journal = FakeJournal::default();
        let completion = run(handler.clone(), &job, by(items), &mut journal);
        expect_left(&completion, "3 items failed ephemerally, first: item 5: later");
        assert_eq!(completion.progress, Some(Progress { done: 17, total: None }));
        assert_eq!(journal.source.value(b"n/19").unwrap(), "1");
        assert!(journal.source.value(b"n/5").is_none());

        ran.lock().unwrap().clear();
        let again = next_attempt(&job, 2, &journal);
        let completion = run(handler.clone(), &again, by(items), &mut journal);
        expect_left(&completion, "2 items failed ephemerally, first: item 5: later");
        assert_eq!(completion.progress, Some(Progress { done: 18, total: Some(20) }));
        assert_eq!(*ran.lock().unwrap(), [5, 11, 13]);

        ran.lock().unwrap().clear();
        let completion = run(handler, &next_attempt(&job, 3, &journal), by(items), &mut journal);
        assert_eq!(*ran.lock().unwrap(), [5, 13]);
        let source = journal.source.clone();
        assert_eq!(completion.progress, Some(Progress { done: 20, total: Some(20) }));
        assert_eq!(counters(&result(completion, &source)), [20, 20, 0]);
        assert!((0..20).all(|k| source.value(format!("n/{k}").as_bytes()).unwrap() == "1"));
        assert_eq!(source.keys_under(b"\0left/"), 0, "{items} a chunk");
    }
}

#[test]
fn what_fails_for_good_in_a_later_pass_is_told_behind_the_others() {
    let job = ndjson((0..6).map(|n| if n == 4 { "\"x".into() } else { count_line(n) }));
    let (handler, _) = failing(|index, attempt| match (index, attempt) {
        (1 | 2, 1) => Some(busy()),
        (1, _) => Some(Failure::input("wrong", "it is wrong")),
        _ => None,
    });
    let mut journal = FakeJournal::default();
    expect_left(
        &run(handler.clone(), &job, by(2), &mut journal),
        "2 items failed ephemerally, first: item 1: later",
    );
    let completion = run(handler, &next_attempt(&job, 2, &journal), by(2), &mut journal);
    let source = journal.source.clone();
    let result = result(completion, &source);
    assert_eq!(counters(&result), [6, 4, 2]);
    let told = result["errors"].as_array().unwrap().iter();
    let told: Vec<_> = told.map(|error| error["index"].as_u64().unwrap()).collect();
    assert_eq!(told, [4, 1]);
}

#[test]
fn each_format_finds_its_items_again() {
    let bodies = [
        ("application/json", "[{\"k\":0}, {\"k\":1},{\"k\":2}\n,{\"k\":3} ]"),
        ("application/x-ndjson", "{\"k\":0}\n\n{\"k\":1}\r\n{\"k\":2}\n{\"k\":3}"),
        ("text/csv", "k\r\n0\r\n\"1\"\n\n2\r\n3"),
    ];
    for (content_type, body) in bodies {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let texts = seen.clone();
        let handler = Arc::new(Scripted::new(move |input| {
            texts.lock().unwrap().push(input.payload_bytes().to_vec());
            if input.attempt() == 1 && input.item() != Some(2) {
                return Err(busy());
            }
            Ok(json_product("{}"))
        }));
        let job = bulk_job(content_type, body);
        let mut journal = FakeJournal::default();
        run(handler.clone(), &job, by(3), &mut journal);
        let again = next_attempt(&job, 2, &journal);
        let completion = run(handler, &again, by(2), &mut journal);
        assert_eq!(counters(&result(completion, &journal.source.clone())), [4, 4, 0]);
        let mut first = std::mem::take(&mut *seen.lock().unwrap());
        let second = first.split_off(4);
        first.remove(2);
        assert_eq!(first, second, "{content_type}");
    }
}

#[test]
fn a_later_pass_goes_on_at_every_chunk() {
    let job = ndjson((0..30).map(|n| count_line(n % 3)));
    let (handler, _) =
        failing(|index, attempt| (index % 2 == 0 && u64::from(attempt) <= index % 6).then(busy));
    for halt in 1..=14 {
        for ruling in [Ruling::Stop, Ruling::Kept { lsn: 0, go: Go::Yield }, Ruling::Conflict] {
            let mut journal = FakeJournal::default();
            journal.rule(halt, ruling);
            let (mut attempt, mut run_number) = (1, 0);
            let completion = loop {
                run_number += 1;
                let cursor = journal.cursor();
                let job = Job { attempt, run: run_number, cursor, ..job.clone() };
                let completion = run(handler.clone(), &job, by(4), &mut journal);
                match completion.outcome {
                    Outcome::Done(_) => break completion,
                    Outcome::Ephemeral(_) => attempt += 1,
                    Outcome::Yielded => {}
                    other => panic!("{other:?}"),
                }
            };
            assert_eq!(attempt, 5, "{ruling:?} at {halt}");
            let source = journal.source.clone();
            assert_eq!(counters(&result(completion, &source)), [30, 30, 0]);
            for k in 0..3 {
                assert_eq!(source.value(format!("n/{k}").as_bytes()).unwrap(), "10");
            }
            assert_eq!(source.keys_under(b"\0left/"), 0, "{ruling:?} at {halt}");
        }
    }
}

#[test]
fn a_pass_that_is_over_where_it_has_to_yield_is_an_attempt() {
    let job = ndjson((0..4).map(count_line));
    let (handler, _) = failing(|index, _| (index == 0).then(busy));
    let mut journal = FakeJournal::default();
    journal.rule(2, Ruling::Kept { lsn: 0, go: Go::Yield });
    let completion = run(handler, &job, by(2), &mut journal);
    expect_left(&completion, "1 items failed ephemerally, first: item 0: later");
}

#[test]
fn a_body_that_breaks_off_is_told_once_nothing_is_left_over() {
    let body = "[{\"k\":0},{\"k\":1},{\"k\":}]";
    let job = bulk_job("application/json", body);
    for items in [1, 2, 9] {
        let (handler, _) = failing(|index, attempt| (index == 0 && attempt == 1).then(busy));
        let mut journal = FakeJournal::default();
        let completion = run(handler.clone(), &job, by(items), &mut journal);
        expect_left(&completion, "1 items failed ephemerally, first: item 0: later");
        let again = next_attempt(&job, 2, &journal);
        let completion = run(handler, &again, by(items), &mut journal);
        assert_eq!(fault(&completion).code, "malformed-body");
        let offset = body.find("}]").unwrap();
        let members = format!("\"items\":2,\"succeeded\":2,\"failed\":0,\"offset\":{offset}");
        assert_eq!(fault(&completion).members.as_deref(), Some(&*members));
        assert_eq!(journal.source.value(b"n/0").unwrap(), "1");
        assert_eq!(journal.source.keys_under(b"\0left/"), 0);
    }
}

#[test]
fn the_longest_wait_is_obeyed_and_a_panic_shakes_the_thread() {
    let job = ndjson((0..3).map(count_line));
    let (handler, _) = failing(|index, _| {
        assert!(index != 2, "a panic on purpose");
        let Failure::Ephemeral(fault) = busy() else { return None };
        Some(Failure::Ephemeral(Fault {
            retry_after: Some(Duration::from_secs(9 - index)),
            ..fault
        }))
    });
    let mut journal = FakeJournal::default();
    let workshop = workshop(vec![handler], journal.source.clone());
    let (completion, aftermath) =
        workshop.run_bulk(&job, by(9), CancelFlag::default(), &mut journal);
    expect_left(&completion, "3 items failed ephemerally, first: item 0: later");
    assert_eq!(fault(&completion).retry_after, Some(Duration::from_secs(9)));
    assert_eq!(aftermath, Aftermath::Shaken);
}

#[test]
fn past_the_bound_the_attempt_ends_at_the_item() {
    let job = ndjson((0..10).map(count_line));
    let left = Left { items: LEFT_MAX - 2, blocks: 1, ..Left::default() };
    let full = Cursor { left, ..Cursor::default() };
    let (handler, ran) = failing(|index, _| (index > 3).then(busy));
    for items in [1, 3, 100] {
        ran.lock().unwrap().clear();
        let mut journal = FakeJournal::default();
        let job = Job { cursor: Some(full.encode()), ..job.clone() };
        let completion = run(handler.clone(), &job, by(items), &mut journal);
        assert_eq!(
            (&*fault(&completion).code, &*fault(&completion).detail),
            ("busy", "item 6: later")
        );
        let cursor = Cursor::decode(&journal.cursor().unwrap()).unwrap();
        assert_eq!((cursor.left.items, cursor.place.position.index), (LEFT_MAX, 6));
        assert_eq!(*ran.lock().unwrap(), [0, 1, 2, 3, 4, 5, 6]);
    }
}

#[test]
fn notes_that_are_lost_are_told_and_not_passed_over() {
    let place = Place { position: Position { offset: 4, index: 1 }, note: NotePlace::default() };
    let lost = Cursor { pass: 1, list_blocks: 1, place, ..Cursor::default() };
    let job = Job { cursor: Some(lost.encode()), ..ndjson(["{}".to_owned()]) };
    let completion = run(counting(), &job, by(1), &mut FakeJournal::default());
    assert_eq!(fault(&completion).code, "notes-lost");
    assert!(matches!(completion.outcome, Outcome::Defect(_)));
}
