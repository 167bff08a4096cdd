//! The suspicion that we are to blame: if more than half of the upstreams that are called turn bad
//! within ten seconds of each other, what they have in common is this machine. While that lasts no
//! more are shed. It sees only how each is.
//!
//! It is about upstreams that may still be shed. Those that were shed before are known to be bad, and
//! say nothing new about this machine however long they stay so. It ends when none of the others is
//! bad any more; or when one of them has been well for a minute, for what this machine does to the
//! calls of one it does to the calls of all. Then it is not raised again for a while: what is bad
//! still is bad by itself, and has to be shed.

use super::news::GateNews;
use overtime_protocol::{Monotonic, Now};
use std::time::Duration;

/// They turned bad together if it was within this.
const TOGETHER: Duration = Duration::from_secs(10);
/// While it lasts it is looked at again after this, though nothing else happens.
pub(super) const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// One alone is always more than half of itself.
const BAD_MIN: usize = 2;
/// For so long one has to be well to prove that it is not us.
const PROVED_AFTER: Duration = Duration::from_mins(1);
/// For so long that is believed.
const BELIEVED_FOR: Duration = Duration::from_mins(5);

/// Whether we suspect ourselves, and since when.
#[derive(Debug, Default)]
pub(super) struct Suspicion {
    since: Option<Now>,
    /// Since when one at least is well, while it lasts.
    well_since: Option<Monotonic>,
    /// When it was proved wrong.
    refuted: Option<Monotonic>,
}

/// How one upstream is that is called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) bad_since: Option<Monotonic>,
    pub(super) is_shed: bool,
    /// Whether its calls since the suspicion show that it is well.
    pub(super) is_well: bool,
}

/// The upstreams that are called, and those of them that are bad.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    active: usize,
    bad: usize,
    bad_of_late: usize,
    /// Of those that are bad, how many may still be shed.
    spared: usize,
    well: usize,
}

impl Count {
    /// One that is called. If it was shed before the others turned bad it does not count.
    pub(super) fn add(&mut self, one: Standing, now: Monotonic) {
        let is_of_late = one.bad_since.is_some_and(|since| now.since(since) <= TOGETHER);
        if one.is_shed && !is_of_late {
            return;
        }
        self.active += 1;
        self.bad += usize::from(one.bad_since.is_some());
        self.bad_of_late += usize::from(is_of_late);
        self.spared += usize::from(one.bad_since.is_some() && !one.is_shed);
        self.well += usize::from(one.is_well);
    }

    fn looks_like_us(self) -> bool {
        let bad = self.bad_of_late;
        bad >= BAD_MIN && bad * 2 > self.active && self.spared > 0
    }
}

impl Suspicion {
    pub(super) fn lasts(&self) -> bool {
        self.since.is_some()
    }

    pub(super) fn since(&self) -> Option<Monotonic> {
        self.since.map(|since| since.monotonic)
    }

    /// What is new, if anything is.
    pub(super) fn judge(&mut self, count: Count, now: Now) -> Option<GateNews> {
        let Count { active, bad, .. } = count;
        let at = now.unix;
        let Some(since) = self.since else {
            let is_believed =
                self.refuted.is_some_and(|refuted| now.monotonic.since(refuted) < BELIEVED_FOR);
            if is_believed || !count.looks_like_us() {
                return None;
            }
            *self = Self { since: Some(now), ..Self::default() };
            return Some(GateNews::Suspected { at, bad, active });
        };
        let is_refuted = self.is_refuted(count, now.monotonic);
        if count.spared > 0 && !is_refuted {
            return None;
        }
        *self = Self { refuted: is_refuted.then_some(now.monotonic), ..Self::default() };
        let lasted = now.monotonic.since(since.monotonic);
        Some(GateNews::Unsuspected { at, bad, active, lasted })
    }

    fn is_refuted(&mut self, count: Count, now: Monotonic) -> bool {
        let well_since = self.well_since.unwrap_or(now);
        self.well_since = (count.well > 0).then_some(well_since);
        count.well > 0 && now.since(well_since) >= PROVED_AFTER
    }
}
