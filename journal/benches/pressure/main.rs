//! Measures a journal under load:
//! `cargo bench -p overtime-journal -- [RATE] [SECONDS] [KEYS] [STREAMS]`.
//! RATE 0 sends as fast as verdicts come back. Each record accepts a task, finishes it with a
//! product of 60 bytes, and writes 300 bytes at a random key that was read before. Waits are
//! measured from when a record was due, not from when it was sent. Beside them STREAMS bulk tasks
//! send chunks as fast as they can.

mod bulk;

use bulk::Streams;
use overtime_journal::{Options, Report, SPAN_BUCKETS, Spans, Stats, Store, open};
use overtime_protocol::record::{Acceptance, Change, Put, Record};
use overtime_protocol::{
    Append, Document, Durability, Fate, Form, KindName, Lane, Opener, Payload, Product, TaskId,
    TaskState, Ticket, UnixMillis,
};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How many records may be unanswered when none is due at a time.
const WINDOW: u64 = 512;

struct Load {
    store: Store,
    keys: u64,
    random: u64,
    reads_ns: Vec<u32>,
    kind: KindName,
    tenant: Arc<str>,
}

impl Load {
    fn random(&mut self) -> u64 {
        // xorshift64: the same load in every run.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn record(&mut self, number: u64) -> Record {
        let key = format!("contacts/user{:08}@example.com", self.random() % self.keys);
        let before = Instant::now();
        let read = self.store.state(key.as_bytes()).expect("the journal can be read").read;
        self.reads_ns.push(u32::try_from(before.elapsed().as_nanos()).unwrap_or(u32::MAX));
        let task = TaskId::from_key((1 << 40) + number).expect("it has less than 63 bits");
        let at = UnixMillis(1_795_000_000_000 + number);
        let acceptance = Acceptance {
            kind: self.kind.clone(),
            lane: Lane::Interactive,
            tenant: Arc::clone(&self.tenant),
            created_at: at,
            due_at: None,
            urgency: 3,
            content_type: Some("application/json".into()),
            traceparent: None,
            form: Form::Single,
            payload: Payload::seal(vec![vec![b'p'; 250].into()]),
        };
        let document = Box::new(Document {
            id: task,
            kind: self.kind.clone(),
            lane: Lane::Interactive,
            state: TaskState::Succeeded,
            attempts: 1,
            created_at: at,
            started_at: Some(at),
            finished_at: Some(at),
            next_attempt_at: None,
            progress: None,
            fault: None,
            tenant: Arc::clone(&self.tenant),
            durability: Durability::Disk,
        });
        let content_type = Some("application/json".into());
        let product = Product { content_type, body: vec![b'r'; 60].into() };
        let value = Some(vec![b'v'; 300].into());
        Record {
            attempt: 1,
            run: 1,
            acceptance: Some(acceptance),
            change: Some(Change::Finished(document, Some(product))),
            puts: vec![Put { key: key.into(), value, read }],
            ..Record::new(task, UnixMillis(0))
        }
    }
}

/// What came back.
#[derive(Default)]
struct Answers {
    answered: AtomicU64,
    conflicts: AtomicU64,
    waits_us: parking_lot::Mutex<Vec<u32>>,
}

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let argument = |index: usize, default| numbers.get(index).copied().unwrap_or(default);
    let (rate, seconds, keys) = (argument(0, 35_000), argument(1, 20), argument(2, 100_000));
    let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("cargo made its folder");
    let opener = Opener::mint().expect("nobody else mints");
    let opened = open(&Options::new(root.path()), opener.clone()).expect("it opens");
    let zero = Instant::now();
    let answers = Arc::new(Answers::default());
    let streams = Streams::new(argument(3, 0));
    let heard = (Arc::clone(&answers), Arc::clone(&streams));
    let journal = opened.start(Arc::new(move |report| hear(&heard.0, &heard.1, report, zero)));
    let bulk = streams.start(&journal.store(), &journal.appends(), keys);
    let load = Load {
        store: journal.store(),
        keys,
        random: 0x9e37_79b9_7f4a_7c15,
        reads_ns: Vec::new(),
        kind: KindName::new("contacts.upsert").expect("a kind"),
        tenant: "default".into(),
    };
    let stats = journal.stats();
    let span = Duration::from_secs(seconds);
    let (sent, mut reads_ns) = drive(load, &journal.appends(), &answers, (rate, span, zero));
    streams.stop();
    bulk.into_iter().for_each(|stream| stream.join().expect("no stream panics"));
    let (elapsed, applied) = (zero.elapsed(), stats.applied.load(Relaxed));
    println!("{sent} records in {elapsed:.1?}, {applied} of them applied by then");
    show_threads(elapsed);
    quantiles("read, ns", &mut reads_ns);
    measure_reads(&journal.store(), keys);
    measure_reads(&journal.store(), keys);
    let wal = root.path().join("archive.db-wal");
    let wal_bytes = fs::metadata(wal).map_or(0, |file| file.len());
    let closing = Instant::now();
    journal.close().expect("the disk works");
    println!("closed in {:.1?}", closing.elapsed());
    let mut waits = std::mem::take(&mut *answers.waits_us.lock());
    quantiles("due to durable, us", &mut waits);
    let done = &streams.done;
    let (keys, conflicts) = (done.keys.load(Relaxed), done.conflicts.load(Relaxed));
    println!("bulk: {keys} keys written, {conflicts} chunks in conflict");
    quantiles("bulk: chunk sent to ruling, us", &mut done.waits_us.lock());
    println!("write-ahead log {} MiB", wal_bytes >> 20);
    println!("conflicts {}", answers.conflicts.load(Relaxed));
    show_stats(&stats);
    let file = root.path().join("archive.db");
    println!("archive {} MiB", fs::metadata(file).map_or(0, |file| file.len() >> 20));
    let (reopening, ran) = (Instant::now(), thread_time());
    drop(open(&Options::new(root.path()), opener).expect("it opens again"));
    let (elapsed, ran) = (reopening.elapsed(), thread_time() - ran);
    println!("opened again in {elapsed:.1?}, of which it ran {ran:.1?}");
}

