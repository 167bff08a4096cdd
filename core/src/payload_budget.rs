//! The memory for payloads, shared out before it is taken. A body of known length gets all of it
//! before its first byte is read; one of unknown length gets it in steps. Whoever does not fit yet
//! waits unread, in order of arrival. It decides and never reads: no socket, no clock.
//!
//! Two things hold at all times, whatever bodies come and however they end:
//!
//! - What the engine holds and what is reserved here is never more than the whole, so what was
//!   reserved can always be handed to the engine.
//! - The oldest body of unknown length can always get as much as a body may have, once the engine
//!   has let go of what it holds: all others together leave that much. So no set of bodies can
//!   wait for one another for ever.
//!
//! Small bodies of known length have a pocket of their own that large ones leave alone, so single
//! calls come in however many uploads wait.
//!
//! Where several tenants share the memory, each has a quarter of it for what it has under way, of the
//! pocket and of the places to wait too. Whoever has nothing under way may have one body of any
//! length.

pub(crate) use held::over_part;

use held::HeldBy;
use overtime_protocol::TenantId;
use std::collections::BTreeMap;

mod held;

/// Bodies up to this length do not queue behind large ones: one slice of one connection.
const SMALL_BYTES: u64 = crate::limits::READ_SLICE_BYTES as u64;

/// The most memory that is kept for them.
const POCKET_MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Memory for bodies, and who has or wants how much of it.
#[derive(Debug)]
pub(crate) struct PayloadBudget {
    max_bytes: u64,
    /// The longest body.
    body_max_bytes: u64,
    /// Bodies that may wait.
    waiting_max: usize,
    /// What the engine held when it was last asked.
    engine_bytes: u64,
    reserved_bytes: u64,
    /// What is kept for small bodies, and how much of it those have that are under way.
    pocket_bytes: u64,
    pocketed_bytes: u64,
    /// What bodies of unknown length hold that have begun, by arrival.
    growing: BTreeMap<Arrival, u64>,
    waiting: BTreeMap<Arrival, Waiting>,
    next_arrival: u64,
    held: HeldBy,
}

/// The order in which bodies came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Arrival(u64);

/// A body that waits.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    connection: usize,
    tenant: TenantId,
    wants: Wants,
}

/// What a body wants of the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// All that it will ever need.
    All(u64),
    /// The next part; nobody knows whether it is the last.
    Step(u64),
}

impl Wants {
    fn bytes(self) -> u64 {
        match self {
            Self::All(bytes) | Self::Step(bytes) => bytes,
        }
    }
}

/// What one body holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    arrival: Arrival,
    tenant: TenantId,
    pub(crate) bytes: u64,
    /// They came from the pocket.
    pocketed: bool,
}

/// What became of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// It is the body's.
    Granted,
    /// [`PayloadBudget::next`] will name the connection in time.
    Waits,
    /// Too many wait.
    Refused,
    /// Its tenant has all that it may have.
    OverPart,
}

/// A connection whose body waits no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) connection: usize,
    /// To be added to its share.
    pub(crate) bytes: u64,
}

impl PayloadBudget {
    /// Room for `max_bytes` in all and `body_max_bytes`, which is no more, for one.
    pub(crate) fn new(max_bytes: u64, body_max_bytes: u64, waiting_max: usize) -> Self {
        debug_assert!(body_max_bytes <= max_bytes, "a body could never come in");
        Self {
            max_bytes,
            body_max_bytes,
            waiting_max,
            engine_bytes: 0,
            reserved_bytes: 0,
            pocket_bytes: ((max_bytes - body_max_bytes) / 4).min(POCKET_MAX_BYTES),
            pocketed_bytes: 0,
            growing: BTreeMap::new(),
            waiting: BTreeMap::new(),
            // The first is left to those who have no body.
            next_arrival: 1,
            held: HeldBy::default(),
        }
    }

    /// Says whether several tenants share the memory.
    pub(crate) fn set_shared(&mut self, are_several: bool) {
        self.held.are_several = are_several;
    }

    /// Says what the engine holds now.
    pub(crate) fn set_engine_bytes(&mut self, bytes: u64) {
        self.engine_bytes = bytes;
    }

    /// What bodies under way have reserved.
    pub(crate) fn reserved_bytes(&self) -> u64 {
        self.reserved_bytes
    }

    /// How many bodies wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// A body is about to begin.
    pub(crate) fn begin(
        &mut self,
        connection: usize,
        tenant: TenantId,
        wants: Wants,
    ) -> (Ruling, Share) {
        if self.held.would_pass((tenant, 0), wants.bytes(), self.max_bytes) {
            return (Ruling::OverPart, Share::default());
        }
        let arrival = Arrival(self.next_arrival);
        self.next_arrival += 1;
        let pocketed = self.fits_the_pocket(tenant, wants);
        let mut share = Share { arrival, tenant, bytes: 0, pocketed };
        let ruling = if share.pocketed {
            share.bytes = self.grant(arrival, wants);
            self.pocketed_bytes += share.bytes;
            self.held.change(tenant, |held| held.pocketed_bytes += wants.bytes());
            Ruling::Granted
        } else if self.waiting.is_empty() && self.fits(arrival, wants) {
            share.bytes = self.grant(arrival, wants);
            Ruling::Granted
        } else {
            self.wait(arrival, Waiting { connection, tenant, wants })
        };
        if matches!(ruling, Ruling::Granted | Ruling::Waits) {
            self.held.change(tenant, |held| held.bytes += wants.bytes());
        }
        (ruling, share)
    }

