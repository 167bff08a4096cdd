//! The log of a journal that runs without threads: whoever would wait for another there would wait
//! for ever, and so learns at once how things are.

use super::Log;
use std::sync::atomic::Ordering::Relaxed;

impl Log {
    /// Whether whoever asks is the only thread: then it must not wait for another.
    pub(crate) fn is_alone(&self) -> bool {
        self.is_alone.load(Relaxed)
    }

    /// Makes known that there is but one thread.
    #[cfg(feature = "steps")]
    pub(crate) fn be_alone(&self) {
        self.is_alone.store(true, Relaxed);
    }

    /// Whether a segment can be had at once.
    #[cfg(feature = "steps")]
    pub(crate) fn has_free(&self) -> bool {
        !self.state.lock().free.is_empty()
    }
}
