//! Runs under test: a source in memory, and a journal that conflicts, yields and stops when a test
//! wants it to.

mod calls;
mod cancel;
mod chance;
mod errors;
mod left;
mod waits;

use super::pace::Pace;
use crate::cancel::CancelFlag;
use crate::handler::Handler;
use crate::testing::{FakeJournal, FakeSource, Scripted, job, workshop};
use crate::{Failure, contacts, json_product};
use bytes::Bytes;
use overtime_protocol::{Completion, Fault, Form, Go, Job, Outcome, Payload, Ruling};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// A pace by items alone.
fn by(items: usize) -> Pace {
    let mut pace = Pace::default();
    (pace.items, pace.weight, pace.span) = (items, usize::MAX, Duration::MAX);
    pace.patience = Duration::MAX;
    pace
}

fn bulk_job(content_type: &str, body: impl Into<Bytes>) -> Job {
    let payload = Payload::seal(vec![body.into()]);
    Job { form: Form::Bulk, content_type: Some(content_type.into()), payload, ..job("") }
}

fn ndjson(lines: impl IntoIterator<Item = String>) -> Job {
    let body: String = lines.into_iter().map(|line| line + "\n").collect();
    bulk_job("application/x-ndjson", body)
}

/// What an item of the counting handler asks for: that the counter `k` is increased.
#[derive(Deserialize)]
struct Count {
    k: u32,
    /// It is refused if the counter has come so far.
    #[serde(default)]
    max: Option<u64>,
    /// Not that counter is increased, but one that depends on where it stands.
    #[serde(default)]
    hop: bool,
}

/// How many counters there are to hop to.
const COUNTERS: u32 = 6;

/// Increases counters, and writes down for each item which one and how far.
fn counting() -> Arc<dyn Handler> {
    Arc::new(Scripted::new(|input| {
        let Count { k, max, hop } = input.json()?;
        let count = number(input.read(format!("n/{k}"))?);
        if max.is_some_and(|max| count >= max) {
            return Err(Failure::input("full", format!("the counter is at {count}")));
        }
        let k = if hop { count as u32 % COUNTERS } else { k };
        let key = format!("n/{k}");
        let count = number(input.read(&key)?) + 1;
        input.put(&key, count.to_string())?;
        let seen = format!("seen/{}", input.item().expect("an item has an index"));
        input.put(seen, format!("{k} {count}"))?;
        Ok(json_product("{}"))
    }))
}

fn number(value: Option<Bytes>) -> u64 {
    value.map_or(0, |value| str::from_utf8(&value).unwrap().parse().unwrap())
}

fn count_line(k: u32) -> String {
    format!("{{\"k\":{k}}}")
}

fn run(handler: Arc<dyn Handler>, job: &Job, pace: Pace, journal: &mut FakeJournal) -> Completion {
    let workshop = workshop(vec![handler], journal.source.clone());
    workshop.run_bulk(job, pace, CancelFlag::default(), journal).0
}

/// The result of a run that must be done; its effects are appended.
#[track_caller]
fn result(completion: Completion, source: &FakeSource) -> Value {
    let Outcome::Done(product) = completion.outcome else { panic!("{completion:?}") };
    source.append(&completion.puts, &completion.expects).expect("nobody else writes");
    serde_json::from_slice(&product.body).unwrap()
}

fn counters(result: &Value) -> [u64; 3] {
    ["items", "succeeded", "failed"].map(|name| result[name].as_u64().unwrap())
}

#[track_caller]
fn fault(completion: &Completion) -> &Fault {
    match &completion.outcome {
        Outcome::Rejected(fault) | Outcome::Ephemeral(fault) | Outcome::Defect(fault) => fault,
        Outcome::Done(_) | Outcome::Yielded | Outcome::Cancelled | Outcome::Held(_) => {
            panic!("{completion:?}")
        }
    }
}

