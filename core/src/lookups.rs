//! The two ways to the journal's readers. It never waits for room.

use crossbeam_channel::{Sender, TrySendError};
use overtime_protocol::Lookup;

/// Where lookups go. Those that may take long have a reader of their own, so that they do not
/// stand in front of the others.
#[derive(Clone, Debug)]
pub struct Lookups {
    /// For those that do not take long.
    pub short: Sender<Lookup>,
    /// For the others.
    pub long: Sender<Lookup>,
}

impl Lookups {
    /// Sends a lookup, if there is room for it.
    pub(crate) fn send(&self, lookup: Lookup) -> Result<(), TrySendError<Lookup>> {
        let way = if lookup.is_long() { &self.long } else { &self.short };
        way.try_send(lookup)
    }
}