fn hear(answers: &Answers, streams: &Streams, report: Report, zero: Instant) {
    let Report::Verdicts(verdicts) = report else {
        panic!("{report:?}");
    };
    let now = u64::try_from(zero.elapsed().as_micros()).unwrap_or(u64::MAX);
    let mut waits = answers.waits_us.lock();
    let singles = || verdicts.iter().filter(|verdict| verdict.ticket.0 < bulk::FIRST_TICKET);
    verdicts.iter().for_each(|verdict| streams.hear(verdict));
    for verdict in singles() {
        // The ticket is when the record was due.
        waits.push(u32::try_from(now.saturating_sub(verdict.ticket.0)).unwrap_or(u32::MAX));
        if matches!(verdict.fate, Fate::Conflict { .. }) {
            answers.conflicts.fetch_add(1, Relaxed);
        }
    }
    answers.answered.fetch_add(singles().count() as u64, Relaxed);
}

/// Sends records until the time is over and all are answered. How many, and how long their reads
/// took.
fn drive(
    mut load: Load,
    appends: &crossbeam_channel::Sender<Append>,
    answers: &Answers,
    (rate, span, zero): (u64, Duration, Instant),
) -> (u64, Vec<u32>) {
    let mut sent = 0;
    while zero.elapsed() < span {
        let now = u64::try_from(zero.elapsed().as_micros()).unwrap_or(u64::MAX);
        let answered = answers.answered.load(Relaxed);
        let due = if rate == 0 { answered + WINDOW } else { now * rate / 1_000_000 };
        if sent >= due {
            std::thread::sleep(Duration::from_micros(if rate == 0 { 20 } else { 100 }));
        }
        while sent < due {
            let due_at = (sent * 1_000_000).checked_div(rate).unwrap_or(now);
            let record = Arc::new(load.record(sent));
            appends
                .send(Append { ticket: Ticket(due_at), record, is_awaited: true })
                .expect("it takes appends");
            sent += 1;
        }
    }
    while answers.answered.load(Relaxed) < sent {
        std::thread::sleep(Duration::from_millis(1));
    }
    (sent, load.reads_ns)
}

/// Reads random keys alone, from wherever they are.
fn measure_reads(store: &Store, keys: u64) {
    const READS: u64 = 300_000;
    let before = thread_time();
    for number in 0..READS {
        let key = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % keys;
        let key = format!("contacts/user{key:08}@example.com");
        store.state(key.as_bytes()).expect("the journal can be read");
    }
    let ran = thread_time() - before;
    println!("processor time of a read: {:.2} us", ran.as_secs_f64() * 1e6 / READS as f64);
}

fn quantiles(what: &str, values: &mut [u32]) {
    values.sort_unstable();
    let at = |share: f64| {
        let index = (values.len().saturating_sub(1)) as f64 * share;
        values.get(index as usize).copied().unwrap_or(0)
    };
    println!(
        "{what}: p50 {} p99 {} p99.9 {} p99.99 {} max {}",
        at(0.5),
        at(0.99),
        at(0.999),
        at(0.9999),
        at(1.0)
    );
}

fn show_stats(stats: &Stats) {
    let (commits, records) = (stats.commits.load(Relaxed), stats.records.load(Relaxed));
    println!("{records} records in {commits} commits, {} MiB", stats.bytes.load(Relaxed) >> 20);
    println!("log {} MiB", stats.log_bytes.load(Relaxed) >> 20);
    for (name, spans) in
        [("sync", &stats.sync), ("apply", &stats.apply), ("checkpoint", &stats.checkpoint)]
    {
        println!("{name}: {}", show_spans(spans));
    }
}

fn show_spans(spans: &Spans) -> String {
    let buckets = spans.buckets();
    let count: u64 = buckets.iter().sum();
    let shown = (0..SPAN_BUCKETS).filter(|&n| buckets[n] > 0).map(|n| {
        let bound = Duration::from_nanos(1 << n);
        format!(" <{bound:.1?}: {}", buckets[n])
    });
    format!("{count} in {:.1?},{}", spans.total(), shown.collect::<String>())
}

/// How long each thread ran, and how long it waited for a processor, in percent of the time.
/// Where the second is large the machine was busy with something else, and waits tell little.
fn show_threads(elapsed: Duration) {
    for entry in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |name| fs::read_to_string(entry.path().join(name)).unwrap_or_default();
        let (name, times) = (read("comm"), read("schedstat"));
        let percent = |nanos: &str| {
            let nanos = Duration::from_nanos(nanos.parse().unwrap_or(0));
            nanos.as_secs_f64() / elapsed.as_secs_f64() * 100.0
        };
        let mut times = times.split_whitespace().map(percent);
        let (ran, waited) = (times.next().unwrap_or(0.0), times.next().unwrap_or(0.0));
        println!("{:<16} ran {ran:5.1} %, waited {waited:5.1} %", name.trim());
    }
}

/// How long the calling thread has run.
fn thread_time() -> Duration {
    let times = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ran = times.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(ran.unwrap_or(0))
}
