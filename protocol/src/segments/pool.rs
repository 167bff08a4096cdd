//! Segments that are used again. A payload is dropped by whichever thread is the last to need it;
//! its segments find their way back through a bounded channel, and one that finds no room in it
//! is freed. Nothing here is ever waited for.

use bytes::Bytes;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The measures of large bodies.
#[derive(Clone, Copy, Debug)]
pub struct SegmentSizes {
    /// The length of a segment: what one read takes at most. It is as long as a turn's slice of
    /// one connection; a longer one would be read in several turns all the same, and its unused
    /// end would be longer.
    pub segment_bytes: usize,
    /// Bodies from this length on are read straight into their segments.
    pub direct_min_bytes: u64,
    /// So many free segments are kept.
    pub free_max: usize,
}

impl Default for SegmentSizes {
    /// Segments of 64 KiB for bodies from 64 KiB on; 16 MiB of free ones.
    fn default() -> Self {
        Self { segment_bytes: 64 * 1024, direct_min_bytes: 64 * 1024, free_max: 256 }
    }
}

/// Where large bodies get their segments.
#[derive(Debug)]
pub struct SegmentPool {
    sizes: SegmentSizes,
    home: SyncSender<Vec<u8>>,
    free: Receiver<Vec<u8>>,
}

impl Default for SegmentPool {
    fn default() -> Self {
        Self::new(SegmentSizes::default())
    }
}

impl SegmentPool {
    /// A pool without segments yet.
    pub fn new(sizes: SegmentSizes) -> Self {
        let (home, free) = sync_channel(sizes.free_max);
        Self { sizes, home, free }
    }

    pub(crate) fn sizes(&self) -> SegmentSizes {
        self.sizes
    }

    /// A segment's whole length of bytes, of which nobody should care what they are.
    pub(super) fn take(&self) -> Vec<u8> {
        self.free.try_recv().unwrap_or_else(|_| vec![0; self.sizes.segment_bytes])
    }

    /// Frees the segments that are kept only to be used again.
    pub fn give_back(&self) {
        while self.free.try_recv().is_ok() {}
    }

    /// Where a segment goes that was taken here.
    pub(super) fn home(&self) -> SyncSender<Vec<u8>> {
        self.home.clone()
    }
}

/// A segment of a pool that shows its first bytes, and goes home when nobody looks any more.
struct Lent {
    buffer: Vec<u8>,
    filled: usize,
    home: SyncSender<Vec<u8>>,
}

pub(super) fn lend(buffer: Vec<u8>, filled: usize, home: SyncSender<Vec<u8>>) -> Bytes {
    Bytes::from_owner(Lent { buffer, filled, home })
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // No room, or no pool any more: then it is freed.
        let _ = self.home.try_send(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(free_max: usize) -> SegmentPool {
        SegmentPool::new(SegmentSizes { segment_bytes: 4, direct_min_bytes: 0, free_max })
    }

    fn lent(pool: &SegmentPool) -> Bytes {
        let mut buffer = pool.take();
        buffer[..2].copy_from_slice(b"hi");
        lend(buffer, 2, pool.home())
    }

    #[test]
    fn a_segment_comes_back_when_the_last_look_at_it_is_dropped_wherever_that_is() {
        let pool = pool(1);
        let bytes = lent(&pool);
        let place = bytes.as_ptr();
        assert_eq!(bytes, "hi");
        let part = bytes.slice(1..);
        drop(bytes);
        let other = pool.take();
        assert_ne!(other.as_ptr(), place, "somebody still looks at it");
        std::thread::spawn(|| drop(part)).join().unwrap();
        let same = pool.take();
        assert_eq!(same.as_ptr(), place);
    }

    #[test]
    fn no_more_than_the_bound_are_kept() {
        let pool = pool(2);
        let all: Vec<Bytes> = (0..5).map(|_| lent(&pool)).collect();
        drop(all);
        let kept = std::iter::from_fn(|| pool.free.try_recv().ok()).count();
        assert_eq!(kept, 2);
    }

    #[test]
    fn segments_outlive_their_pool() {
        let pool = pool(2);
        let bytes = lent(&pool);
        drop(pool);
        assert_eq!(bytes, "hi");
    }
}
