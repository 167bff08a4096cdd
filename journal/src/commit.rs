//! The commit thread: takes all appends that wait, checks what they had read, and puts them on
//! disk with one write and one sync. It is the only place where a record becomes durable, and it
//! never says so before it is.

use crate::check::Check;
use crate::error::StoreError;
use crate::fold;
use crate::journal::Voice;
use crate::options::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, FRAME_HEADER_BYTES, Options};
use crate::queue::{CHUNKS_SPAN, Pace, Queue};
use crate::recent::{Entries, Entry, Place};
use crate::shared::Shared;
use crate::stats::add;
use crate::writer::{Batch, Placement, WriteError, Writer};
use crossbeam_channel::Receiver;
use overtime_protocol::record::{self, Change, EncodeError, Layout, Record};
use overtime_protocol::{Append, Fate, Monotonic, Opener, Payload, Ticket, Verdict};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// The commit thread's own.
pub(crate) struct Commit {
    shared: Arc<Shared>,
    check: Check,
    writer: Writer,
    opener: Opener,
    voice: Arc<Voice>,
    limits: Limits,
    batch: Batch,
    taken: Vec<(Arc<Record>, Layout)>,
    verdicts: Vec<Verdict>,
    entries: Entries,
    queue: Queue,
    pace: Pace,
}

/// How much goes together.
#[derive(Clone, Copy)]
struct Limits {
    batch_bytes: u64,
    record_bytes: u64,
}

/// What came of one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// What could be decided was.
    Done,
    /// There is nothing but chunks, and they have to wait for room.
    ChunksWait,
    /// The journal has failed.
    Over,
}

/// Why the commit thread has to give up.
enum Failure {
    Write(String),
    Check(StoreError),
    Encode(EncodeError),
}

/// Whether a batch takes more.
#[derive(PartialEq, Eq)]
enum Room {
    Left,
    Full,
}

impl Commit {
    /// A commit thread yet to run.
    pub(crate) fn new(
        options: &Options,
        shared: Arc<Shared>,
        (check, writer): (Check, Writer),
        opener: Opener,
        voice: Arc<Voice>,
    ) -> Self {
        let record_bytes = options.record_bytes_max();
        // Small against a segment, so that little is wasted at its end.
        let batch_bytes = BATCH_BYTES_MAX.min(options.segment_bytes / 8);
        Self {
            shared,
            check,
            writer,
            opener,
            voice,
            limits: Limits { batch_bytes, record_bytes },
            batch: Batch::new(),
            taken: Vec::new(),
            verdicts: Vec::new(),
            entries: Entries::default(),
            queue: Queue::default(),
            pace: Pace::default(),
        }
    }

    /// Commits until every sender is gone, or something fails that must not.
    pub(crate) fn run(mut self, appends: &Receiver<Append>) {
        while self.queue.wait(appends) {
            match self.step(appends) {
                Step::Done => {}
                Step::ChunksWait => self.queue.wait_beside_chunks(appends),
                Step::Over => break,
            }
        }
        self.shared.log.end();
        // After a failure nothing is answered: whoever asked learns it from the report.
        while appends.recv().is_ok() {}
    }

    /// Whether there is something to commit now.
    #[cfg(feature = "steps")]
    pub(crate) fn has_some(&self, appends: &Receiver<Append>) -> bool {
        self.queue.has_some(appends)
    }

    /// Makes known that nobody sends any more.
    #[cfg(feature = "steps")]
    pub(crate) fn be_last(&mut self) {
        self.queue.be_last();
    }

    /// Commits one batch of what waits, without waiting for more.
    pub(crate) fn step(&mut self, appends: &Receiver<Append>) -> Step {
        if self.shared.log.is_poisoned() {
            return Step::Over;
        }
        self.commit_batch(appends).unwrap_or_else(|failure| {
            self.poison(&failure);
            Step::Over
        })
    }

