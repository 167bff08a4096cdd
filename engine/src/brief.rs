//! Brief attempts: those of kinds that are over at once. To wake a worker for each of them costs
//! more than to run it, so they are handed out in chains, and only a few chains are out at a time:
//! a worker that comes back is still awake, and the next chain needs no wake. A chain that is not
//! through in time does not count any more and is recalled, so a brief kind that suddenly blocks
//! holds nobody up for long.

use crate::table::Slot;
use overtime_protocol::{ChainNumber, KindId, Monotonic};
use std::collections::VecDeque;
use std::time::Duration;

/// A kind is brief if its attempts take no longer than this on average.
const BRIEF_MAX: Duration = Duration::from_micros(100);
/// What the attempts of one chain may take together.
const CHAIN_SPAN: Duration = Duration::from_micros(200);
/// A chain that has been out for longer is recalled.
const OUT_MAX: Duration = Duration::from_micros(1000);
/// The most attempts of one chain.
const CHAIN_MAX: usize = 16;
/// Fewer are not worth a second worker.
const CHAIN_WORTH: usize = 8;
/// The weight of the newest attempt in the average.
const NEWEST: f64 = 0.05;

/// Which kinds are brief, and which chains of them are out.
#[derive(Debug)]
pub(crate) struct Brief {
    out_max: usize,
    /// Seconds an attempt takes, by kind; `None` before the first has come back.
    spans: Vec<Option<f64>>,
    /// Kinds that save on their way and wait for a sync each time, however soon others are over.
    excluded: Vec<bool>,
    out: VecDeque<Out>,
    recalled: Vec<(ChainNumber, Vec<Slot>)>,
}

/// A chain that is out.
#[derive(Debug)]
struct Out {
    chain: ChainNumber,
    since: Monotonic,
    tasks: Vec<Slot>,
}

impl Brief {
    pub(crate) fn new(kinds: usize, out_max: usize) -> Self {
        let (out, recalled) = (VecDeque::new(), Vec::new());
        Self {
            out_max: out_max.max(1),
            spans: vec![None; kinds],
            excluded: vec![false; kinds],
            out,
            recalled,
        }
    }

    pub(crate) fn is_brief(&self, kind: KindId) -> bool {
        let is_short = self.span(kind).is_some_and(|span| span <= BRIEF_MAX.as_secs_f64());
        is_short && !self.excluded[usize::from(kind.0)]
    }

    /// The kind is not brief from now on.
    pub(crate) fn exclude(&mut self, kind: KindId) {
        self.excluded[usize::from(kind.0)] = true;
    }

    /// How long an attempt of a kind takes on average; `None` before the first has come back.
    pub(crate) fn exec(&self, kind: KindId) -> Option<Duration> {
        self.span(kind).map(Duration::from_secs_f64)
    }

    fn span(&self, kind: KindId) -> Option<f64> {
        self.spans[usize::from(kind.0)]
    }

    /// Whether one more chain may be out.
    pub(crate) fn has_room(&self) -> bool {
        self.out.len() < self.out_max
    }

    /// How many attempts of a kind the next chain may hold, if so many tasks wait.
    pub(crate) fn chain_max(&self, kind: KindId, waiting: usize) -> usize {
        let room = self.out_max.saturating_sub(self.out.len()).max(1);
        let share = waiting.div_ceil(room).clamp(CHAIN_WORTH, CHAIN_MAX);
        let span = self.span(kind).unwrap_or_default().max(1e-9);
        share.min((CHAIN_SPAN.as_secs_f64() / span) as usize).max(1)
    }

    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        self.out.front().map(|out| out.since + OUT_MAX)
    }

    pub(crate) fn start(&mut self, chain: ChainNumber, tasks: Vec<Slot>, now: Monotonic) {
        self.out.push_back(Out { chain, since: now, tasks });
    }

    /// The next chain that has been out for too long and of which there may be something to be
    /// recalled: it does not count any more.
    pub(crate) fn expire(&mut self, now: Monotonic) -> Option<ChainNumber> {
        while self.out.front().is_some_and(|out| now.since(out.since) >= OUT_MAX) {
            let out = self.out.pop_front()?;
            if self.recall(out.chain, out.tasks) {
                return Some(out.chain);
            }
        }
        None
    }

    /// A chain that is out does not count any more. Whether there may be something of it to be
    /// recalled.
    pub(crate) fn give_up(&mut self, chain: ChainNumber) -> bool {
        let place = self.out.iter().position(|out| out.chain == chain);
        let out = place.and_then(|place| self.out.remove(place));
        out.is_some_and(|out| self.recall(chain, out.tasks))
    }

    /// A chain of these tasks is to be recalled, if it has several.
    pub(crate) fn recall(&mut self, chain: ChainNumber, tasks: Vec<Slot>) -> bool {
        let several = tasks.len() > 1;
        if several {
            self.recalled.push((chain, tasks));
        }
        several
    }

    /// The tasks of a recalled chain that were not started.
    pub(crate) fn take_recalled(&mut self, chain: ChainNumber, from: usize) -> Vec<Slot> {
        let place = self.recalled.iter().position(|(recalled, _)| *recalled == chain);
        let Some((_, mut tasks)) = place.map(|place| self.recalled.swap_remove(place)) else {
            return Vec::new();
        };
        tasks.split_off(from.min(tasks.len()))
    }

    /// Whether nothing is out and nothing is being recalled.
    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        self.out.is_empty() && self.recalled.is_empty()
    }

    /// How many attempts may be on their way back.
    #[cfg(any(test, feature = "audit"))]
    pub(crate) fn being_recalled(&self) -> usize {
        self.recalled.iter().map(|(_, tasks)| tasks.len()).sum()
    }

    /// An attempt has come back.
    pub(crate) fn note(&mut self, kind: KindId, exec: Duration) {
        let average = &mut self.spans[usize::from(kind.0)];
        let span = exec.as_secs_f64();
        *average = Some(average.map_or(span, |old| old + NEWEST * (span - old)));
    }

    /// A chain is through.
    pub(crate) fn end(&mut self, chain: ChainNumber) {
        if let Some(place) = self.out.iter().position(|out| out.chain == chain) {
            self.out.remove(place);
        }
    }
}