#[test]
fn a_small_body_is_one_record() {
    let mut journal = FakeJournal::default();
    let completion = run(counting(), &ndjson((0..9).map(count_line)), by(10), &mut journal);
    assert_eq!(completion.progress.map(|p| (p.done, p.total)), Some((9, Some(9))));
    assert!(journal.kept.is_empty());
    let source = journal.source.clone();
    assert_eq!(counters(&result(completion, &source)), [9, 9, 0]);
    assert_eq!(source.value(b"n/8").unwrap(), "1");
}

#[test]
fn items_see_what_those_before_them_wrote_across_chunks() {
    for eager in [true, false] {
        let mut journal = FakeJournal::default();
        journal.eager = eager;
        let job = ndjson((0..1_000).map(|n| count_line(n % 3)));
        let completion = run(counting(), &job, by(7), &mut journal);
        assert_eq!(journal.kept.len(), 142);
        let source = journal.source.clone();
        assert_eq!(counters(&result(completion, &source)), [1_000, 1_000, 0]);
        assert_eq!(source.value(b"n/0").unwrap(), "334");
        assert_eq!(source.value(b"seen/999").unwrap(), "0 334");
    }
}

#[test]
fn a_key_written_often_is_in_a_chunk_once_with_what_was_read_first() {
    let mut journal = FakeJournal::default();
    run(counting(), &ndjson((0..15).map(|_| count_line(0))), by(10), &mut journal);
    let [chunk] = &journal.kept[..] else { panic!("{} chunks", journal.kept.len()) };
    let puts: Vec<_> = chunk.puts.iter().filter(|put| put.key.starts_with(b"n/")).collect();
    assert_eq!(puts.len(), 1);
    assert_eq!(puts[0].value.as_ref().unwrap(), "10");
    assert_eq!((chunk.progress.done, chunk.puts.len()), (10, 11));
}

#[test]
fn what_a_chunk_deleted_is_known_to_be_absent_by_the_next() {
    let handler = Arc::new(Scripted::new(|input| {
        if input.item() == Some(0) {
            input.delete("k")?;
        } else {
            assert_eq!(input.read("k")?.is_some(), input.item() != Some(1));
            input.put("k", "new")?;
        }
        Ok(json_product("{}"))
    }));
    let mut journal = FakeJournal::default();
    journal.source.set(b"k", "old");
    let completion = run(handler, &ndjson((0..4).map(|n| n.to_string())), by(1), &mut journal);
    let source = journal.source.clone();
    assert_eq!(counters(&result(completion, &source)), [4, 4, 0]);
    assert_eq!(journal.sent, journal.kept.len(), "nothing conflicts");
}

#[test]
fn an_email_that_comes_again_grows_its_version() {
    let handler = contacts::handlers().swap_remove(0);
    let body = "email,company\n".to_owned() + &"A@b.example,x\na@b.example,\n".repeat(500);
    let mut journal = FakeJournal::default();
    let completion = run(handler, &bulk_job("text/csv", body), by(64), &mut journal);
    let source = journal.source.clone();
    assert_eq!(counters(&result(completion, &source)), [1_000, 1_000, 0]);
    let contact: Value =
        serde_json::from_slice(&source.value(b"contacts/a@b.example").unwrap()).unwrap();
    assert_eq!(contact["version"], 1_000);
}

#[test]
fn a_run_goes_on_at_every_chunk() {
    let job =
        ndjson((0..50).map(|n| if n % 5 == 0 { "nonsense".into() } else { count_line(n % 2) }));
    for halt in 1..=8 {
        for ruling in [Ruling::Stop, Ruling::Kept { lsn: 0, go: Go::Yield }] {
            let mut journal = FakeJournal::default();
            journal.rule(halt, ruling);
            let completion = run(counting(), &job, by(6), &mut journal);
            assert!(matches!(completion.outcome, Outcome::Yielded), "{completion:?}");
            assert!(completion.puts.is_empty() && completion.expects.is_empty());
            let again = Job { cursor: journal.cursor(), run: 2, ..job.clone() };
            let completion = run(counting(), &again, by(6), &mut journal);
            let source = journal.source.clone();
            let result = result(completion, &source);
            assert_eq!(counters(&result), [50, 40, 10], "{ruling:?} at {halt}");
            let indexes = result["errors"].as_array().unwrap().iter();
            let indexes: Vec<_> = indexes.map(|error| error["index"].as_u64().unwrap()).collect();
            assert_eq!(indexes, [0, 5, 10, 15, 20, 25, 30, 35, 40, 45]);
            assert_eq!(source.value(b"n/0").unwrap(), "20");
        }
    }
}