    fn commit_batch(&mut self, appends: &Receiver<Append>) -> Result<Step, Failure> {
        while let Some(append) = self.queue.next(appends) {
            if self.take(append, self.limits.batch_bytes)? == Room::Full {
                break;
            }
        }
        let clock = self.shared.log.clock;
        let (before, began) = (self.batch.frame_bytes(), clock.monotonic());
        if self.chunks_may_go() {
            self.take_chunks(began)?;
        }
        let chunk_bytes = self.batch.frame_bytes() - before;
        let taken = clock.monotonic().since(began);
        if self.batch.len() > 0 {
            let (bytes, began) = (self.batch.frame_bytes(), clock.monotonic());
            self.write()?;
            let share = chunk_bytes as f64 / bytes as f64;
            self.pace.learn(chunk_bytes, taken + clock.monotonic().since(began).mul_f64(share));
        }
        let is_idle = self.batch.len() == 0 && self.verdicts.is_empty();
        if !self.verdicts.is_empty() {
            self.voice.verdicts(std::mem::take(&mut self.verdicts));
        }
        self.voice.tell_strain();
        self.check.clear();
        self.taken.clear();
        self.batch.clear(usize::try_from(self.limits.batch_bytes).unwrap_or(usize::MAX));
        Ok(if is_idle && self.queue.has_chunks() { Step::ChunksWait } else { Step::Done })
    }

    /// Whether there is room for chunks: the last half of the log is for single records.
    fn chunks_may_go(&self) -> bool {
        !self.queue.has_chunks() || self.queue.is_last() || !self.shared.log.is_strained()
    }

    /// Takes chunks for as long as the single records before them can wait. One is always taken,
    /// so that they come on beside any number of single records.
    fn take_chunks(&mut self, began: Monotonic) -> Result<(), Failure> {
        let (start, budget) = (self.batch.frame_bytes(), self.pace.bytes());
        let mut is_first = true;
        while let Some(chunk) = self.queue.next_chunk() {
            let expected = self.batch.frame_bytes() - start + estimate(&chunk.record);
            if !is_first && (expected > budget || self.spent(began) > CHUNKS_SPAN) {
                self.queue.put_chunk_back(chunk);
                break;
            }
            let Limits { batch_bytes, record_bytes } = self.limits;
            let bytes_max = if is_first { record_bytes } else { batch_bytes };
            if self.take(chunk, bytes_max)? == Room::Full {
                break;
            }
            is_first = false;
        }
        Ok(())
    }

    fn spent(&self, began: Monotonic) -> Duration {
        self.shared.log.clock.monotonic().since(began)
    }

    /// Takes one append into the batch, refuses it, or puts it back for the next one. What is not
    /// the first of the batch must not make it longer than `bytes_max`.
    fn take(&mut self, append: Append, bytes_max: u64) -> Result<Room, Failure> {
        let expected = self.batch.frame_bytes() + estimate(&append.record);
        if self.batch.len() > 0 && expected > bytes_max {
            self.queue.put_back(append);
            return Ok(Room::Full);
        }
        if let Some(key_hash) = self.check.conflict(&append.record).map_err(Failure::Check)? {
            add(&self.shared.log.stats.conflicts, 1);
            self.verdict(append.ticket, Fate::Conflict { key_hash });
            return Ok(Room::Left);
        }
        let encode = |out: &mut Vec<u8>| record::encode(&append.record, &self.opener, out);
        let layout = match self.batch.push(encode) {
            Ok(layout) => layout,
            Err(EncodeError::HeadTooLarge | EncodeError::CursorTooLong) => {
                return Ok(self.refuse_large(append.ticket));
            }
            Err(error @ EncodeError::PayloadNotInMemory) => return Err(Failure::Encode(error)),
        };
        if self.batch.frame_bytes() > self.limits.record_bytes + FRAME_HEADER_BYTES {
            return Ok(self.take_back(append));
        }
        let lsn = self.writer.next_lsn() + self.batch.len() as u64 - 1;
        self.check.note(lsn, &append.record);
        self.verdict(append.ticket, Fate::Durable { lsn });
        self.taken.push((append.record, layout));
        let is_full = self.batch.len() >= BATCH_RECORDS_MAX
            || self.batch.frame_bytes() >= self.limits.batch_bytes;
        Ok(if is_full { Room::Full } else { Room::Left })
    }

