//! Bulk streams beside the single records: each sends chunks of writes at random keys, one after
//! the other, and waits for what becomes of each, as a worker does.

use crossbeam_channel::{Receiver, Sender, bounded};
use overtime_journal::Store;
use overtime_protocol::record::{Advance, Change, Put, Record};
use overtime_protocol::{Append, Fate, Progress, TaskId, Ticket, UnixMillis, Verdict};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Instant;

/// How many keys a chunk writes.
const CHUNK_KEYS: u64 = 512;

/// Tickets from here on are those of streams.
pub(crate) const FIRST_TICKET: u64 = 1 << 62;

/// What all streams did.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) keys: AtomicU64,
    pub(crate) conflicts: AtomicU64,
    pub(crate) waits_us: parking_lot::Mutex<Vec<u32>>,
}

/// The streams, seen by whoever hears the verdicts.
pub(crate) struct Streams {
    rulings: Vec<Sender<Fate>>,
    receivers: parking_lot::Mutex<Vec<Receiver<Fate>>>,
    stop: AtomicBool,
    pub(crate) done: Done,
}

impl Streams {
    pub(crate) fn new(count: u64) -> Arc<Self> {
        let (rulings, receivers) = (0..count).map(|_| bounded(1)).unzip();
        let receivers = parking_lot::Mutex::new(receivers);
        Arc::new(Self { rulings, receivers, stop: AtomicBool::new(false), done: Done::default() })
    }

    /// Hands a verdict to its stream, if it is one of a stream.
    pub(crate) fn hear(&self, verdict: &Verdict) {
        if let Some(stream) = verdict.ticket.0.checked_sub(FIRST_TICKET) {
            let ruling = &self.rulings[stream as usize];
            ruling.send(verdict.fate).expect("a stream waits for its verdict");
        }
    }

    /// Starts them.
    pub(crate) fn start(
        self: &Arc<Self>,
        store: &Store,
        appends: &Sender<Append>,
        keys: u64,
    ) -> Vec<JoinHandle<()>> {
        let receivers = std::mem::take(&mut *self.receivers.lock());
        let start = |(number, rulings)| {
            let (streams, store, appends) = (Arc::clone(self), store.clone(), appends.clone());
            let random = 0x2545_f491_4f6c_dd1d ^ (number + 1);
            let mut stream = Stream { streams, store, appends, rulings, keys, number, random };
            std::thread::spawn(move || stream.run())
        };
        (0..).zip(receivers).map(start).collect()
    }

    /// Ends each behind its next verdict.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Relaxed);
    }
}

struct Stream {
    streams: Arc<Streams>,
    store: Store,
    appends: Sender<Append>,
    rulings: Receiver<Fate>,
    keys: u64,
    number: u64,
    random: u64,
}

impl Stream {
    fn run(&mut self) {
        // Bulk threads of a worker are as polite.
        let _ = rustix::process::nice(10);
        let mut items = 0;
        while !self.streams.stop.load(Relaxed) {
            items += CHUNK_KEYS;
            let (record, sent) = (Arc::new(self.chunk(items)), Instant::now());
            let keys = record.puts.len() as u64;
            let ticket = Ticket(FIRST_TICKET + self.number);
            self.appends
                .send(Append { ticket, record, is_awaited: true })
                .expect("it takes appends");
            let fate = self.rulings.recv().expect("every append is answered");
            let done = &self.streams.done;
            match fate {
                Fate::Durable { .. } => done.keys.fetch_add(keys, Relaxed),
                _ => done.conflicts.fetch_add(1, Relaxed),
            };
            let waited = u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX);
            done.waits_us.lock().push(waited);
        }
    }

    fn chunk(&mut self, items: u64) -> Record {
        let mut puts = HashMap::new();
        for _ in 0..CHUNK_KEYS {
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            let key = format!("contacts/user{:08}@example.com", self.random % self.keys);
            let read = self.store.state(key.as_bytes()).expect("the journal can be read").read;
            let value = Some(vec![b'b'; 300].into());
            puts.insert(key.clone(), Put { key: key.into(), value, read });
        }
        let progress = Progress { done: items, total: None };
        let advance = Advance { cursor: items.to_string().into(), progress };
        Record {
            attempt: 1,
            run: 1,
            acceptance: None,
            change: Some(Change::Advanced(advance)),
            puts: puts.into_values().collect(),
            ..Record::new(
                TaskId::from_key(1 + self.number).expect("small numbers are task ids"),
                UnixMillis(0),
            )
        }
    }
}
