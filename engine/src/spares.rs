//! Spares: workers beside those of the foreground, which stand in for the ones that an attempt holds
//! for long. It knows which chains are out since when, which of them wait for somebody to stand in,
//! and when a spare has had nothing to do for so long that it may go. It starts no thread, and how
//! many workers a lane may keep busy is for the credits to say.

use crate::limits::{LONG_AFTER, SPARE_IDLE_MAX};
use overtime_protocol::{ChainNumber, Lane, Monotonic, TenantId};
use std::collections::{HashMap, VecDeque};

/// What stands in for whom.
#[derive(Debug)]
pub(crate) struct Spares {
    /// The most that there may be.
    max: usize,
    /// Those that were asked for and have not come.
    hiring: usize,
    young: YoungChains,
    /// Chains that are out for long, and whether a spare stands in for their worker.
    long: HashMap<ChainNumber, Long>,
    /// Those of them for whose worker nobody stands in, in order.
    waiting: VecDeque<ChainNumber>,
    /// No spare is asked for before this: the system has refused one.
    refused_until: Option<Monotonic>,
    /// The fewest spares that had nothing to do since the last look, and when the next is.
    least_idle: usize,
    next_look: Option<Monotonic>,
}

#[derive(Clone, Copy, Debug)]
struct Long {
    lane: Lane,
    /// Whose chain it is.
    tenant: TenantId,
    has_spare: bool,
}

/// What a chain that is through leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// What is free again.
    pub(crate) charge: Charge,
    /// Whose it was, if it had been out for long.
    pub(crate) long_of: Option<TenantId>,
}

/// What the worker of a chain was charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    /// A place of its lane.
    Lane,
    /// A spare.
    Spare,
}

