//! The applier thread: moves records from the log into the archive, in LSN order and many at a
//! time, checkpoints the archive, and frees the segments that are no longer needed; between times it
//! removes finished tasks whose time is over. It never touches the end of the log.

mod removal;
mod upcoming;

pub(crate) use removal::Removal;

use crate::archive::{self, Applied, Checkpoint, Connections, Effort, Writer};
use crate::courtesy;
use crate::cursor::Cursor;
use crate::fold::Fold;
use crate::journal::Voice;
use crate::journal::{Deliver, Report};
use crate::log::Wake;
use crate::options::{
    APPLY_BYTES_MAX, APPLY_WRITES_MAX, CHECKPOINT_LOG_BYTES, CHECKPOINT_WAL_BYTES,
    SEGMENT_HEADER_BYTES,
};
use crate::shared::Shared;
use crate::stats::add;
use overtime_protocol::record;
use rusqlite::ErrorCode;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// How long a full disk or a locked archive is left alone.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// How long it waits for readers of other processes before it may try again to checkpoint.
const STRANGERS_SPAN: Duration = Duration::from_millis(100);

/// How much lower the operating system ranks this thread.
const NICENESS: i32 = 10;

/// The applier thread's own.
pub(crate) struct Applier {
    /// What the threads share.
    pub(crate) shared: Arc<Shared>,
    /// Who is told how far behind it is.
    pub(crate) voice: Arc<Voice>,
    /// The archive.
    pub(crate) archive: Writer,
    /// Everybody who reads it.
    pub(crate) readers: Vec<Arc<Connections>>,
    /// The sequence number and the offset of the next record to apply.
    pub(crate) next: (u64, u64),
    /// Who hears of new errors.
    pub(crate) deliver: Deliver,
    /// When finished tasks go.
    pub(crate) removal: Removal,
    /// Bytes of log applied since the last checkpoint.
    pub(crate) unchecked: u64,
}

/// Whether the applier may wait for better times.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Waits,
    GivesUp,
}

impl Applier {
    /// Applies until the log ends. An error is one that must not happen.
    pub(crate) fn run(mut self) -> Result<(), String> {
        // It has until the log is full; whoever waits for an answer has not. Refusal is no reason
        // not to apply.
        let _ = rustix::process::nice(NICENESS);
        courtesy::begin();
        loop {
            match self.shared.log.wait_for_work(self.removal.due()) {
                Wake::Apply => {
                    self.apply_some(Patience::Waits)?;
                    self.checkpoint_if_due()?;
                    if !self.shared.log.is_urgent() {
                        self.remove_finished()?;
                    }
                }
                Wake::Remove => self.remove_finished()?,
                Wake::MakeRoom => {
                    while self.apply_some(Patience::Waits)? {
                        self.checkpoint_if_due()?;
                    }
                    self.checkpoint(Effort::Passive)?;
                }
                Wake::Stop if self.shared.log.is_poisoned() => return Ok(()),
                Wake::Stop => return self.close(),
            }
        }
    }

    /// Does one thing that is to be done, without waiting for anything.
    #[cfg(feature = "steps")]
    pub(crate) fn step(&mut self, wake: Wake) -> Result<(), String> {
        match wake {
            Wake::Apply => {
                self.apply_some(Patience::GivesUp)?;
                self.checkpoint_if_due()
            }
            Wake::Remove => self.remove_finished(),
            Wake::MakeRoom => {
                while self.apply_some(Patience::GivesUp)? {
                    self.checkpoint_if_due()?;
                }
                self.checkpoint(Effort::Passive)
            }
            Wake::Stop => self.close(),
        }
    }

    /// Leaves an archive that has everything, in one file.
    fn close(&mut self) -> Result<(), String> {
        while self.apply_some(Patience::GivesUp)? {}
        let is_whole = self.shared.applied() == self.shared.log.last();
        if is_whole && !self.shared.log.is_poisoned() {
            match self.archive.end_clean() {
                // The next start takes it for a crash, which is the safe way to be wrong.
                Err(error) if !is_passing(&error) => return Err(failed(error)),
                Ok(()) | Err(_) => {}
            }
        }
        self.checkpoint(Effort::Truncate)
    }

    /// Applies a transaction's worth of records. Whether there may be more.
    fn apply_some(&mut self, patience: Patience) -> Result<bool, String> {
        self.shared.recent.rotate();
        let (fold, next) = self.read()?;
        if fold.records == 0 {
            return Ok(false);
        }
        let before = Instant::now();
        let Some(applied) = self.write(&fold, patience)? else {
            return Ok(false);
        };
        let stats = &self.shared.log.stats;
        stats.apply.record(before.elapsed());
        add(&stats.applied, fold.records as u64);
        stats.add_usage(&applied.usage);
        self.removal.note_ended(&applied.ended);
        self.shared.log.mark_seen(fold.writes as u64, fold.bytes as u64);
        self.shared.set_applied(fold.last);
        self.shared.recent.release(fold.last);
        self.voice.tell_strain();
        self.unchecked += fold.bytes as u64;
        self.next = next;
        applied.notes.into_iter().for_each(|note| (self.deliver)(Report::Noted(note)));
        Ok(true)
    }

