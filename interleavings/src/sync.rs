//! The atomics of the modules under test: loom's. A test can leave out the fences of one side, to
//! show that they are needed and that the model would tell.

use loom::sync::atomic;
use std::cell::Cell;
use std::thread_local;

pub(crate) use loom::sync::atomic::{AtomicUsize, Ordering};

/// Loom orders the stores of several threads to one place only as far as one has seen the other, so
/// that it lets a load take an old one for the newest (what a swap has written may stand behind a
/// store that came after it). Each store is a swap here: all of them have one order, any in which
/// the threads can come, and loads may still be as late as before.
#[derive(Debug)]
pub(crate) struct AtomicBool(atomic::AtomicBool);

impl AtomicBool {
    pub(crate) fn new(value: bool) -> Self {
        Self(atomic::AtomicBool::new(value))
    }

    pub(crate) fn load(&self, ordering: Ordering) -> bool {
        self.0.load(ordering)
    }

    pub(crate) fn store(&self, value: bool, ordering: Ordering) {
        self.0.swap(value, ordering);
    }

    pub(crate) fn swap(&self, value: bool, ordering: Ordering) -> bool {
        self.0.swap(value, ordering)
    }
}
/// Not under test. The model's own could not be dropped while a lost wake is told.
pub(crate) use std::sync::Arc;

/// Who passes a fence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Side {
    /// The core, about to sleep.
    #[default]
    Core,
    /// Whoever leaves something for it.
    Others,
}

thread_local! {
    /// All threads of a model run on the thread of their test.
    static MISSING: Cell<Option<Side>> = const { Cell::new(None) };
}

loom::thread_local! {
    static SIDE: Cell<Side> = Cell::default();
}

/// From here on the test's models have no fences on that side.
pub(crate) fn leave_out_fences_of(side: Side) {
    MISSING.set(Some(side));
}

/// The calling thread of a model is on that side.
pub(crate) fn take_side(side: Side) {
    SIDE.with(|own| own.set(side));
}

/// A fence, unless it is left out.
pub(crate) fn fence(ordering: Ordering) {
    if MISSING.get() != Some(SIDE.with(Cell::get)) {
        atomic::fence(ordering);
    }
}
