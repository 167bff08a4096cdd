//! The probes of an upstream that is shed: one call a second and few at a time, judged in the order of
//! their starts as soon as each is known to be good or has been out for as long as a slow one. To judge
//! them as they end would put the return off until those that hang are given up. It starts no call, and
//! gives none up: it says how long one has.

use overtime_protocol::{CallNumber, Monotonic};
use std::collections::VecDeque;
use std::time::Duration;

/// From one probe to the next, if that comes back.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);
/// So many may be out, whatever hangs beside them that was out before: an upstream in trouble is not
/// given more to hold.
pub(super) const OUT_MAX: usize = 8;
/// So many in a row show that it is well.
const GOOD_IN_A_ROW: usize = 6;
/// And so many once it has relapsed: of an upstream that fails every other call, six good ones in a row
/// come every other minute.
const GOOD_AFTER_RELAPSE: usize = 12;

/// How long a probe may take. If those that hang stayed out until the time of their kind is up, there
/// would be none to go out for minutes, and nothing would be heard of an upstream that is well again. So
/// they are given up in time for one to go out each [`INTERVAL`] with [`OUT_MAX`] of them out. Nothing is
/// learned by then that was not before: a probe is judged when it is as old as a slow call. But it is the
/// work of a task as well, and an answer that is slow and honest should get there: so it has nearly three
/// times as long as that, and where slow calls are long ones, probes go out less often.
pub(super) fn limit(slow: Duration) -> Duration {
    (slow.saturating_mul(8) / 3).max(INTERVAL * OUT_MAX as u32)
}

/// From one probe to the next while the first hangs. In even steps those that hang are given up evenly
/// too, so there is never long to wait for the next.
pub(super) fn step(slow: Duration) -> Duration {
    limit(slow) / OUT_MAX as u32
}

/// An upstream that is left alone, but for its probes.
#[derive(Debug)]
pub(super) struct Shed {
    pub(super) hold_until: Monotonic,
    pub(super) next_probe: Monotonic,
    /// Whether the first probe is out, and whether that was told.
    pub(super) is_probed: bool,
    pub(super) is_told: bool,
    pub(super) probes: Probes,
}

impl Shed {
    pub(super) fn new(hold_until: Monotonic, next_probe: Monotonic, probes: Probes) -> Self {
        Self { hold_until, next_probe, is_probed: false, is_told: false, probes }
    }

    pub(super) fn start(&mut self, call: CallNumber, step: Duration, now: Monotonic) {
        self.is_probed = true;
        self.next_probe = now + step;
        self.probes.start(call, now);
    }

    /// The last probe does not hang.
    pub(super) fn came_back(&mut self, started: Monotonic) {
        self.next_probe = self.next_probe.min(started + INTERVAL);
    }
}

/// The probes of one upstream.
#[derive(Debug)]
pub(super) struct Probes {
    /// Those that have not been judged, in order of start.
    row: VecDeque<Probe>,
    good_in_a_row: usize,
    wanted: usize,
}

#[derive(Debug)]
struct Probe {
    call: CallNumber,
    started: Monotonic,
    /// Whether it was good, once that is known.
    was_good: Option<bool>,
}

/// What a call was as a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Good,
    Bad,
    /// It is as if it had never been.
    Nothing,
}

impl Probes {
    /// `last_hold` is nothing unless it has relapsed.
    pub(super) fn new(last_hold: Duration) -> Self {
        let wanted = if last_hold.is_zero() { GOOD_IN_A_ROW } else { GOOD_AFTER_RELAPSE };
        Self { row: VecDeque::new(), good_in_a_row: 0, wanted }
    }

    pub(super) fn start(&mut self, call: CallNumber, now: Monotonic) {
        self.row.push_back(Probe { call, started: now, was_good: None });
    }

    pub(super) fn end(&mut self, call: CallNumber, found: Found) {
        let Some(index) = self.row.iter().position(|probe| probe.call == call) else { return };
        match found {
            Found::Good => self.row[index].was_good = Some(true),
            Found::Bad => self.row[index].was_good = Some(false),
            Found::Nothing => {
                self.row.remove(index);
            }
        }
    }

    /// Judges those that can be. Whether the upstream is well comes back.
    pub(super) fn judge(&mut self, slow: Duration, now: Monotonic) -> bool {
        while let Some(first) = self.row.front() {
            let is_slow = first.started + slow <= now;
            match first.was_good.or(is_slow.then_some(false)) {
                Some(true) => self.good_in_a_row += 1,
                Some(false) => self.good_in_a_row = 0,
                None => break,
            }
            self.row.pop_front();
        }
        self.good_in_a_row >= self.wanted
    }

    /// When the next is judged at the latest.
    pub(super) fn next_judgement(&self, slow: Duration) -> Option<Monotonic> {
        self.row.front().map(|first| first.started + slow)
    }
}