    /// The batch has become longer than a segment by its last record: that one goes into the next
    /// batch, or, if it is longer than a segment by itself, nowhere.
    fn take_back(&mut self, append: Append) -> Room {
        self.batch.pop();
        if self.batch.len() > 0 {
            self.queue.put_back(append);
            return Room::Full;
        }
        self.refuse_large(append.ticket)
    }

    fn refuse_large(&mut self, ticket: Ticket) -> Room {
        add(&self.shared.log.stats.oversized, 1);
        self.verdict(ticket, Fate::TooLarge);
        Room::Left
    }

    fn verdict(&mut self, ticket: Ticket, fate: Fate) {
        self.verdicts.push(Verdict { ticket, fate });
    }

    fn write(&mut self) -> Result<(), Failure> {
        match self.try_write() {
            Ok(()) => Ok(()),
            Err(WriteError::DiskFull) => {
                self.refuse();
                Ok(())
            }
            Err(WriteError::Failed(detail)) => Err(Failure::Write(detail)),
        }
    }

    fn try_write(&mut self) -> Result<(), WriteError> {
        let first_lsn = self.writer.next_lsn();
        let (at, crcs) = self.writer.place(&mut self.batch)?;
        self.index(at, first_lsn, &crcs);
        let (records, bytes) = (self.batch.len() as u64, self.batch.frame_bytes());
        let before = Instant::now();
        let written = self.writer.commit(&mut self.batch, at)?;
        let stats = &self.shared.log.stats;
        stats.sync.record(before.elapsed());
        stats.durable_lsn.store(written.last, Relaxed);
        add(&stats.commits, 1);
        add(&stats.records, records);
        add(&stats.bytes, bytes);
        // In this order: what the applier has applied it removes, so it must be there.
        self.shared.recent.publish(&mut self.entries);
        let writes: usize = self.taken.iter().map(|(record, _)| fold::writes(record)).sum();
        self.shared.log.grow(written, writes as u64, bytes);
        Ok(())
    }

    /// Prepares what is to be found of the batch once it is on disk.
    fn index(&mut self, at: Placement, first_lsn: u64, crcs: &[u32]) {
        self.entries.clear();
        let records = self.batch.records().zip(&self.taken).zip(crcs).zip(first_lsn..);
        for ((((offset, bytes), (record, layout)), &crc), lsn) in records {
            let len = u32::try_from(bytes.len()).expect("a record fits a segment");
            let Placement { file, sequence, offset: start } = at;
            let place = Place { file, sequence, offset: start + offset, len, crc };
            self.entries.add(&Entry { lsn, place, bytes, record, layout });
        }
    }

    /// Turns what would have become durable into refusals.
    fn refuse(&mut self) {
        for verdict in &mut self.verdicts {
            if matches!(verdict.fate, Fate::Durable { .. }) {
                verdict.fate = Fate::DiskFull;
                add(&self.shared.log.stats.disk_full, 1);
            }
        }
    }

    fn poison(&self, failure: &Failure) {
        let detail = match failure {
            Failure::Write(detail) => detail.clone(),
            Failure::Check(error) => format!("a read could not be checked: {error}"),
            Failure::Encode(error) => format!("a record cannot be written: {error}"),
        };
        self.voice.fail(detail);
    }
}

/// About how long a record will be, rather too long than too short.
fn estimate(record: &Record) -> u64 {
    const HEAD: u64 = 512;
    let payload = record.acceptance.as_ref().map(|acceptance| &acceptance.payload);
    let payload = payload.filter(|payload| !payload.is_spooled()).map_or(0, Payload::len);
    let product = match &record.change {
        Some(Change::Finished(_, Some(product))) => product.body.len() as u64,
        _ => 0,
    };
    let put = |put: &record::Put| put.key.len() + put.value.as_ref().map_or(0, |v| v.len()) + 16;
    HEAD + payload + product + record.puts.iter().map(put).sum::<usize>() as u64
}
