//! The core's sleep: the core says that it lies down, and whoever has left something for it finds
//! out whether it has to be woken. It knows neither the mailbox nor the poll, and never blocks.

use crate::sync::{AtomicBool, Ordering, fence};

/// Has the core woken once for each time that it lies down, however many push: either the pusher
/// sees that the core is asleep, or the core, before it sleeps, sees the push. The two fences make
/// sure that not both look too early.
#[derive(Debug)]
pub(crate) struct Sleep {
    asleep: AtomicBool,
}

impl Sleep {
    /// The core is awake.
    pub(crate) fn new() -> Self {
        Self { asleep: AtomicBool::new(false) }
    }

    /// Announces that the core is about to sleep. `false` if something came first, which
    /// `is_quiet` tells: then it must not.
    pub(crate) fn lie_down(&self, is_quiet: impl FnOnce() -> bool) -> bool {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let quiet = is_quiet();
        if !quiet {
            self.get_up();
        }
        quiet
    }

    /// The core is awake again.
    pub(crate) fn get_up(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    /// Whether whoever asks, behind a push, is the one to wake the core.
    pub(crate) fn has_to_be_ended(&self) -> bool {
        fence(Ordering::SeqCst);
        self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed)
    }

    /// The same behind a push that the core finds by itself, unless `is_unexpected`.
    pub(crate) fn has_to_be_ended_if(&self, is_unexpected: impl FnOnce() -> bool) -> bool {
        // Pairs with the fence that the core passes once it expects nothing any more and before it
        // sleeps: not both sides look too early.
        fence(Ordering::SeqCst);
        is_unexpected() && self.has_to_be_ended()
    }
}
