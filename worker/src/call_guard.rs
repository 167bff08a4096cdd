//! The guard of a call that a Rust handler makes to the upstream of its kind. Whether the call may be
//! made was decided before the attempt began; the guard sees to it that its end is told.

use overtime_protocol::{CallEnd, CallFailure};
use std::cell::Cell;

/// A call that is under way. If it is dropped before its end was told, as by a `?` or a panic, the
/// upstream is taken to have failed.
#[derive(Debug)]
#[must_use = "a call that is dropped at once has failed"]
pub struct CallGuard<'a> {
    told: &'a Cell<CallEnd>,
    end: CallEnd,
}

impl<'a> CallGuard<'a> {
    pub(crate) fn new(told: &'a Cell<CallEnd>) -> Self {
        Self { told, end: CallEnd::Failed(CallFailure::Broken) }
    }

    /// The call has ended like this.
    pub fn end(mut self, end: CallEnd) {
        self.end = end;
    }

    /// The upstream has answered, whatever it said.
    pub fn answered(self) {
        self.end(CallEnd::Answered);
    }
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        self.told.set(self.end);
    }
}
