//! The thread of the relay that works: it takes all that waits, makes it durable if asked to, and
//! gives it back with a single wake-up.

use crate::floor::ring_file::RingFile;
use crossbeam_channel::{Receiver, Sender};
use mio::Waker;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Most bodies that share one sync and one wake-up.
const BATCH: usize = 1024;

/// A body on its way, and whose it is.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) client: usize,
    pub(super) birth: u64,
    pub(super) body: Vec<u8>,
}

/// Wakes the poll, once however often it is asked until the poll has looked.
#[derive(Debug)]
pub(super) struct Signal {
    waker: Waker,
    is_raised: AtomicBool,
}

impl Signal {
    pub(super) fn new(waker: Waker) -> Self {
        Self { waker, is_raised: AtomicBool::new(false) }
    }

    fn raise(&self) {
        if !self.is_raised.swap(true, Ordering::AcqRel) {
            // A poll that cannot be woken belongs to a relay that has ended.
            drop(self.waker.wake());
        }
    }

    /// To be called before looking, so that what comes later raises it again.
    pub(super) fn clear(&self) {
        self.is_raised.swap(false, Ordering::AcqRel);
    }
}

pub(super) struct Worker {
    jobs: Receiver<Parcel>,
    done: Sender<Parcel>,
    signal: Arc<Signal>,
    file: Option<RingFile>,
    together: Vec<u8>,
}

impl Worker {
    pub(super) fn new(
        jobs: Receiver<Parcel>,
        done: Sender<Parcel>,
        signal: Arc<Signal>,
        file: Option<RingFile>,
    ) -> Self {
        Self { jobs, done, signal, file, together: Vec::new() }
    }

    /// Works until the relay is gone or the file fails; either way the relay sees its channel
    /// closed, and nothing that is not on disk is answered.
    pub(super) fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while let Ok(first) = self.jobs.recv() {
            batch.push(first);
            batch.extend(self.jobs.try_iter().take(BATCH - 1));
            if self.make_durable(&batch).is_err() {
                break;
            }
            for parcel in batch.drain(..) {
                if self.done.send(parcel).is_err() {
                    return;
                }
            }
            self.signal.raise();
        }
        let Self { done, signal, .. } = self;
        drop(done);
        signal.raise();
    }

    fn make_durable(&mut self, batch: &[Parcel]) -> std::io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        self.together.clear();
        for parcel in batch {
            self.together.extend_from_slice(&parcel.body);
        }
        file.append(&self.together)
    }
}
