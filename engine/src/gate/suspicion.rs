//! The suspicion that we are to blame: if more than half of the upstreams that are called turn bad
//! within ten seconds of each other, what they have in common is this machine. While that lasts no
//! more are shed. It sees only since when each is bad.

use super::news::GateNews;
use overtime_protocol::{Monotonic, Now};
use std::time::Duration;

/// They turned bad together if it was within this.
const TOGETHER: Duration = Duration::from_secs(10);
/// While it lasts it is looked at again after this, though nothing else happens.
pub(super) const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// One alone is always more than half of itself.
const BAD_MIN: usize = 2;

/// Whether we suspect ourselves, and since when.
#[derive(Debug, Default)]
pub(super) struct Suspicion(Option<Now>);

/// The upstreams that are called, and those of them that are bad.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    active: usize,
    bad: usize,
    bad_of_late: usize,
}

impl Count {
    /// One that is called, and since when it is bad.
    pub(super) fn add(&mut self, bad_since: Option<Monotonic>, now: Monotonic) {
        self.active += 1;
        self.bad += usize::from(bad_since.is_some());
        let of_late = bad_since.is_some_and(|since| now.since(since) <= TOGETHER);
        self.bad_of_late += usize::from(of_late);
    }

    fn is_most(self, bad: usize) -> bool {
        bad >= BAD_MIN && bad * 2 > self.active
    }
}

impl Suspicion {
    pub(super) fn lasts(&self) -> bool {
        self.0.is_some()
    }

    /// What is new, if anything is.
    pub(super) fn judge(&mut self, count: Count, now: Now) -> Option<GateNews> {
        let Count { active, bad, .. } = count;
        let at = now.unix;
        match self.0 {
            None if count.is_most(count.bad_of_late) => {
                self.0 = Some(now);
                Some(GateNews::Suspected { at, bad, active })
            }
            Some(since) if !count.is_most(bad) => {
                self.0 = None;
                let lasted = now.monotonic.since(since.monotonic);
                Some(GateNews::Unsuspected { at, bad, active, lasted })
            }
            None | Some(_) => None,
        }
    }
}
