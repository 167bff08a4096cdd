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

use std::collections::BTreeMap;

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
}

/// The order in which bodies came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Arrival(u64);

/// A body that waits.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    connection: usize,
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
        }
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
    pub(crate) fn begin(&mut self, connection: usize, wants: Wants) -> (Ruling, Share) {
        let arrival = Arrival(self.next_arrival);
        self.next_arrival += 1;
        let mut share = Share { arrival, bytes: 0, pocketed: self.fits_the_pocket(wants) };
        let ruling = if share.pocketed {
            share.bytes = self.grant(arrival, wants);
            self.pocketed_bytes += share.bytes;
            Ruling::Granted
        } else if self.waiting.is_empty() && self.fits(arrival, wants) {
            share.bytes = self.grant(arrival, wants);
            Ruling::Granted
        } else if self.waiting.len() < self.waiting_max {
            self.waiting.insert(arrival, Waiting { connection, wants });
            Ruling::Waits
        } else {
            Ruling::Refused
        };
        (ruling, share)
    }

    /// A body of unknown length has used up nearly all it has. It is already under way, so it may
    /// always wait.
    pub(crate) fn grow(&mut self, connection: usize, share: &mut Share, bytes: u64) -> Ruling {
        let wants = Wants::Step(bytes.min(self.body_max_bytes - share.bytes));
        let older_waits = self.waiting.first_key_value().is_some_and(|(&at, _)| at < share.arrival);
        if !older_waits && self.fits(share.arrival, wants) {
            share.bytes += self.grant(share.arrival, wants);
            return Ruling::Granted;
        }
        self.waiting.insert(share.arrival, Waiting { connection, wants });
        Ruling::Waits
    }

    /// A body is whole, and this long: so much stays reserved until it is handed over.
    pub(crate) fn settle(&mut self, share: Share, bytes: u64) {
        self.growing.remove(&share.arrival);
        self.empty_pocket(&share);
        self.reserved_bytes -= share.bytes - bytes;
    }

    /// A whole body of so many bytes is the engine's, or gone.
    pub(crate) fn hand_over(&mut self, bytes: u64) {
        self.reserved_bytes -= bytes;
    }

    /// A body will never be whole.
    pub(crate) fn release(&mut self, share: &Share) {
        self.growing.remove(&share.arrival);
        self.waiting.remove(&share.arrival);
        self.empty_pocket(share);
        self.reserved_bytes -= share.bytes;
    }

    fn empty_pocket(&mut self, share: &Share) {
        if share.pocketed {
            self.pocketed_bytes -= share.bytes;
        }
    }

    /// Whether [`PayloadBudget::next`] has somebody to name.
    pub(crate) fn has_next(&self) -> bool {
        let first = self.waiting.first_key_value();
        first.is_some_and(|(&arrival, waiting)| self.fits(arrival, waiting.wants))
    }

    /// The first of those that wait, if there is room for it now.
    pub(crate) fn next(&mut self) -> Option<Grant> {
        let (&arrival, &Waiting { connection, wants }) = self.waiting.first_key_value()?;
        self.fits(arrival, wants).then(|| {
            self.waiting.remove(&arrival);
            Grant { connection, bytes: self.grant(arrival, wants) }
        })
    }

    fn fits_the_pocket(&self, wants: Wants) -> bool {
        let Wants::All(bytes) = wants else { return false };
        let has_place = self.pocketed_bytes + bytes <= self.pocket_bytes;
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
