//! The pool under test: real threads, a source in memory.

use super::*;
use crate::testing::{FakeSource, Scripted, job, opener, stored_job, task};
use crate::{Failure, json_product};
use bytes::Bytes;
use overtime_protocol::record::ReadMark;
use overtime_protocol::{ChainNumber, Form, Go, Job, Lane, Outcome, Product, Progress};
use std::collections::HashSet;
use std::sync::{Barrier, Mutex};
use std::thread::{self, ThreadId};

/// Longer than anything here takes: a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

fn pool(foreground: usize, handler: Scripted, source: FakeSource) -> (Pool, Receiver<Delivery>) {
    let options =
        PoolOptions { foreground, bulk: 1, background: 1, spares: 2, ..PoolOptions::default() };
    let equipment = Equipment {
        handlers: vec![Arc::new(handler)],
        opener: opener(),
        source: Arc::new(source),
        clock: Clock::start(),
    };
    let (sender, deliveries) = crossbeam_channel::unbounded();
    let deliver = Arc::new(move |delivery| sender.send(delivery).unwrap());
    (start(options, equipment, deliver).unwrap(), deliveries)
}

fn chain(jobs: Vec<Job>) -> Chain {
    Chain::new(ChainNumber(1), Lane::Interactive, jobs)
}

/// A completion, as it was delivered.
#[derive(Debug)]
struct Delivered {
    worker: WorkerId,
    completion: Completion,
    chain_ended: bool,
}

fn next(deliveries: &Receiver<Delivery>) -> Delivered {
    match deliveries.recv_timeout(PATIENCE).unwrap() {
        Delivery::Completion { worker, completion, chain_ended, .. } => {
            Delivered { worker, completion, chain_ended }
        }
        other => panic!("{other:?}"),
    }
}

