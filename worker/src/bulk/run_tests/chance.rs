//! Runs by chance: other writers, yields, stops, failures and restarts at random places. Whatever
//! happens, each item takes effect once and sees what it should; those that were never left over
//! do so in order.

use super::{COUNTERS, Count, by, counting, ndjson, number, run};
use crate::Failure;
use crate::testing::{FakeJournal, FakeSource, Scripted};
use overtime_protocol::{Completion, Go, Job, Outcome, Ruling};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        self.0 >> 33
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

fn line(chance: &mut Chance) -> String {
    let k = chance.below(u64::from(COUNTERS));
    match chance.below(10) {
        0 => "{".to_owned(),
        1 => format!("{{\"k\":{k},\"max\":{}}}", chance.below(20)),
        2..4 => format!("{{\"k\":{k},\"hop\":true}}"),
        _ => format!("{{\"k\":{k}}}"),
    }
}

/// The items that were left over at some time.
type Failed = Arc<Mutex<HashSet<u64>>>;

/// Fails an item now and then, and counts otherwise.
fn moody(seed: u64, failed: Failed) -> Arc<Scripted> {
    let (state, inner) = (AtomicU64::new(seed), counting());
    Arc::new(Scripted::new(move |input| {
        let mut chance = Chance(state.load(Ordering::Relaxed));
        let mood = chance.below(60);
        state.store(chance.0, Ordering::Relaxed);
        if mood < 2 {
            failed.lock().unwrap().insert(input.item().unwrap());
        }
        match mood {
            0 => Err(Failure::ephemeral("busy", "later")),
            1 => panic!("on purpose"),
            _ => inner.run(input),
        }
    }))
}

/// Lets others write, and the journal rule, at random; returns how often each key is written.
fn disturb(chance: &mut Chance, journal: &mut FakeJournal) {
    journal.eager = chance.below(2) == 0;
    for send in 1..400 {
        match chance.below(12) {
            0 => journal.rule(send, Ruling::Stop),
            1 => journal.rule(send, Ruling::Kept { lsn: 0, go: Go::Yield }),
            2 => journal.rule(send, Ruling::Conflict),
            3..6 => {
                let k = chance.below(u64::from(COUNTERS));
                journal.before(send, move |source| increase(source, k));
            }
            _ => {}
        }
    }
}

/// What another task does.
fn increase(source: &FakeSource, k: u64) {
    for key in [format!("n/{k}"), format!("others/{k}")] {
        let count = number(source.value(key.as_bytes())) + 1;
        source.write(key.as_bytes(), Some(count.to_string().into()));
    }
}

/// Runs until the end of the task is appended, as the engine would.
fn run_to_end(seed: u64, job: &Job, failed: Failed, journal: &mut FakeJournal) -> Value {
    let mut chance = Chance(seed);
    let handler = moody(seed, failed);
    for run_number in 1..10_000 {
        let job = Job { run: run_number, cursor: journal.cursor(), ..job.clone() };
        let pace = by(1 + chance.below(12) as usize);
        let completion = run(handler.clone(), &job, pace, journal);
        if chance.below(3) == 0 {
            increase(&journal.source, chance.below(u64::from(COUNTERS)));
        }
        let Completion { outcome, puts, expects, .. } = completion;
        match outcome {
            Outcome::Done(product) if journal.source.append(&puts, &expects).is_some() => {
                return serde_json::from_slice(&product.body).unwrap();
            }
            Outcome::Ephemeral(fault) if fault.code == "items-left" => {}
            Outcome::Done(_) | Outcome::Yielded => {}
            other => panic!("{other:?}"),
        }
    }
    panic!("seed {seed} comes to no end");
}

#[test]
fn whatever_happens_each_item_takes_effect_once() {
    for seed in 1..250 {
        let mut chance = Chance(seed);
        let lines: Vec<String> = (0..chance.below(200)).map(|_| line(&mut chance)).collect();
        let job = ndjson(lines.iter().cloned());
        let mut journal = FakeJournal::default();
        disturb(&mut chance, &mut journal);
        let failed = Failed::default();
        let result = run_to_end(seed, &job, failed.clone(), &mut journal);
        check(seed, &lines, &result, &failed.lock().unwrap(), &journal.source);
    }
}

fn check(seed: u64, lines: &[String], result: &Value, left: &HashSet<u64>, source: &FakeSource) {
    let errors = result["errors"].as_array().unwrap();
    let failed: HashMap<u64, &str> = errors
        .iter()
        .map(|error| (error["index"].as_u64().unwrap(), error["code"].as_str().unwrap()))
        .collect();
    assert_eq!(result["items"], lines.len(), "seed {seed}");
    assert_eq!(result["failed"], failed.len(), "seed {seed}");
    assert_eq!(source.keys_under(b"\0left/"), 0, "seed {seed}: notes of what is over");
    let mut own: HashMap<u32, Vec<(u64, u64)>> = HashMap::new();
    for (index, line) in (0..).zip(lines) {
        let seen = source.value(format!("seen/{index}").as_bytes());
        let parsed = serde_json::from_str::<Count>(line);
        match (failed.get(&index), parsed) {
            (Some(&"invalid-json"), Err(_)) => assert!(seen.is_none()),
            (Some(&"full"), Ok(Count { k, max, .. })) => {
                let count = number(source.value(format!("n/{k}").as_bytes()));
                assert!(seen.is_none() && count >= max.unwrap(), "seed {seed}: item {index}");
            }
            (None, Ok(count)) => {
                let seen = seen.unwrap_or_else(|| panic!("seed {seed}: item {index} left nothing"));
                let (k, value) = str::from_utf8(&seen).unwrap().split_once(' ').unwrap();
                let (k, value): (u32, u64) = (k.parse().unwrap(), value.parse().unwrap());
                assert!(count.hop || (k == count.k && count.max.is_none_or(|max| value <= max)));
                own.entry(k).or_default().push((index, value));
            }
            (code, _) => panic!("seed {seed}: item {index} {line} {code:?}"),
        }
    }
    for k in 0..COUNTERS {
        let own = own.remove(&k).unwrap_or_default();
        let in_order = own.iter().filter(|(index, _)| !left.contains(index));
        let in_order: Vec<u64> = in_order.map(|(_, value)| *value).collect();
        assert!(in_order.is_sorted_by(|one, next| one < next), "seed {seed}: {own:?} of {k}");
        let distinct: HashSet<u64> = own.iter().map(|(_, value)| *value).collect();
        assert_eq!(distinct.len(), own.len(), "seed {seed}: {own:?} of {k}");
        let others = number(source.value(format!("others/{k}").as_bytes()));
        let count = number(source.value(format!("n/{k}").as_bytes()));
        assert_eq!(count, own.len() as u64 + others, "seed {seed}: counter {k}");
    }
}
