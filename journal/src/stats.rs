//! What the journal counts, for whoever watches. Written by its threads, read by anybody; nothing
//! in the journal decides by it, except that [`Stats::poisoned`] tells what was decided.

use foldhash::HashMap;
use overtime_protocol::KindName;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The counters of one open journal.
#[derive(Debug, Default)]
pub struct Stats {
    /// Batches committed.
    pub commits: AtomicU64,
    /// Records committed.
    pub records: AtomicU64,
    /// Bytes committed, frames included.
    pub bytes: AtomicU64,
    /// Records that were not appended because a key had changed.
    pub conflicts: AtomicU64,
    /// Records that were not appended because the disk was full.
    pub disk_full: AtomicU64,
    /// Records that were not appended because they do not fit a segment.
    pub oversized: AtomicU64,
    /// The time of one write and one sync, a batch.
    pub sync: Spans,
    /// Bytes of log files on disk.
    pub log_bytes: AtomicU64,
    /// The last LSN on disk.
    pub durable_lsn: AtomicU64,
    /// The last LSN in the archive.
    pub applied_lsn: AtomicU64,
    /// Records moved to the archive.
    pub applied: AtomicU64,
    /// Finished tasks removed because their time was over.
    pub removed: AtomicU64,
    /// The time of one applied transaction.
    pub apply: Spans,
    /// The time of one checkpoint of the archive.
    pub checkpoint: Spans,
    /// The time of keeping one payload in the spool.
    pub spool: Spans,
    /// Bytes of payloads kept in the spool.
    pub spooled_bytes: AtomicU64,
    /// Bytes of payloads that are in the spool now.
    pub spool_bytes: AtomicU64,
    /// Bytes free on the disk of the data folder, as of about a second ago.
    pub disk_free: AtomicU64,
    /// Bytes that the journal takes on disk, as of then.
    pub disk_used: AtomicU64,
    /// How much of that is room in the archive for what comes.
    pub archive_reusable_bytes: AtomicU64,
    /// In how many seconds the disk will be full if it goes on as in the last ten minutes; 0 if
    /// nothing grows.
    pub disk_full_in_seconds: AtomicU64,
    /// What the archive holds of each kind.
    usage: Mutex<HashMap<KindName, Usage>>,
    /// Reads that met something damaged.
    pub damaged_reads: AtomicU64,
    /// Whether a write or sync failed: nothing is acknowledged any more.
    pub poisoned: AtomicBool,
}

/// What the archive holds of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tasks.
    pub rows: i64,
    /// About how many bytes they take, payloads in the spool included.
    pub bytes: i64,
}

impl Stats {
    /// What the archive holds of each kind, in no order.
    pub fn usage(&self) -> Vec<(KindName, Usage)> {
        self.usage.lock().iter().map(|(kind, usage)| (kind.clone(), *usage)).collect()
    }

    /// Adds what came to what the archive holds, and takes away what went.
    pub(crate) fn add_usage(&self, more: &HashMap<KindName, Usage>) {
        let mut usage = self.usage.lock();
        for (kind, Usage { rows, bytes }) in more {
            let sum = usage.entry(kind.clone()).or_default();
            (sum.rows, sum.bytes) = (sum.rows + rows, sum.bytes + bytes);
        }
    }
}

/// How many buckets [`Spans`] has.
pub const SPAN_BUCKETS: usize = 40;

/// A histogram of spans: bucket `n` counts spans below 2^n ns that the bucket before it does not.
#[derive(Debug)]
pub struct Spans {
    buckets: [AtomicU64; SPAN_BUCKETS],
    total_ns: AtomicU64,
}

impl Default for Spans {
    fn default() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; SPAN_BUCKETS], total_ns: AtomicU64::new(0) }
    }
}

impl Spans {
    /// Counts one span.
    pub(crate) fn record(&self, span: Duration) {
        let ns = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - ns.leading_zeros()) as usize;
        self.buckets[bucket.min(SPAN_BUCKETS - 1)].fetch_add(1, Relaxed);
        self.total_ns.fetch_add(ns, Relaxed);
    }

    /// The counts; bucket `n` reaches up to 2^n ns, the last one without end.
    pub fn buckets(&self) -> [u64; SPAN_BUCKETS] {
        std::array::from_fn(|n| self.buckets[n].load(Relaxed))
    }

    /// The sum of all spans.
    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.total_ns.load(Relaxed))
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_falls_below_its_buckets_bound() {
        let spans = Spans::default();
        for ns in [0, 1, 1023, 1024, u64::MAX] {
            spans.record(Duration::from_nanos(ns));
        }
        let buckets = spans.buckets();
        assert_eq!((buckets[0], buckets[1], buckets[10], buckets[11]), (1, 1, 1, 1));
        assert_eq!(buckets[SPAN_BUCKETS - 1], 1);
    }
}
