//! Hot keys: attempts that conflicted over one key wait here in order and are handed out as a
//! chain, each seeing the effects of those before it, so a key moves at full speed however many
//! callers want it.

use crate::limits::CHAIN_MAX;
use crate::table::Slot;
use overtime_protocol::ChainNumber;
use std::collections::{HashMap, VecDeque};

/// All keys over which attempts conflicted and are not yet through.
#[derive(Debug, Default)]
pub(crate) struct HotKeys {
    keys: HashMap<u64, HotKey>,
    /// Chains of several jobs that are out.
    chains: HashMap<ChainNumber, Vec<Slot>>,
}

#[derive(Debug, Default)]
struct HotKey {
    waiting: VecDeque<Slot>,
    /// The leader in its lane, or the chain's jobs whose fate is not known.
    active: usize,
}

impl HotKeys {
    /// Adds a task to the key's line. If no chain is active it becomes the leader: the caller
    /// queues it in its lane.
    #[must_use]
    pub(crate) fn join(&mut self, key: u64, slot: Slot) -> Line {
        let hot = self.keys.entry(key).or_default();
        if hot.active == 0 {
            hot.active = 1;
            return Line::Leads;
        }
        hot.waiting.push_back(slot);
        Line::Waits
    }

    /// Those that follow the leader, who is about to start: as many from the line's front as may
    /// share its worker.
    pub(crate) fn followers(&mut self, key: u64, may_follow: impl Fn(Slot) -> bool) -> Vec<Slot> {
        let Some(hot) = self.keys.get_mut(&key) else { return Vec::new() };
        let fit = hot.waiting.iter().take(CHAIN_MAX - 1).take_while(|&&slot| may_follow(slot));
        let count = fit.count();
        hot.active += count;
        hot.waiting.drain(..count).collect()
    }

    /// The leader and its followers are handed out.
    pub(crate) fn start_chain(&mut self, chain: ChainNumber, slots: &[Slot]) {
        if slots.len() > 1 {
            self.chains.insert(chain, slots.to_vec());
        }
    }

    /// The chain is through, or is being recalled. Returns its jobs if it had several.
    pub(crate) fn end_chain(&mut self, chain: ChainNumber) -> Vec<Slot> {
        // Asked for each chain that ends, and nearly always in vain.
        if self.chains.is_empty() {
            return Vec::new();
        }
        self.chains.remove(&chain).unwrap_or_default()
    }

    /// A job that was taken back stands at the front of the line again. It is still one of its
    /// chain until it leaves that.
    pub(crate) fn put_back(&mut self, key: u64, slot: Slot) {
        self.keys.entry(key).or_default().waiting.push_front(slot);
    }

    /// One of the chain is through, or conflicted again and has joined the line's end. Returns
    /// the next leader once the chain is over.
    #[must_use]
    pub(crate) fn leave(&mut self, key: u64) -> Option<Slot> {
        let hot = self.keys.get_mut(&key)?;
        hot.active = hot.active.saturating_sub(1);
        if hot.active > 0 {
            return None;
        }
        let next = hot.waiting.pop_front();
        match next {
            Some(_) => hot.active = 1,
            None => drop(self.keys.remove(&key)),
        }
        next
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.chains.is_empty()
    }
}

/// Where a task stands in a key's line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// It starts the next chain.
    Leads,
    /// It waits for one.
    Waits,
}
