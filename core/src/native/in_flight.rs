//! The requests of one connection that wait for their answers. There are at most 1,024, in three
//! rows side by side: to look one up is to run over a few cache lines, and while nothing is in
//! flight there is no memory.

use overtime_protocol::native::Tag;

/// The requests, in no order.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// What this process calls each, which no request of another connection is called.
    numbers: Vec<u32>,
    /// What the client calls each.
    ids: Vec<u32>,
    /// The tag of the document that the client has.
    known_tags: Vec<Option<Tag>>,
}

impl InFlight {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(super) fn has_id(&self, id: u32) -> bool {
        self.ids.contains(&id)
    }

    pub(super) fn add(&mut self, number: u32, id: u32, known_tag: Option<Tag>) {
        self.numbers.push(number);
        self.ids.push(id);
        self.known_tags.push(known_tag);
    }

    /// Ends the request with this number; returns its id and tag, if it was in flight.
    pub(super) fn take(&mut self, number: u32) -> Option<(u32, Option<Tag>)> {
        let at = self.numbers.iter().position(|&other| other == number)?;
        self.numbers.swap_remove(at);
        let found = (self.ids.swap_remove(at), self.known_tags.swap_remove(at));
        if self.is_empty() {
            *self = Self::default();
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_end_in_any_order_and_once() {
        let (mut in_flight, tag) = (InFlight::default(), *b"\"0000000000000000\"");
        in_flight.add(70, 7, None);
        in_flight.add(80, 8, Some(tag));
        in_flight.add(90, 9, None);
        assert!(in_flight.has_id(7) && !in_flight.has_id(70));
        assert_eq!(in_flight.take(70), Some((7, None)));
        assert_eq!((in_flight.take(70), in_flight.has_id(7)), (None, false));
        in_flight.add(100, 7, None);
        assert_eq!(in_flight.take(80), Some((8, Some(tag))));
        assert_eq!((in_flight.take(100), in_flight.take(90)), (Some((7, None)), Some((9, None))));
        assert!(in_flight.is_empty());
        assert_eq!(in_flight.numbers.capacity() + in_flight.ids.capacity(), 0);
    }
}
