//! Brief attempts: those of kinds that are over at once. To wake a worker for each of them costs
//! more than to run it, so only a few are out at a time: one that comes back frees its worker
//! while that is still awake, and the next one needs no wake. An attempt that is not over in time
//! does not count any more, so a brief kind that suddenly blocks holds nobody up for long.

use crate::table::Slot;
use overtime_protocol::{KindId, Monotonic};
use std::collections::VecDeque;
use std::time::Duration;

/// A kind is brief if its attempts take no longer than this on average.
const BRIEF_MAX: Duration = Duration::from_micros(250);
/// An attempt that has been out for longer does not count.
const OUT_MAX: Duration = Duration::from_micros(500);
/// The weight of the newest attempt in the average.
const NEWEST: f64 = 0.05;

/// Which kinds are brief, and which of their attempts are out.
#[derive(Debug)]
pub(crate) struct Brief {
    out_max: usize,
    /// Seconds an attempt takes, by kind; `None` before the first has come back.
    spans: Vec<Option<f64>>,
    out: VecDeque<(Monotonic, Slot)>,
}

impl Brief {
    pub(crate) fn new(kinds: usize, out_max: usize) -> Self {
        Self { out_max: out_max.max(1), spans: vec![None; kinds], out: VecDeque::new() }
    }

    pub(crate) fn is_brief(&self, kind: KindId) -> bool {
        self.spans[usize::from(kind.0)].is_some_and(|span| span <= BRIEF_MAX.as_secs_f64())
    }

    /// Whether one more may be out.
    pub(crate) fn has_room(&self) -> bool {
        self.out.len() < self.out_max
    }

    /// Forgets those that have been out for too long.
    pub(crate) fn expire(&mut self, now: Monotonic) {
        while self.out.front().is_some_and(|&(since, _)| now.since(since) >= OUT_MAX) {
            self.out.pop_front();
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        self.out.front().map(|&(since, _)| since + OUT_MAX)
    }

    pub(crate) fn start(&mut self, slot: Slot, now: Monotonic) {
        self.out.push_back((now, slot));
    }

    pub(crate) fn end(&mut self, slot: Slot, kind: KindId, exec: Duration) {
        if let Some(place) = self.out.iter().position(|&(_, out)| out == slot) {
            self.out.remove(place);
        }
        let average = &mut self.spans[usize::from(kind.0)];
        let span = exec.as_secs_f64();
        *average = Some(average.map_or(span, |old| old + NEWEST * (span - old)));
    }
}
