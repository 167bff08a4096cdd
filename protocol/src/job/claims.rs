//! The claims on the jobs of a chain, while it is out: what the two who share it tell each other. It
//! never blocks, and never decides what is to be taken back or cancelled.

use crate::sync::{Arc, AtomicUsize, Ordering};

/// What whoever handed a chain out and its worker tell each other while it is out: how far the
/// worker has come, and which job is to be cancelled. The worker claims each job before it runs
/// it, so that those behind one that does not end can be taken back. The first job is claimed by
/// being handed out.
#[derive(Clone, Debug, Default)]
pub struct Claims(Arc<Shared>);

/// Both in one allocation: there is one for each chain.
#[derive(Debug)]
struct Shared {
    /// The place of the first job that is not claimed.
    next: AtomicUsize,
    /// The place of the job that is to be cancelled.
    cancelled: AtomicUsize,
}

impl Default for Shared {
    fn default() -> Self {
        Self { next: AtomicUsize::new(1), cancelled: AtomicUsize::new(NOT_CANCELLED) }
    }
}

/// More than a chain has jobs, and far from where the count would wrap.
const RECALLED: usize = usize::MAX / 2;

/// No job of a chain has this place.
const NOT_CANCELLED: usize = usize::MAX;

impl Claims {
    /// Claims the next job; returns its place, which is behind the last when there is none left.
    pub fn claim(&self) -> usize {
        self.0.next.fetch_add(1, Ordering::AcqRel)
    }

    /// Whether somebody has taken back what was not claimed.
    pub fn are_recalled(&self) -> bool {
        self.0.next.load(Ordering::Acquire) >= RECALLED
    }

    /// Takes back what is not claimed; returns the place of the first of those jobs.
    pub fn recall(&self) -> usize {
        self.0.next.swap(RECALLED, Ordering::AcqRel)
    }

    /// Asks the worker to end the job at that place as [`Outcome::Cancelled`](crate::Outcome::Cancelled) when it looks. Only
    /// the job that was asked for last is still asked for.
    pub fn cancel(&self, place: usize) {
        self.0.cancelled.store(place, Ordering::Release);
    }

    /// Whether the job at that place is to be cancelled.
    pub fn is_cancelled(&self, place: usize) -> bool {
        self.0.cancelled.load(Ordering::Acquire) == place
    }
}
