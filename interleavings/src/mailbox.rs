//! A model of the mailbox around the sleep under test: a queue of which only the length is
//! modelled, as weakly as any channel could have it, and a poll that a wake ends.

use crate::sleep::Sleep;
use crate::sync::{Arc, AtomicUsize, Ordering};
use loom::sync::Notify;

/// What the core and the others share.
pub(crate) struct Mailbox {
    pushed: AtomicUsize,
    pub(crate) sleep: Sleep,
    poll: Notify,
    /// How often the core was woken.
    pub(crate) wakes: AtomicUsize,
}

impl Mailbox {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            pushed: AtomicUsize::new(0),
            sleep: Sleep::new(),
            poll: Notify::new(),
            wakes: AtomicUsize::new(0),
        })
    }

    /// As `Mailbox::push` of the core.
    pub(crate) fn push(&self) {
        self.pushed.fetch_add(1, Ordering::Release);
        if self.sleep.has_to_be_ended() {
            self.wake();
        }
    }

    /// As `Mailbox::leave` of the core.
    pub(crate) fn leave(&self, is_unexpected: impl FnOnce() -> bool) {
        self.pushed.fetch_add(1, Ordering::Release);
        if self.sleep.has_to_be_ended_if(is_unexpected) {
            self.wake();
        }
    }

    fn wake(&self) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
        self.poll.notify();
    }

    /// As the core's loop: takes mail and sleeps until `count` have come. Returns how often it
    /// said that it lies down. If a wake is lost, no thread of the model can go on, and loom says so.
    pub(crate) fn take(&self, count: usize) -> usize {
        let mut lain_down = 0;
        while self.pushed.load(Ordering::Acquire) < count {
            let taken = self.pushed.load(Ordering::Acquire);
            if taken >= count {
                break;
            }
            lain_down += 1;
            if self.sleep.lie_down(|| self.pushed.load(Ordering::Relaxed) == taken) {
                self.poll.wait();
                self.sleep.get_up();
            }
        }
        lain_down
    }

    /// The same by a core that looks before it says that it lies down.
    pub(crate) fn take_carelessly(&self, count: usize) {
        loop {
            let taken = self.pushed.load(Ordering::Acquire);
            if taken >= count {
                return;
            }
            if self.sleep.lie_down(|| true) {
                self.poll.wait();
                self.sleep.get_up();
            }
        }
    }
}
