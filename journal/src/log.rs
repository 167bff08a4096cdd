//! The log as its threads share it: which segments live, which are free, and who waits for what.
//! It never writes a record (see `writer`) and never reads one (see `cursor`).
//!
//! A segment file goes round: prepared (zero-filled) -> free -> live, while records in it are not
//! yet in the archive -> free. Live segments have consecutive sequence numbers.

mod alone;
mod applying;

pub(crate) use applying::Wake;

use crate::disk::{Disk, FileId};
use crate::frame::Key;
use crate::options::{BACKLOG_BEHIND_WRITES_MAX, BEHIND_WRITES_MAX, Options};
use crate::stats::Stats;
use overtime_protocol::Clock;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How long the commit thread waits for a free segment before it makes itself heard again.
const ROOM_ASKED_AGAIN: Duration = Duration::from_millis(100);

/// What lies where on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The file.
    pub(crate) file: FileId,
    /// The segment's place in the log.
    pub(crate) sequence: u64,
    /// Where its durable records end.
    pub(crate) end: u64,
    /// The last LSN in it, or before it if it is empty.
    pub(crate) last: u64,
    /// The length of the file.
    pub(crate) capacity: u64,
}

/// The log, shared by the threads that write, prepare, apply and read it.
pub(crate) struct Log {
    /// Where the files are.
    pub(crate) disk: Arc<dyn Disk>,
    /// What its frames have in common.
    pub(crate) key: Key,
    /// What the time is.
    pub(crate) clock: Clock,
    /// The size of a new segment.
    pub(crate) segment_bytes: u64,
    /// The counters.
    pub(crate) stats: Arc<Stats>,
    pub(super) files_max: usize,
    pub(super) state: Mutex<State>,
    /// Signals the applier: there is something to apply.
    grown: Condvar,
    /// Signals the commit thread: there may be room.
    pub(super) room: Condvar,
    /// Signals the preparer: a free segment was taken.
    pub(super) wanted: Condvar,
    /// The sequence number of the oldest live segment: an older place is no longer valid.
    oldest: AtomicU64,
    /// Nobody else runs beside who asks, so what is waited for would never come.
    is_alone: AtomicBool,
}

/// What the log's lock guards.
pub(crate) struct State {
    pub(super) live: VecDeque<Segment>,
    pub(super) free: Vec<FileId>,
    /// All files: live, free, and the one that the commit thread has taken.
    pub(super) files: usize,
    pub(super) next_file: u32,
    /// How often room could not be made because the disk was full.
    pub(super) refusals: u64,
    pub(super) phase: Phase,
    writes: u64,
    writes_seen: u64,
    bytes: u64,
    bytes_seen: u64,
    /// The applier is not to wait with the writes up to here.
    hurried: u64,
    applier: Applier,
    room_wanted: bool,
    last: u64,
}

/// How far the log's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Records come.
    Open,
    /// No more records come.
    Ended,
    /// Something failed that must not: nothing more is acknowledged.
    Poisoned,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Applier {
    Busy,
    Idle,
}

/// Why no segment was to be had.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// The disk is full.
    DiskFull,
    /// The journal has failed.
    Poisoned,
}

/// The files that recovery found.
pub(crate) struct Found {
    /// The segments whose records are not all in the archive, oldest first, without gap; empty if
    /// the log is new.
    pub(crate) live: Vec<Segment>,
    /// Zero-filled or used up.
    pub(crate) free: Vec<FileId>,
    /// Numbers from here on are unused.
    pub(crate) next_file: u32,
}

impl Log {
    /// The log over the files that recovery found, with `last` as its last LSN.
    pub(crate) fn new(
        options: &Options,
        key: Key,
        disk: Arc<dyn Disk>,
        found: Found,
        last: u64,
    ) -> Self {
        let stats = Arc::new(Stats::default());
        stats.durable_lsn.store(last, Ordering::Relaxed);
        let oldest = found.live.first().map_or(0, |segment| segment.sequence);
        let state = State {
            files: found.live.len() + found.free.len(),
            live: found.live.into(),
            free: found.free,
            next_file: found.next_file,
            refusals: 0,
            phase: Phase::Open,
            writes: 0,
            writes_seen: 0,
            bytes: 0,
            bytes_seen: 0,
            hurried: 0,
            applier: Applier::Busy,
            room_wanted: false,
            last,
        };
        let log = Self {
            disk,
            key,
            clock: options.clock,
            segment_bytes: options.segment_bytes,
            stats,
            files_max: options.segments_max(),
            state: Mutex::new(state),
            grown: Condvar::new(),
            room: Condvar::new(),
            wanted: Condvar::new(),
            oldest: AtomicU64::new(oldest),
            is_alone: AtomicBool::new(false),
        };
        log.count_files(&log.state.lock());
        log
    }