    /// A body that has nothing yet takes a place among those that wait.
    fn wait(&mut self, arrival: Arrival, waiting: Waiting) -> Ruling {
        if self.waiting.len() >= self.waiting_max {
            return Ruling::Refused;
        }
        let places = self.held.of(waiting.tenant).waiting + 1;
        if self.held.is_over(places as u64, self.waiting_max as u64) {
            return Ruling::OverPart;
        }
        self.held.change(waiting.tenant, |held| held.waiting += 1);
        self.waiting.insert(arrival, waiting);
        Ruling::Waits
    }

    /// A body of unknown length has used up nearly all it has. It is already under way, so it may
    /// always wait.
    pub(crate) fn grow(&mut self, connection: usize, share: &mut Share, bytes: u64) -> Ruling {
        let wants = Wants::Step(bytes.min(self.body_max_bytes - share.bytes));
        if self.held.would_pass((share.tenant, share.bytes), wants.bytes(), self.max_bytes) {
            return Ruling::OverPart;
        }
        self.held.change(share.tenant, |held| held.bytes += wants.bytes());
        let older_waits = self.waiting.first_key_value().is_some_and(|(&at, _)| at < share.arrival);
        if !older_waits && self.fits(share.arrival, wants) {
            share.bytes += self.grant(share.arrival, wants);
            return Ruling::Granted;
        }
        let tenant = share.tenant;
        self.held.change(tenant, |held| held.waiting += 1);
        self.waiting.insert(share.arrival, Waiting { connection, tenant, wants });
        Ruling::Waits
    }

    /// A body is whole, and this long: so much stays reserved until it is handed over.
    pub(crate) fn settle(&mut self, share: Share, bytes: u64) {
        self.growing.remove(&share.arrival);
        self.leave(&share);
        self.reserved_bytes -= share.bytes - bytes;
    }

    /// A whole body of so many bytes is the engine's, or gone.
    pub(crate) fn hand_over(&mut self, bytes: u64) {
        self.reserved_bytes -= bytes;
    }

    /// A body will never be whole.
    pub(crate) fn release(&mut self, share: &Share) {
        self.growing.remove(&share.arrival);
        if let Some(waiting) = self.waiting.remove(&share.arrival) {
            self.held.change(share.tenant, |held| {
                held.waiting -= 1;
                held.bytes -= waiting.wants.bytes();
            });
        }
        self.leave(share);
        self.reserved_bytes -= share.bytes;
    }

    /// What a body had is no more its tenant's.
    fn leave(&mut self, share: &Share) {
        let pocketed = if share.pocketed { share.bytes } else { 0 };
        self.pocketed_bytes -= pocketed;
        self.held.change(share.tenant, |held| {
            held.bytes -= share.bytes;
            held.pocketed_bytes -= pocketed;
        });
    }

    /// Whether [`PayloadBudget::next`] has somebody to name.
    pub(crate) fn has_next(&self) -> bool {
        let first = self.waiting.first_key_value();
        first.is_some_and(|(&arrival, waiting)| self.fits(arrival, waiting.wants))
    }

    /// The first of those that wait, if there is room for it now.
    pub(crate) fn next(&mut self) -> Option<Grant> {
        let (&arrival, &waiting) = self.waiting.first_key_value()?;
        let Waiting { connection, tenant, wants } = waiting;
        self.fits(arrival, wants).then(|| {
            self.waiting.remove(&arrival);
            self.held.change(tenant, |held| held.waiting -= 1);
            Grant { connection, bytes: self.grant(arrival, wants) }
        })
    }

    fn fits_the_pocket(&self, tenant: TenantId, wants: Wants) -> bool {
        let Wants::All(bytes) = wants else { return false };
        let own = self.held.of(tenant).pocketed_bytes + bytes;
        let has_place = self.pocketed_bytes + bytes <= self.pocket_bytes
            && (own == bytes || !self.held.is_over(own, self.pocket_bytes));
        bytes <= SMALL_BYTES && has_place && self.taken().saturating_add(bytes) <= self.max_bytes
    }

    fn taken(&self) -> u64 {
        self.engine_bytes.saturating_add(self.reserved_bytes)
    }

    fn fits(&self, arrival: Arrival, wants: Wants) -> bool {
        let set_aside = match (self.growing.first_key_value(), wants) {
            (Some((&oldest, _)), _) if oldest == arrival => wants.bytes(),
            (Some((_, held)), _) => wants.bytes() + (self.body_max_bytes - held),
            (None, Wants::Step(_)) => self.body_max_bytes,
            (None, Wants::All(bytes)) => bytes,
        };
        let kept = self.pocket_bytes - self.pocketed_bytes;
        self.taken().saturating_add(set_aside).saturating_add(kept) <= self.max_bytes
    }

    fn grant(&mut self, arrival: Arrival, wants: Wants) -> u64 {
        self.reserved_bytes += wants.bytes();
        if let Wants::Step(bytes) = wants {
            *self.growing.entry(arrival).or_default() += bytes;
        }
        wants.bytes()
    }
}

#[cfg(test)]
mod tests;