impl Spares {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            hiring: 0,
            young: YoungChains::default(),
            long: HashMap::new(),
            waiting: VecDeque::new(),
            refused_until: None,
            least_idle: 0,
            next_look: None,
        }
    }

    /// A chain is handed out.
    pub(crate) fn start(
        &mut self,
        chain: ChainNumber,
        lane: Lane,
        tenant: TenantId,
        since: Monotonic,
    ) {
        if matches!(lane, Lane::Control | Lane::Interactive) {
            self.young.push(chain, Young { lane, tenant, since });
        }
    }

    /// A chain is through.
    pub(crate) fn end(&mut self, chain: ChainNumber) -> Left {
        let was_young = self.young.take(chain).is_some();
        // Asked for each chain that ends, and nearly always in vain.
        if was_young || self.long.is_empty() {
            return Left { charge: Charge::Lane, long_of: None };
        }
        let long = self.long.remove(&chain);
        if long.is_some_and(|long| !long.has_spare) {
            self.waiting.retain(|&waiting| waiting != chain);
        }
        let has_spare = long.is_some_and(|long| long.has_spare);
        let charge = if has_spare { Charge::Spare } else { Charge::Lane };
        Left { charge, long_of: long.map(|long| long.tenant) }
    }

    /// The next chain that has been out for long waits for a spare from now on. Returns whose it is.
    pub(crate) fn pop_long(&mut self, now: Monotonic) -> Option<TenantId> {
        let (chain, young) = self.young.pop(now)?;
        Some(self.wait(chain, young))
    }

    /// The chain counts as one that is out for long from now on. Returns whose it is, if that is news.
    pub(crate) fn is_long_now(&mut self, chain: ChainNumber) -> Option<TenantId> {
        let young = self.young.take(chain)?;
        Some(self.wait(chain, young))
    }

    fn wait(&mut self, chain: ChainNumber, Young { lane, tenant, .. }: Young) -> TenantId {
        self.long.insert(chain, Long { lane, tenant, has_spare: false });
        self.waiting.push_back(chain);
        tenant
    }

    /// Somebody stands in for the worker of the chain that has waited longest: the lane whose place
    /// is free by that. `idle` spares have nothing to do then.
    pub(crate) fn stand_in(&mut self, idle: usize) -> Option<Lane> {
        let chain = self.waiting.pop_front()?;
        let long = self.long.get_mut(&chain)?;
        long.has_spare = true;
        self.least_idle = self.least_idle.min(idle);
        Some(long.lane)
    }

    /// How many more spares are to be asked for if there are `hired`. They count as asked for.
    pub(crate) fn ask(&mut self, hired: usize, now: Monotonic) -> usize {
        if self.refused_until.is_some_and(|until| now < until) {
            return 0;
        }
        self.refused_until = None;
        let wanted = self.waiting.len().saturating_sub(self.hiring);
        let more = wanted.min(self.max.saturating_sub(hired + self.hiring));
        self.hiring += more;
        more
    }

    /// One that was asked for has come.
    pub(crate) fn hired(&mut self, now: Monotonic) {
        self.hiring = self.hiring.saturating_sub(1);
        self.next_look.get_or_insert(now + SPARE_IDLE_MAX);
    }

    /// The system has none to give before `until`.
    pub(crate) fn refused(&mut self, until: Monotonic) {
        self.hiring = self.hiring.saturating_sub(1);
        self.refused_until = Some(until);
    }

    /// How many of the `hired` have had nothing to do for long, of whom `idle` have nothing to do
    /// now.
    pub(crate) fn look(&mut self, hired: usize, idle: usize, now: Monotonic) -> usize {
        if self.next_look.is_none_or(|at| now < at) {
            return 0;
        }
        let over = self.least_idle.min(idle);
        self.least_idle = idle - over;
        self.next_look = (hired > over).then(|| now + SPARE_IDLE_MAX);
        over
    }

    /// No more are asked for.
    pub(crate) fn give_up_asking(&mut self) {
        self.refused_until = None;
    }

    /// Whether somebody stands in for the worker that has this chain.
    pub(crate) fn has_spare(&self, chain: ChainNumber) -> bool {
        self.long.get(&chain).is_some_and(|long| long.has_spare)
    }

    /// How many chains are out for long without anybody who stands in for their workers.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        let refused = self.refused_until.filter(|_| !self.waiting.is_empty());
        [self.young.next_at(), self.next_look, refused].into_iter().flatten().min()
    }
}

/// A chain that has not been out for long.
#[derive(Clone, Copy, Debug)]
struct Young {
    lane: Lane,
    tenant: TenantId,
    since: Monotonic,
}

/// All of them, in the order of their numbers and so of their starts.
#[derive(Debug, Default)]
struct YoungChains {
    /// The number of the first.
    first: u64,
    /// Neither the first nor the last is empty: those between that are through are, and those of
    /// other lanes.
    chains: VecDeque<Option<Young>>,
}

impl YoungChains {
    fn push(&mut self, chain: ChainNumber, young: Young) {
        if self.chains.is_empty() {
            self.first = chain.0;
        }
        let place = usize::try_from(chain.0 - self.first).unwrap_or(usize::MAX);
        self.chains.resize(place, None);
        self.chains.push_back(Some(young));
    }

    fn take(&mut self, chain: ChainNumber) -> Option<Young> {
        let place = usize::try_from(chain.0.checked_sub(self.first)?).ok()?;
        let young = self.chains.get_mut(place)?.take()?;
        self.trim();
        Some(young)
    }

    fn pop(&mut self, now: Monotonic) -> Option<(ChainNumber, Young)> {
        if self.next_at()? > now {
            return None;
        }
        let chain = ChainNumber(self.first);
        self.take(chain).map(|young| (chain, young))
    }

    fn next_at(&self) -> Option<Monotonic> {
        self.chains.front().copied().flatten().map(|young| young.since + LONG_AFTER)
    }

    fn trim(&mut self) {
        while self.chains.back().is_some_and(Option::is_none) {
            self.chains.pop_back();
        }
        while self.chains.front().is_some_and(Option::is_none) {
            self.chains.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests;