#[test]
fn after_a_conflict_only_the_items_that_it_concerns_run_again() {
    let ran = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&ran);
    let inner = counting();
    let handler = Arc::new(Scripted::new(move |input| {
        seen.lock().unwrap().push(input.item().unwrap());
        inner.run(input)
    }));
    let mut journal = FakeJournal::default();
    // The second chunk is 10..20; somebody else writes counter 3 before it is checked.
    journal.before(2, |source| {
        source.write(b"n/3", Some("100".into()));
    });
    let completion =
        run(handler, &ndjson((0..25).map(|n| count_line(n % 10))), by(10), &mut journal);
    let source = journal.source.clone();
    assert_eq!(counters(&result(completion, &source)), [25, 25, 0]);
    assert_eq!(source.value(b"n/3").unwrap(), "102");
    assert_eq!(source.value(b"n/4").unwrap(), "3");
    // All but the one were done; what was made ready behind the chunk is made again.
    let expected: Vec<u64> = (0..25).chain([13]).chain(20..25).collect();
    assert_eq!(*ran.lock().unwrap(), expected);
}

#[test]
fn a_chunk_that_conflicts_again_and_again_shrinks_and_comes_through() {
    let mut journal = FakeJournal::default();
    for send in 1..=6 {
        journal.before(send, |source| {
            let count = number(source.value(b"n/0")) + 1;
            source.write(b"n/0", Some(count.to_string().into()));
        });
    }
    let completion =
        run(counting(), &ndjson((0..100).map(|_| count_line(0))), by(50), &mut journal);
    assert_eq!(journal.kept[0].progress.done, 50_u64.div_ceil(32));
    let source = journal.source.clone();
    assert_eq!(counters(&result(completion, &source)), [100, 100, 0]);
    assert_eq!(source.value(b"n/0").unwrap(), "106");
}

#[test]
fn endless_conflicts_end_the_attempt_for_a_while() {
    let mut journal = FakeJournal::default();
    for send in 1..=200 {
        journal.before(send, |source| {
            source.write(b"n/0", Some("7".into()));
        });
    }
    let completion = run(counting(), &ndjson((0..20).map(|_| count_line(0))), by(10), &mut journal);
    assert_eq!(fault(&completion).code, "contended");
    assert!(matches!(completion.outcome, Outcome::Ephemeral(_)) && journal.kept.is_empty());
}

#[test]
fn effects_of_a_chunk_stay_within_what_may_be_written_at_once() {
    let handler = Arc::new(Scripted::new(|input| {
        let key = format!("big/{}", input.item().unwrap());
        input.put(key, vec![b'x'; 1024 * 1024])?;
        Ok(json_product("{}"))
    }));
    let mut journal = FakeJournal::default();
    let completion = run(handler, &ndjson((0..10).map(|n| n.to_string())), by(1_000), &mut journal);
    let sizes: Vec<usize> = journal.kept.iter().map(|chunk| chunk.puts.len()).collect();
    assert_eq!(sizes[0], 3);
    assert!(sizes.iter().all(|size| *size <= 3), "{sizes:?}");
    assert_eq!(sizes.iter().sum::<usize>() + completion.puts.len(), 10);
}

#[test]
fn chunks_are_bounded_however_long_the_body_is() {
    let mut journal = FakeJournal::default();
    journal.keeps = false;
    let job = ndjson((0..100_000).map(count_line));
    let completion = run(counting(), &job, Pace::default(), &mut journal);
    assert!(journal.largest_bytes > 1_024 && journal.largest_bytes < 600 * 1_024);
    let source = journal.source.clone();
    assert_eq!(counters(&result(completion, &source)), [100_000, 100_000, 0]);
}
