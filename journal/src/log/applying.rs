//! The log as the applier sees it: what there is to do, and what it has seen of it.

use super::{Applier, Log, Phase, State};
use crate::options::{APPLY_BYTES_MAX, APPLY_WRITES_MAX};
use overtime_protocol::Monotonic;
use std::time::Duration;

/// The applier waits for this long without a new record before it applies a few.
const QUIET: Duration = Duration::from_millis(50);

/// … and lets the first record wait no longer than this for company.
const LINGER_MAX: Duration = Duration::from_secs(1);

/// What the applier is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Apply what is there.
    Apply,
    /// Apply what is there, checkpoint, and release: the commit thread waits for a segment.
    MakeRoom,
    /// Nothing is to be applied, and it is time to look what can be removed.
    Remove,
    /// Apply what is there and stop.
    Stop,
}

impl Log {
    /// Waits until there is something for the applier to do; with nothing else, it may remove what
    /// has to go from `removal_due` on.
    pub(crate) fn wait_for_work(&self, removal_due: Monotonic) -> Wake {
        let mut state = self.state.lock();
        let mut first_seen: Option<Monotonic> = None;
        loop {
            if state.phase != Phase::Open {
                return Wake::Stop;
            }
            if state.room_wanted {
                state.room_wanted = false;
                return Wake::MakeRoom;
            }
            if state.writes == state.writes_seen {
                debug_assert_eq!(state.bytes, state.bytes_seen, "both count whole frames");
                state.applier = Applier::Idle;
                let span = removal_due.since(self.clock.monotonic());
                let is_due = self.grown.wait_for(&mut state, span).timed_out();
                state.applier = Applier::Busy;
                if is_due && state.writes == state.writes_seen && state.phase == Phase::Open {
                    return Wake::Remove;
                }
                continue;
            }
            let since = *first_seen.get_or_insert_with(|| self.clock.monotonic());
            let before = state.writes;
            if state.writes_seen < state.hurried {
                return Wake::Apply;
            }
            if state.is_enough() || self.clock.monotonic().since(since) >= LINGER_MAX {
                return Wake::Apply;
            }
            let quiet = self.grown.wait_for(&mut state, QUIET).timed_out();
            if quiet && state.writes == before {
                return Wake::Apply;
            }
        }
    }

    /// What the applier is to do now, if it does not wait for company.
    #[cfg(feature = "steps")]
    pub(crate) fn work_now(&self) -> Wake {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.room_wanted) { Wake::MakeRoom } else { Wake::Apply }
    }

    /// Has the applier take what is there without waiting for company.
    pub(crate) fn hurry(&self) {
        let mut state = self.state.lock();
        state.hurried = state.writes;
        self.grown.notify_one();
    }

    /// Whether the applier is wanted for the log, and has no time for anything else.
    pub(crate) fn is_urgent(&self) -> bool {
        let state = self.state.lock();
        let is_hurried = state.writes_seen < state.hurried;
        state.is_enough() || state.room_wanted || is_hurried || state.phase != Phase::Open
    }

    /// Makes known that the applier has read this much more.
    pub(crate) fn mark_seen(&self, writes: u64, bytes: u64) {
        let mut state = self.state.lock();
        state.writes_seen += writes;
        state.bytes_seen += bytes;
    }

    /// Makes known that recovered records wait for the applier.
    pub(crate) fn mark_recovered(&self, writes: u64, bytes: u64) {
        let mut state = self.state.lock();
        state.writes += writes;
        state.bytes += bytes;
    }

    /// The last LSN on disk.
    pub(crate) fn last(&self) -> u64 {
        self.state.lock().last
    }

    /// Lets the applier wait for so long, or until no more records come. Whether they still do.
    pub(crate) fn pause(&self, span: Duration) -> bool {
        let until = self.clock.monotonic() + span;
        let left = || until.since(self.clock.monotonic());
        let mut state = self.state.lock();
        while state.phase == Phase::Open
            && !self.is_alone()
            && !self.grown.wait_for(&mut state, left()).timed_out()
        {}
        state.phase == Phase::Open
    }
}

impl State {
    /// Whether a transaction's worth of records waits.
    pub(super) fn is_enough(&self) -> bool {
        self.writes - self.writes_seen >= APPLY_WRITES_MAX as u64
            || self.bytes - self.bytes_seen >= APPLY_BYTES_MAX as u64
    }
}
