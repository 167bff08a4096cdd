//! What a journal may be told, and every bound of it in one place. It never reads a file.

use crate::retention::Retention;
use crate::space::DiskLimits;
use overtime_protocol::Clock;
use std::path::PathBuf;
use std::time::Duration;

/// How a journal is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder; it is made if it is not there.
    pub folder: PathBuf,
    /// The size of one log segment in bytes, at least [`SEGMENT_BYTES_MIN`]. It also bounds a
    /// record: see [`Options::record_bytes_max`].
    pub segment_bytes: u64,
    /// The most that the log may take on disk, in bytes; never less than three segments.
    pub log_max_bytes: u64,
    /// The bound of the append channel.
    pub appends_max: usize,
    /// The bound of the channel of orders for the spool.
    pub spool_orders_max: usize,
    /// How many threads serve short lookups, at least one; one more serves long ones.
    pub readers: usize,
    /// The bound of each of the two channels of lookups.
    pub lookups_max: usize,
    /// How long a lookup waits at most for the archive to have what is durable. Behind that it
    /// shows what there is.
    pub catch_up_max: Duration,
    /// How long an idempotency key is kept after its task has ended.
    pub key_keep: Duration,
    /// How long finished tasks are kept.
    pub retention: Retention,
    /// The most that may be taken on disk.
    pub disk: DiskLimits,
    /// What the time is.
    pub clock: Clock,
    /// What the commit thread does first: it is the one for which callers wait.
    pub commit_starts: fn(),
}

impl Options {
    /// The defaults, for a journal in `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            segment_bytes: 32 * MIB,
            log_max_bytes: 512 * MIB,
            appends_max: 65_536,
            spool_orders_max: 1024,
            readers: 2,
            lookups_max: 4096,
            catch_up_max: Duration::from_millis(250),
            key_keep: Duration::from_secs(24 * 60 * 60),
            retention: Retention::default(),
            disk: DiskLimits::default(),
            clock: Clock::start(),
            commit_starts: || {},
        }
    }

    /// The longest encoded record that can be appended, in bytes: it has to fit one segment. With
    /// segments of 32 MiB that is a payload of 8 MiB, a product of 16 MiB and 7 MiB of state in
    /// one record. A longer one is answered `TooLarge` and counted in `stats.oversized`; callers
    /// are to bound what they send so that this does not happen.
    pub fn record_bytes_max(&self) -> u64 {
        self.segment_bytes - SEGMENT_HEADER_BYTES - FRAME_HEADER_BYTES
    }

    /// How many segment files there may be.
    pub(crate) fn segments_max(&self) -> usize {
        usize::try_from(self.log_max_bytes / self.segment_bytes).unwrap_or(usize::MAX).max(3)
    }
}

const MIB: u64 = 1024 * 1024;

/// The smallest segment: one that still holds batches behind its header.
pub const SEGMENT_BYTES_MIN: u64 = 16 * 1024;

/// The bytes that a segment's header takes.
pub(crate) const SEGMENT_HEADER_BYTES: u64 = 4096;

/// The bytes that stand in front of each record.
pub(crate) const FRAME_HEADER_BYTES: u64 = 32;

/// The most records that are committed together.
pub(crate) const BATCH_RECORDS_MAX: usize = 4096;

/// The most bytes that are committed together, unless one record alone is longer. It bounds how
/// long the first of a batch waits for the last: 4 MiB take about 4 ms to write and sync.
pub(crate) const BATCH_BYTES_MAX: u64 = 4 * MIB;

/// How far the log sequence jumps where bytes of refused or torn batches may lie behind the end,
/// so that none of them can continue the chain. More than a batch has records.
pub(crate) const LSN_JUMP: u64 = 1_000_000;

/// How much is zero-filled, read or scanned at once.
pub(crate) const PIECE_BYTES: usize = MIB as usize;

/// How many zero-filled segments are kept ready ahead of the log.
pub(crate) const SPARE_SEGMENTS: usize = 1;

/// The applier takes at most this many bytes of log into one transaction: its memory.
pub(crate) const APPLY_BYTES_MAX: usize = 56 * MIB as usize;

/// … and at most this many writes, give or take a record. Large transactions write a page of the archive
/// once for many records; larger ones than this take too much memory.
pub(crate) const APPLY_WRITES_MAX: usize = 150_000;

/// Bulk waits while more writes than these are not in the archive: each is an entry of some 120 bytes
/// in memory. It is so much more than a transaction that bulk goes on while one is written.
pub(crate) const BEHIND_WRITES_MAX: u64 = 200_000;

/// The backlog of a former process waits while more writes than these are not in the archive.
pub(crate) const BACKLOG_BEHIND_WRITES_MAX: u64 = 15_000;

/// How many bytes of log are applied between two checkpoints at most: what a restart reads again,
/// and what the log holds on to.
pub(crate) const CHECKPOINT_LOG_BYTES: u64 = 96 * MIB;

/// How large the archive's write-ahead log gets between two checkpoints, in bytes, give or take a
/// transaction. Less means shorter bursts of write-back, more means that a page changed often is
/// written back once. One run of 20 s each at 35,000 records a second, from due to durable, p99
/// and p99.9: 20 and 38 ms with 32 MiB, 98 and 191 with 512. On a busy machine the same 32 MiB
/// gave 62 and 94, so measure again before this is turned.
pub(crate) const CHECKPOINT_WAL_BYTES: u64 = 64 * MIB;

/// The most tasks that are removed in one transaction: some milliseconds.
pub(crate) const REMOVAL_ROWS_MAX: u32 = 500;

/// … and the most rows of one kind, of events or of state, that go in one transaction: a task of many
/// parts goes in several, the oldest first.
pub(crate) const REMOVAL_PARTS_MAX: usize = 10_000;

/// How long the applier removes tasks before it looks at the log again.
pub(crate) const REMOVAL_SPAN: Duration = Duration::from_millis(250);

/// How often it looks whether the time of tasks is over.
pub(crate) const REMOVAL_PERIOD: Duration = Duration::from_secs(1);

/// The most tasks that one page of a list holds.
pub(crate) const LIST_TASKS_MAX: u32 = 1_000;

/// The most rows that are looked at for one page of a list …
pub(crate) const LIST_ROWS_MAX: u32 = 10_000;

/// … and about how long that may take: rows with a product take more pages than others.
pub(crate) const LIST_SPAN_MAX: Duration = Duration::from_millis(10);

/// How many different errors the ledger keeps, give or take a tenth.
pub(crate) const LEDGER_ROWS_MAX: i64 = 10_000;

/// For each error in a page of the ledger so many parked tasks are counted at most.
pub(crate) const PARKED_COUNT_MAX: u32 = 10_000;

/// How many read connections serve handlers.
pub(crate) const STORE_CONNECTIONS: usize = 4;

/// The size of a page of the archive. Smaller ones write less when keys are random, larger ones
/// make flatter trees.
pub(crate) const ARCHIVE_PAGE_BYTES: u64 = 8192;

/// The page cache of the applier's connection, in KiB: the pages that a transaction touches.
pub(crate) const WRITER_CACHE_KIB: i64 = 24 * 1024;

/// The page cache of each read connection, in KiB.
pub(crate) const READER_CACHE_KIB: i64 = 4 * 1024;
