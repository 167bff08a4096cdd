//! Lines: the tasks that wait until their upstream may be called, in a line for each upstream. They
//! take no worker and use up no attempt. When one may go, its gate decides; nothing here does.

use crate::queue::{LaneQueue, Place, Standing};
use crate::table::Slot;
use crate::timers::TimerKey;
use overtime_protocol::{ChainNumber, TaskId, TenantId, UpstreamId};
use std::collections::{BTreeSet, VecDeque};

/// Which of an upstream's queues a task stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// Single calls that have not been tried yet.
    Firsts,
    /// Those that have.
    Retries,
    /// Bulk bodies, which make calls of their own once they run.
    Bulk,
}

const ROWS: usize = 3;

/// Where in a line a task stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    pub(crate) upstream: UpstreamId,
    pub(crate) row: Row,
    pub(crate) standing: Standing,
    pub(crate) place: Place,
}

/// Those that wait for one upstream.
#[derive(Debug, Default)]
pub(crate) struct Line {
    rows: [LaneQueue; ROWS],
    counts: [usize; ROWS],
    /// All of them, in the order in which they were accepted, which none of the rows has.
    ids: BTreeSet<TaskId>,
    /// Those that came with somebody who waits for the result.
    waited_for: VecDeque<Slot>,
    /// Running bulk bodies that want calls, and how many.
    wanting: VecDeque<(ChainNumber, u16)>,
    is_listed: bool,
    awaits_worker: bool,
    /// When time alone may let one go.
    pub(crate) timer: Option<TimerKey>,
}

impl Line {
    pub(crate) fn count(&self, row: Row) -> usize {
        self.counts[row as usize]
    }

    /// How many tasks stand here.
    pub(crate) fn len(&self) -> usize {
        self.counts.iter().sum()
    }

    /// The task that was accepted first of all that stand here.
    pub(crate) fn oldest(&self) -> Option<TaskId> {
        self.ids.first().copied()
    }

    /// Whether nobody wants to call.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0 && self.wanting.is_empty()
    }

    /// Whose tasks stand here. A tenant may be told more than once.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = TenantId> {
        self.rows.iter().flat_map(LaneQueue::tenants)
    }

    /// The next of a row, which stays where it stands.
    pub(crate) fn first(&mut self, row: Row) -> Option<Slot> {
        self.rows[row as usize].first()
    }

    /// Takes the next of a row.
    pub(crate) fn pop(&mut self, row: Row) -> Option<Slot> {
        let (slot, _) = self.rows[row as usize].pop()?;
        self.counts[row as usize] -= 1;
        self.ids.remove(&slot.id());
        Some(slot)
    }

    /// Notes a task whose result somebody waits for.
    pub(crate) fn note_waited_for(&mut self, slot: Slot) {
        self.waited_for.push_back(slot);
    }

    /// One of those whose results somebody waits for.
    pub(crate) fn pop_waited_for(&mut self) -> Option<Slot> {
        self.waited_for.pop_front()
    }

    /// How many of those are noted; some have left the line since.
    #[cfg(test)]
    pub(crate) fn noted(&self) -> usize {
        self.waited_for.len()
    }

    /// A running bulk body wants calls.
    pub(crate) fn want(&mut self, chain: ChainNumber, calls: u16) {
        self.wanting.push_back((chain, calls));
    }

    /// The bulk body whose turn it is to call.
    pub(crate) fn pop_wanting(&mut self) -> Option<(ChainNumber, u16)> {
        self.wanting.pop_front()
    }

    /// Whether a running bulk body wants to call.
    pub(crate) fn has_wanting(&self) -> bool {
        !self.wanting.is_empty()
    }

    /// A bulk body wants no calls any more.
    pub(crate) fn want_no_more(&mut self, chain: ChainNumber) {
        self.wanting.retain(|&(other, _)| other != chain);
    }
}

/// The lines of all upstreams.
#[derive(Debug)]
pub(crate) struct Lines {
    of: Vec<Line>,
    /// Those of which one might go now.
    listed: VecDeque<UpstreamId>,
    /// Those of which one may, as soon as a worker is free.
    without_worker: Vec<UpstreamId>,
}

impl Lines {
    pub(crate) fn new(upstreams: usize) -> Self {
        let of = (0..upstreams).map(|_| Line::default()).collect();
        Self { of, listed: VecDeque::new(), without_worker: Vec::new() }
    }

    pub(crate) fn get(&self, upstream: UpstreamId) -> &Line {
        &self.of[usize::from(upstream.0)]
    }

    pub(crate) fn get_mut(&mut self, upstream: UpstreamId) -> &mut Line {
        &mut self.of[usize::from(upstream.0)]
    }

    /// Puts a task at the end of its row.
    pub(crate) fn push(
        &mut self,
        (upstream, row): (UpstreamId, Row),
        (tenant, slot, bytes): (TenantId, Slot, u64),
        standing: Standing,
    ) -> Spot {
        let line = self.get_mut(upstream);
        line.counts[row as usize] += 1;
        line.ids.insert(slot.id());
        let place = line.rows[row as usize].push(tenant, slot, bytes, standing);
        Spot { upstream, row, standing, place }
    }

    /// Takes a task out of its place.
    pub(crate) fn remove(&mut self, spot: Spot, tenant: TenantId, slot: Slot) {
        let line = self.get_mut(spot.upstream);
        line.counts[spot.row as usize] -= 1;
        line.ids.remove(&slot.id());
        line.rows[spot.row as usize].remove(tenant, slot, spot.standing, spot.place);
    }

    /// One of this line might go now.
    pub(crate) fn list(&mut self, upstream: UpstreamId) {
        let line = self.get_mut(upstream);
        if !line.is_listed && !line.is_empty() {
            line.is_listed = true;
            self.listed.push_back(upstream);
        }
    }

    /// The next of this line waits for a worker only.
    pub(crate) fn await_worker(&mut self, upstream: UpstreamId) {
        let line = self.get_mut(upstream);
        if !std::mem::replace(&mut line.awaits_worker, true) {
            self.without_worker.push(upstream);
        }
    }

    /// A worker is free.
    pub(crate) fn worker_is_free(&mut self) {
        for upstream in std::mem::take(&mut self.without_worker) {
            self.get_mut(upstream).awaits_worker = false;
            self.list(upstream);
        }
    }

    /// How many lines are to be looked at.
    pub(crate) fn listed(&self) -> usize {
        self.listed.len()
    }

    /// The next line to be looked at, which is listed no more.
    pub(crate) fn pop_listed(&mut self) -> Option<UpstreamId> {
        let upstream = self.listed.pop_front()?;
        self.get_mut(upstream).is_listed = false;
        Some(upstream)
    }
}