fn body(delivery: Delivered) -> Bytes {
    match delivery.completion.outcome {
        Outcome::Done(product) => product.body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_hundred_workers_run_at_the_same_time() {
    let barrier = Arc::new(Barrier::new(200));
    let handler = Scripted::new(move |_| {
        barrier.wait();
        Ok(Product::default())
    });
    let (pool, deliveries) = pool(200, handler, FakeSource::default());
    for worker in &pool.foreground {
        worker.chains.send(chain(vec![job("")])).unwrap();
    }
    let mut seen = HashSet::new();
    for _ in 0..200 {
        let delivery = next(&deliveries);
        assert!(delivery.chain_ended && seen.insert(delivery.worker), "{delivery:?}");
    }
}

#[test]
fn a_panic_replaces_the_thread_and_the_worker_serves_on() {
    let threads = Arc::new(Mutex::new(Vec::<(ThreadId, Option<String>)>::new()));
    let seen = Arc::clone(&threads);
    let handler = Scripted::new(move |input| {
        let current = thread::current();
        seen.lock().unwrap().push((current.id(), current.name().map(str::to_owned)));
        assert!(input.payload_len() > 0, "an empty payload");
        Ok(json_product(input.payload_shared()))
    });
    let (pool, deliveries) = pool(2, handler, FakeSource::default());
    let worker = &pool.foreground[1];
    worker.chains.send(chain(vec![job("one"), job(""), job("two")])).unwrap();
    let ended: Vec<_> = (0..3).map(|_| next(&deliveries)).collect();
    assert_eq!(ended.iter().map(|d| d.chain_ended).collect::<Vec<_>>(), [false, false, true]);
    let outcome = &ended[1].completion.outcome;
    assert!(matches!(outcome, Outcome::Ephemeral(fault) if fault.code == "panic"), "{outcome:?}");
    assert!(
        matches!(&ended[2].completion.outcome, Outcome::Done(product) if product.body == "two")
    );

    worker.chains.send(chain(vec![job("three")])).unwrap();
    let delivery = next(&deliveries);
    assert_eq!(delivery.worker, worker.id);
    assert_eq!(body(delivery), "three");
    let threads = threads.lock().unwrap();
    assert_ne!(threads[0].0, threads[3].0, "the shaken thread was not replaced");
    assert!(threads.iter().all(|(_, name)| name.as_deref() == Some("work-001")), "{threads:?}");
}

#[test]
fn a_spare_comes_when_it_is_wanted_and_goes_when_nobody_can_send_it_anything() {
    let names = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&names);
    let handler = Scripted::new(move |input| {
        seen.lock().unwrap().push(thread::current().name().map(str::to_owned));
        Ok(json_product(input.payload_shared()))
    });
    let (pool, deliveries) = pool(1, handler, FakeSource::default());
    // One each of bulk and background stand before them.
    pool.hiring.send(4).unwrap();
    let Delivery::Hired(spare) = deliveries.recv_timeout(PATIENCE).unwrap() else {
        panic!("nobody has come");
    };
    spare.chains.send(chain(vec![job("one")])).unwrap();
    let delivery = next(&deliveries);
    assert_eq!(delivery.worker, WorkerId(4));
    assert_eq!(body(delivery), "one");
    assert_eq!(*names.lock().unwrap(), [Some("spare-001".to_owned())]);
    drop(spare);
    let Pool { foreground, bulk, background, hiring, ended } = pool;
    drop((foreground, bulk, background));
    assert_eq!(ended.wait(Duration::from_millis(1)), Err(StillRunning), "more may be wanted");
    drop(hiring);
    assert_eq!(ended.wait(PATIENCE), Ok(()));
}

#[test]
fn the_jobs_of_a_chain_see_what_those_before_them_write() {
    let handler = Scripted::new(|input| {
        let mut text = input.read("k")?.unwrap_or_default().to_vec();
        text.extend_from_slice(&input.payload_bytes());
        input.put("k", text.clone())?;
        if input.payload_bytes().ends_with(b"!") {
            return Err(Failure::input("loud", "not so loud"));
        }
        Ok(json_product(text))
    });
    let source = FakeSource::default();
    let found = source.set(b"k", "0");
    let (pool, deliveries) = pool(1, handler, source);
    let jobs = ["a", "b!", "c"].into_iter().zip(1..);
    let jobs = jobs.map(|(text, key)| Job { task: task(key), run: 4, ..job(text) });
    pool.foreground[0].chains.send(chain(jobs.collect())).unwrap();

    let first = next(&deliveries);
    assert_eq!(first.completion.puts[0].read, found);
    assert_eq!(body(first), "0a");
    let second = next(&deliveries);
    assert!(matches!(second.completion.outcome, Outcome::Rejected(_)));
    let third = next(&deliveries);
    assert_eq!(third.completion.puts[0].read, ReadMark::After { task: task(1), run: 4 });
    assert_eq!(body(third), "0ac", "what a rejected job wrote must not be seen");
}

#[test]
fn a_job_of_a_chain_saves_and_those_behind_it_read_what_is_on_disk() {
    let handler = Scripted::new(|input| {
        let mut text = input.read("k")?.unwrap_or_default().to_vec();
        text.extend_from_slice(&input.payload_bytes());
        input.put("k", text.clone())?;
        if input.payload_bytes().ends_with(b"!") {
            input.save("half", Progress { done: 1, total: Some(2) })?;
            assert_eq!(input.read("k")?.unwrap(), text);
        }
        Ok(json_product(text))
    });
    let source = FakeSource::default();
    let (pool, deliveries) = pool(1, handler, source.clone());
    let jobs = ["a", "b!", "c"].into_iter().zip(1..);
    let jobs = jobs.map(|(text, key)| Job { task: task(key), run: 4, ..job(text) });
    let worker = &pool.foreground[0];
    worker.chains.send(chain(jobs.collect())).unwrap();
    assert_eq!(body(next(&deliveries)), "a");
    let Delivery::Chunk { worker: from, chunk } = deliveries.recv_timeout(PATIENCE).unwrap() else {
        panic!("it has not saved")
    };
    assert_eq!(
        (from, chunk.task, chunk.run, &*chunk.cursor),
        (worker.id, task(2), 4, &b"half"[..])
    );
    assert_eq!(chunk.puts[0].read, ReadMark::After { task: task(1), run: 4 });
    source.commit(&chunk.puts);
    worker.rulings.send(Ruling::Kept { lsn: 1, go: Go::On }).unwrap();
    let second = next(&deliveries);
    assert_eq!(second.completion.expects.len(), 1, "what it read behind the save");
    assert_eq!(body(second), "ab!");
    let third = next(&deliveries);
    assert_eq!(third.completion.puts[0].read, ReadMark::At { lsn: 1, watermark: 0 });
    assert_eq!(body(third), "ab!c");
}

#[test]
fn a_stored_payload_reaches_a_low_priority_worker() {
    let source = FakeSource::default();
    source.store_payload(task(9), "from the journal");
    let handler = Scripted::new(|input| Ok(json_product(input.payload_shared())));
    let (pool, deliveries) = pool(1, handler, source);
    for worker in pool.bulk.iter().chain(&pool.background) {
        worker.chains.send(chain(vec![stored_job(9)])).unwrap();
        let delivery = next(&deliveries);
        assert_eq!(delivery.worker, worker.id);
        assert_eq!(body(delivery), "from the journal");
    }
}

#[test]
fn workers_end_when_their_senders_are_gone_and_their_work_is_done() {
    let (open, gate) = bounded::<()>(0);
    let handler = Scripted::new(move |_| {
        let _ = gate.recv();
        Ok(Product::default())
    });
    let (pool, deliveries) = pool(3, handler, FakeSource::default());
    pool.foreground[0].chains.send(chain(vec![job("")])).unwrap();
    let Pool { foreground, bulk, background, hiring, ended } = pool;
    drop((foreground, bulk, background, hiring));
    assert_eq!(ended.wait(Duration::from_millis(1)), Err(StillRunning));
    drop(open);
    assert_eq!(ended.wait(PATIENCE), Ok(()));
    assert_eq!(deliveries.len(), 1, "the last completion is delivered before the worker ends");
}

#[test]
fn a_bulk_job_hands_over_chunks_and_heeds_their_rulings() {
    let handler = Scripted::new(|input| {
        input.put(format!("k/{}", input.item().unwrap_or_default()), "v")?;
        Ok(Product::default())
    });
    let (pool, deliveries) = pool(1, handler, FakeSource::default());
    let worker = &pool.bulk[0];
    let bulk = Job {
        form: Form::Bulk,
        content_type: Some("application/x-ndjson".into()),
        ..job(&"1\n".repeat(10_000))
    };
    // What a former run did not wait for says nothing about this one.
    worker.rulings.send(Ruling::Stop).unwrap();
    worker.chains.send(chain(vec![bulk.clone()])).unwrap();
    let mut done = 0;
    let completion = loop {
        match deliveries.recv_timeout(PATIENCE).unwrap() {
            Delivery::Chunk { worker: from, chunk } => {
                assert_eq!((from, chunk.task, chunk.run), (worker.id, bulk.task, bulk.run));
                assert_eq!(chunk.puts.len() as u64, chunk.progress.done - done);
                done = chunk.progress.done;
                worker.rulings.send(Ruling::Kept { lsn: 1 + done, go: Go::On }).unwrap();
            }
            Delivery::Completion { completion, chain_ended, .. } => {
                assert!(chain_ended);
                break completion;
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(done > 0 && matches!(completion.outcome, Outcome::Done(_)));
    assert_eq!(done + completion.puts.len() as u64, 10_000);
}

#[test]
fn a_bulk_job_that_nobody_rules_about_any_more_ends() {
    let handler = Scripted::new(|_| Ok(Product::default()));
    let (pool, deliveries) = pool(1, handler, FakeSource::default());
    let content_type = Some("application/x-ndjson".into());
    let bulk = Job { form: Form::Bulk, content_type, ..job(&"1\n".repeat(10_000)) };
    pool.bulk[0].chains.send(chain(vec![bulk])).unwrap();
    drop(pool);
    let deliveries = std::iter::from_fn(|| deliveries.recv_timeout(PATIENCE).ok());
    let last = deliveries.last().unwrap();
    assert!(
        matches!(&last, Delivery::Completion { completion, .. }
            if matches!(completion.outcome, Outcome::Yielded)),
        "{last:?}"
    );
}
