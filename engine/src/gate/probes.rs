//! The probes of an upstream that is shed: one call a second, judged in the order of their starts as
//! soon as each is known to be good or has been out for as long as a slow one. To judge them as they
//! end would put the return off until those that hang have timed out. It starts no call.

use overtime_protocol::{CallNumber, Monotonic};
use std::collections::VecDeque;
use std::time::Duration;

/// From one probe to the next.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);
/// So many may be out beside the places of the upstream, where those hang that were out before.
pub(super) const OUT_MAX: usize = 8;
/// So many in a row show that it is well.
const GOOD_IN_A_ROW: usize = 6;
/// And so many once it has relapsed: of an upstream that fails every other call, six good ones in a row
/// come every other minute.
const GOOD_AFTER_RELAPSE: usize = 12;

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