    /// Takes a free segment, waiting for one if need be.
    pub(crate) fn take_free(&self) -> Result<FileId, NoRoom> {
        let mut state = self.state.lock();
        let refusals = state.refusals;
        loop {
            if state.phase == Phase::Poisoned {
                return Err(NoRoom::Poisoned);
            }
            if let Some(file) = state.free.pop() {
                state.room_wanted = false;
                self.wanted.notify_one();
                return Ok(file);
            }
            if state.refusals != refusals || self.is_alone() {
                return Err(NoRoom::DiskFull);
            }
            state.room_wanted = true;
            self.wanted.notify_one();
            self.grown.notify_one();
            self.room.wait_for(&mut state, ROOM_ASKED_AGAIN);
        }
    }

    /// Makes known that the newest segment is on disk up to `segment.end`.
    pub(crate) fn grow(&self, segment: Segment, writes: u64, bytes: u64) {
        let mut state = self.state.lock();
        match state.live.back_mut() {
            Some(newest) if newest.sequence == segment.sequence => *newest = segment,
            _ => state.live.push_back(segment),
        }
        if state.live.len() == 1 {
            self.oldest.store(segment.sequence, Ordering::SeqCst);
        }
        state.last = segment.last;
        state.writes += writes;
        state.bytes += bytes;
        if state.applier == Applier::Idle || state.is_enough() {
            self.grown.notify_one();
        }
    }

    /// Whether the archive is so far behind that more than half of the log is in use, or that the
    /// index of what it has not got takes much memory. If the former, room is asked for; what can wait should, so that what cannot finds some.
    pub(crate) fn is_strained(&self) -> bool {
        let mut state = self.state.lock();
        let strained = state.live.len() * 2 > self.files_max;
        if strained {
            state.room_wanted = true;
            self.grown.notify_one();
        }
        strained || state.writes - state.writes_seen > BEHIND_WRITES_MAX
    }

    /// Whether the archive is so far behind that the backlog of a former process should wait: it
    /// comes beside a million tasks that are in memory already.
    pub(crate) fn is_behind(&self) -> bool {
        let behind = {
            let state = self.state.lock();
            state.writes - state.writes_seen
        };
        behind > BACKLOG_BEHIND_WRITES_MAX || self.is_strained()
    }

    /// The live segment of that sequence number.
    pub(crate) fn live(&self, sequence: u64) -> Option<Segment> {
        let state = self.state.lock();
        let first = state.live.front()?.sequence;
        let index = usize::try_from(sequence.checked_sub(first)?).ok()?;
        state.live.get(index).copied()
    }

    /// Frees every segment whose records are all in the checkpointed archive, except the newest.
    pub(crate) fn release(&self, checkpointed: u64) {
        let mut released = Vec::new();
        let mut state = self.state.lock();
        while state.live.len() > 1 && state.live[0].last <= checkpointed {
            released.extend(state.live.pop_front());
        }
        // Places in these segments stop being valid before their files can be used again.
        if let Some(oldest) = state.live.front() {
            self.oldest.store(oldest.sequence, Ordering::SeqCst);
        }
        let (same, other): (Vec<_>, Vec<_>) =
            released.into_iter().partition(|segment| segment.capacity == self.segment_bytes);
        state.files -= other.len();
        state.free.extend(same.iter().map(|segment| segment.file));
        self.count_files(&state);
        drop(state);
        // Files of another size stem from a former setting. One that cannot be removed now is
        // found and freed at the next start.
        other.iter().for_each(|segment| drop(self.disk.remove(segment.file)));
        self.room.notify_all();
    }

    /// Whether a place in the segment of that sequence number can still be read.
    pub(crate) fn is_live(&self, sequence: u64) -> bool {
        sequence >= self.oldest.load(Ordering::SeqCst)
    }

    /// Makes known that the disk had no room: whoever waits for a segment gives up for now.
    pub(crate) fn refuse(&self) {
        self.state.lock().refusals += 1;
        self.room.notify_all();
    }

    /// Makes known that no more records come.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Ended;
        }
        self.wake_all(state);
    }

    /// Makes known that something failed that must not.
    pub(crate) fn poison(&self) {
        self.stats.poisoned.store(true, Ordering::SeqCst);
        let mut state = self.state.lock();
        state.phase = Phase::Poisoned;
        self.wake_all(state);
    }

    /// Whether nothing is written any more.
    pub(crate) fn is_over(&self) -> bool {
        self.state.lock().phase != Phase::Open
    }

    /// Whether something failed that must not.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.stats.poisoned.load(Ordering::SeqCst)
    }

    /// How many bytes of its files hold nothing that is needed.
    pub(crate) fn free_bytes(&self) -> u64 {
        self.state.lock().free.len() as u64 * self.segment_bytes
    }

    fn wake_all(&self, state: MutexGuard<'_, State>) {
        drop(state);
        self.grown.notify_all();
        self.room.notify_all();
        self.wanted.notify_all();
    }

    pub(super) fn count_files(&self, state: &State) {
        let bytes = state.files as u64 * self.segment_bytes;
        self.stats.log_bytes.store(bytes, Ordering::Relaxed);
    }
}
