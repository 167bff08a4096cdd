//! What the threads of a journal share, and the rule by which a read sees everything committed:
//! first `recent`, then the archive as it was no earlier than that look.

use crate::archive::Connections;
use crate::error::StoreError;
use crate::log::Log;
use crate::recent::Recent;
use bytes::Bytes;
use overtime_protocol::record::ReadMark;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What is shared.
pub(crate) struct Shared {
    /// The log.
    pub(crate) log: Arc<Log>,
    /// What is committed and not yet applied.
    pub(crate) recent: Recent,
    applied: AtomicU64,
    /// Signals that the archive has moved on.
    moved: (Mutex<()>, Condvar),
}

/// What stands at a state key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The value; `None` if there is none.
    pub value: Option<Bytes>,
    /// What a write that depends on it has to say that it read.
    pub read: ReadMark,
}

impl Shared {
    /// A journal applied up to `applied`.
    pub(crate) fn new(log: Arc<Log>, recent: Recent, applied: u64) -> Self {
        log.stats.applied_lsn.store(applied, Ordering::Relaxed);
        recent.begin(applied);
        let moved = (Mutex::new(()), Condvar::new());
        Self { log, recent, applied: AtomicU64::new(applied), moved }
    }

    /// The LSN up to which the archive has everything.
    pub(crate) fn applied(&self) -> u64 {
        self.applied.load(Ordering::SeqCst)
    }

    /// Makes known what the archive has. Entries leave `recent` only after this.
    pub(crate) fn set_applied(&self, applied: u64) {
        self.applied.store(applied, Ordering::SeqCst);
        self.log.stats.applied_lsn.store(applied, Ordering::Relaxed);
        // Whoever looked before this and has not begun to wait holds the lock.
        drop(self.moved.0.lock());
        self.moved.1.notify_all();
    }

    /// Has the archive take in everything that is durable by now, and waits for that, but no
    /// longer than `span`. Whether it has.
    pub(crate) fn catch_up(&self, span: Duration) -> bool {
        self.catch_up_to(self.log.last(), span)
    }

    /// The same for everything up to `durable`.
    pub(crate) fn catch_up_to(&self, durable: u64, span: Duration) -> bool {
        let clock = self.log.clock;
        let until = clock.monotonic() + span;
        let mut guard = self.moved.0.lock();
        while self.applied() < durable {
            self.log.hurry();
            let left = until.since(clock.monotonic());
            if self.log.is_alone() || self.moved.1.wait_for(&mut guard, left).timed_out() {
                break;
            }
        }
        self.applied() >= durable
    }

    /// What stands at a state key.
    pub(crate) fn state(&self, key: &[u8], archive: &Connections) -> Result<State, StoreError> {
        // Read first: if the archive has not moved past this by the time of a write, then the
        // archive cannot hold a change that this read did not see.
        let watermark = self.applied();
        let state = |value, lsn| State { value, read: ReadMark::At { lsn, watermark } };
        loop {
            let Some(entry) = self.recent.key(key, self.applied()) else {
                let found = archive.take().state(key, self.applied())?;
                return Ok(found.map_or(state(None, 0), |(value, lsn)| state(Some(value), lsn)));
            };
            let Some(place) = entry.value else {
                return Ok(state(None, 0));
            };
            if let Some(value) = place.read(&self.log)? {
                return Ok(state(Some(value), entry.lsn));
            }
        }
    }
}