    /// Writes a fold to the archive, unless that takes patience that is not there.
    fn write(&mut self, fold: &Fold, patience: Patience) -> Result<Option<Applied>, String> {
        loop {
            match self.archive.apply(fold) {
                Ok(applied) => return Ok(Some(applied)),
                Err(error) if !is_passing(&error) => return Err(failed(error)),
                Err(_) => self.shared.log.refuse(),
            }
            if patience == Patience::GivesUp || !self.shared.log.pause(TRY_AGAIN) {
                return Ok(None);
            }
        }
    }

    /// Folds the next records, and says where those behind them start.
    fn read(&self) -> Result<(Fold, (u64, u64)), String> {
        let mut fold = Fold::default();
        let (mut sequence, mut offset) = self.next;
        loop {
            // Asked first: a segment with a successor does not grow any more.
            let is_sealed = self.shared.log.live(sequence + 1).is_some();
            let Some(segment) = self.shared.log.live(sequence) else {
                if !is_sealed {
                    return Ok((fold, (sequence, offset)));
                }
                // All of it was applied before it had a successor, and it was released since.
                (sequence, offset) = (sequence + 1, SEGMENT_HEADER_BYTES);
                continue;
            };
            let disk = &*self.shared.log.disk;
            let range = offset..segment.end;
            let stamp = self.shared.log.key.stamp(sequence);
            let mut cursor = Cursor::resume(disk, segment.file, stamp, range);
            while fold.writes < APPLY_WRITES_MAX && fold.bytes < APPLY_BYTES_MAX {
                let frame = cursor.next().map_err(|e| format!("the log cannot be read: {e}"))?;
                let Some(frame) = frame else { break };
                let (record, _) = record::decode(&frame.record)
                    .map_err(|error| format!("{} at {offset}: {error}", segment.file))?;
                courtesy::step();
                fold.add(frame.header.lsn, frame.bytes(), record);
                offset = cursor.offset();
            }
            if fold.writes >= APPLY_WRITES_MAX || fold.bytes >= APPLY_BYTES_MAX {
                return Ok((fold, (sequence, offset)));
            }
            if offset != segment.end {
                return Err(format!("{} is damaged at byte {offset}", segment.file));
            }
            if !is_sealed {
                return Ok((fold, (sequence, offset)));
            }
            (sequence, offset) = (sequence + 1, SEGMENT_HEADER_BYTES);
        }
    }

    fn checkpoint_if_due(&mut self) -> Result<(), String> {
        let reusable = self.archive.reusable_bytes().map_err(failed)?;
        self.shared.log.stats.archive_reusable_bytes.store(reusable, Relaxed);
        let is_due = self.unchecked >= CHECKPOINT_LOG_BYTES
            || self.archive.waiting_bytes().map_err(failed)? >= CHECKPOINT_WAL_BYTES;
        if is_due { self.checkpoint(Effort::Passive) } else { Ok(()) }
    }

    /// Makes the archive independent of the log up to what is applied, and frees segments.
    fn checkpoint(&mut self, effort: Effort) -> Result<(), String> {
        let before = Instant::now();
        self.rest_readers()?;
        let done = match self.archive.checkpoint(effort) {
            Ok(done) => done,
            Err(error) if is_passing(&error) => {
                self.shared.log.refuse();
                self.shared.log.pause(TRY_AGAIN);
                self.voice.tell_strain();
                return Ok(());
            }
            Err(error) => return Err(failed(error)),
        };
        match done {
            Checkpoint::Whole => {
                self.shared.log.release(self.shared.applied());
                self.unchecked = 0;
            }
            // Somebody from outside reads, for as long as they like.
            Checkpoint::Partial => drop(self.shared.log.pause(STRANGERS_SPAN)),
        }
        // Whoever waits for that may be the only one who could write again. If there is too little
        // room still, this asks for another checkpoint.
        self.voice.tell_strain();
        self.shared.log.stats.checkpoint.record(before.elapsed());
        // A reader that began meanwhile would keep the write-ahead log from starting anew.
        self.rest_readers()
    }

    fn rest_readers(&self) -> Result<(), String> {
        self.readers.iter().try_for_each(|readers| readers.rest()).map_err(failed)
    }
}

/// Whether the archive can be expected to work again by itself.
fn is_passing(error: &rusqlite::Error) -> bool {
    // On a full disk the index of the write-ahead log cannot grow, and SQLite does not say why. The
    // index has nothing that is not in the write-ahead log, so nothing is lost with it.
    let no_index =
        |error: &rusqlite::ffi::Error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
    let code = error.sqlite_error_code();
    error.sqlite_error().is_some_and(no_index)
        || matches!(
            code,
            Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        )
}

fn failed(error: rusqlite::Error) -> String {
    if archive::is_damage(&error) {
        return format!("archive.db is damaged: {}", archive::explain(&error));
    }
    format!("the archive cannot be written: {error}")
}

#[cfg(test)]
pub(crate) use tests::opener;

#[cfg(test)]
mod tests;
