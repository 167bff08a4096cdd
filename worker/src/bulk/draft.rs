//! A chunk in the making: the items run so far, and what they want written between them.

use super::gathered::{Gathered, Writer};
use super::left::Place;
use super::trace::{Fate, Trace};
use crate::effects::EFFECTS_MAX_BYTES;
use overtime_protocol::Monotonic;

/// The items of one chunk, in order.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) traces: Vec<Trace>,
    pub(super) gathered: Gathered,
    /// How many of them are left over.
    pub(super) left: u64,
    /// Roughly the bytes that the chunk costs.
    pub(super) weight: usize,
    /// When it was begun.
    pub(super) began: Monotonic,
}

impl Draft {
    pub(super) fn new(writer: Writer, began: Monotonic) -> Self {
        Self { traces: Vec::new(), gathered: Gathered::new(writer), left: 0, weight: 0, began }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.traces.is_empty()
    }

    /// Whether one more item keeps it within what may be written at once. An item alone always
    /// does: its own effects are bounded.
    pub(super) fn has_room(&self, trace: &Trace) -> bool {
        self.is_empty() || self.gathered.bytes() + trace.bytes() <= EFFECTS_MAX_BYTES
    }

    pub(super) fn push(&mut self, trace: Trace) {
        self.gathered.add(&trace);
        self.left += u64::from(matches!(trace.fate, Fate::Left(_)));
        self.weight += trace.weight();
        self.traces.push(trace);
    }

    /// Where the run stands behind the last item.
    pub(super) fn end(&self) -> Option<Place> {
        self.traces.last().map(|trace| trace.after)
    }
}
