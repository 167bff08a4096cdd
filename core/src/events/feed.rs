//! A feed: what was lately published of one task, encoded once for all who follow it. A follower
//! is only a place in it. It keeps a bounded piece of the end: whoever is further behind than that
//! is lost here, and finds the rest in the journal.

use super::frame::{Coding, Frame, Taken};
use crate::limits::{FEED_MAX_BYTES, FOLLOWER_SLICE_BYTES, WRITE_PIECES_MAX};
use overtime_protocol::ReplyTo;
use std::collections::{BTreeSet, VecDeque};

/// What was lately published of one task.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    frames: VecDeque<Frame>,
    bytes: usize,
    /// How many frames were let go of: the place of the first that is here.
    let_go: u64,
    /// The sequence number of the last of them.
    let_go_until: u64,
    /// The followers that have all of it and wait for more.
    pub(crate) idle: BTreeSet<ReplyTo>,
    /// The followers that take nothing now, with their places.
    pub(crate) stuck: BTreeSet<(u64, ReplyTo)>,
    /// How many follow the task in all.
    pub(crate) followers: usize,
}

impl Feed {
    /// Takes an event in.
    pub(crate) fn publish(&mut self, frame: Frame) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
        while self.bytes > FEED_MAX_BYTES && self.frames.len() > 1 {
            let Some(frame) = self.frames.pop_front() else { return };
            self.bytes -= frame.len();
            self.let_go += 1;
            self.let_go_until = frame.sequence;
        }
    }

    /// Takes out one of the stuck whose place was let go of.
    pub(crate) fn next_lost(&mut self) -> Option<ReplyTo> {
        let &(place, _) = self.stuck.first()?;
        if self.is_lost(place) { self.stuck.pop_first().map(|(_, to)| to) } else { None }
    }

    /// Whether what is at that place is not here any more.
    pub(crate) fn is_lost(&self, place: u64) -> bool {
        place < self.let_go
    }

    /// The place behind that event; `None` if what follows it is not all here any more.
    pub(crate) fn behind(&self, sequence: u64) -> Option<u64> {
        if self.let_go_until > sequence {
            return None;
        }
        let seen = self.frames.partition_point(|frame| frame.sequence <= sequence);
        Some(self.let_go + seen as u64)
    }

    /// Whether there is something at that place.
    pub(crate) fn has_more(&self, place: u64) -> bool {
        place < self.let_go + self.frames.len() as u64
    }

    /// What one write takes from that place on, of what is behind the event `seen`: at least one
    /// frame if there is one. `None` if the place is let go of.
    ///
    /// The journal may tell an event before it is published here, so a follower that was at the
    /// end may have it already.
    pub(crate) fn take(&self, place: &mut u64, seen: u64, coding: Coding) -> Option<Taken> {
        let start = usize::try_from(place.checked_sub(self.let_go)?).ok()?;
        let (mut taken, mut bytes) = (Taken::default(), 0);
        for frame in self.frames.range(start.min(self.frames.len())..) {
            if frame.sequence > seen {
                bytes += frame.len();
                let is_first = taken.pieces.is_empty();
                let has_room = taken.pieces.len() < WRITE_PIECES_MAX;
                if !is_first && (bytes > FOLLOWER_SLICE_BYTES || !has_room) {
                    break;
                }
                taken.pieces.push(frame.bytes(coding));
                taken.is_final |= frame.is_final;
            }
            *place += 1;
        }
        taken.events = taken.pieces.len() as u64;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use overtime_protocol::{News, Progress, TaskEvent, TaskId, TaskState, UnixMillis};

    fn frame(sequence: u64, news: News) -> Frame {
        let task = TaskId::from_key(1).unwrap();
        Frame::of(task, &TaskEvent { sequence, at: UnixMillis(0), attempt: 1, news })
    }

    fn progress(sequence: u64) -> Frame {
        frame(sequence, News::Progress(Progress { done: sequence, total: None }))
    }

    /// The sequence numbers of all that is there from a place on.
    fn read(feed: &Feed, mut place: u64) -> Option<Vec<u64>> {
        let mut seen = Vec::new();
        while feed.has_more(place) {
            for piece in feed.take(&mut place, 0, Coding::Plain)?.pieces {
                let text = String::from_utf8(piece.to_vec()).unwrap();
                let id = text.strip_prefix("id: ").unwrap().lines().next().unwrap();
                seen.push(id.parse().unwrap());
            }
        }
        Some(seen)
    }

    #[test]
    fn whoever_has_seen_an_event_goes_on_exactly_behind_it() {
        let mut feed = Feed::default();
        assert_eq!(feed.behind(7), Some(0));
        for sequence in [10, 12, 19] {
            feed.publish(progress(sequence));
        }
        for (seen, rest) in
            [(0, &[10, 12, 19][..]), (10, &[12, 19]), (11, &[12, 19]), (19, &[]), (25, &[])]
        {
            let place = feed.behind(seen).unwrap();
            assert_eq!(read(&feed, place).as_deref(), Some(rest), "behind {seen}");
            assert_eq!(feed.has_more(place), !rest.is_empty());
        }
    }

    #[test]
    fn a_place_waits_for_what_comes() {
        let mut feed = Feed::default();
        feed.publish(progress(1));
        let mut place = 0;
        assert_eq!(feed.take(&mut place, 0, Coding::Chunked).unwrap().events, 1);
        assert!(!feed.has_more(place));
        assert!(feed.take(&mut place, 0, Coding::Chunked).unwrap().pieces.is_empty());
        feed.publish(progress(2));
        assert_eq!(read(&feed, place), Some(vec![2]));
    }

    #[test]
    fn what_the_journal_told_before_it_was_published_is_not_taken_again() {
        let mut feed = Feed::default();
        let mut place = feed.behind(2).unwrap();
        (1..=3).for_each(|sequence| feed.publish(progress(sequence)));
        let taken = feed.take(&mut place, 2, Coding::Plain).unwrap();
        assert_eq!((taken.pieces.len(), place), (1, 3));
        assert!(taken.pieces[0].starts_with(b"id: 3"));
    }

    #[test]
    fn it_keeps_a_bounded_piece_and_says_who_is_too_far_behind() {
        let mut feed = Feed::default();
        (1..=10_000).for_each(|sequence| feed.publish(progress(sequence)));
        assert!(feed.bytes <= FEED_MAX_BYTES && feed.bytes > FEED_MAX_BYTES - 1024);
        assert!(feed.is_lost(0) && feed.take(&mut 0, 0, Coding::Plain).is_none());
        assert!(!feed.is_lost(feed.let_go));
        assert_eq!(feed.behind(0), None);
        assert_eq!(feed.behind(feed.let_go_until - 1), None);
        let place = feed.behind(feed.let_go_until).unwrap();
        let rest = read(&feed, place).unwrap();
        assert_eq!(rest, (feed.let_go_until + 1..=10_000).collect::<Vec<_>>());
    }

    #[test]
    fn the_stuck_are_lost_one_by_one_as_their_places_are_let_go_of() {
        let mut feed = Feed::default();
        feed.stuck.extend([(0, ReplyTo(7)), (3, ReplyTo(8)), (u64::MAX, ReplyTo(9))]);
        feed.publish(progress(1));
        assert_eq!(feed.next_lost(), None);
        (2..=10_000).for_each(|sequence| feed.publish(progress(sequence)));
        assert_eq!((feed.next_lost(), feed.next_lost()), (Some(ReplyTo(7)), Some(ReplyTo(8))));
        assert_eq!((feed.next_lost(), feed.stuck.len()), (None, 1));
    }

    #[test]
    fn one_write_takes_a_slice_and_tells_the_end() {
        let mut feed = Feed::default();
        (1..200).for_each(|sequence| feed.publish(progress(sequence)));
        feed.publish(frame(200, News::State(TaskState::Succeeded)));
        let mut place = 0;
        let taken = feed.take(&mut place, 0, Coding::Chunked).unwrap();
        let bytes: usize = taken.pieces.iter().map(|piece| piece.len()).sum();
        assert!(bytes <= FOLLOWER_SLICE_BYTES && place < 200 && !taken.is_final);
        let last = feed.take(&mut 199, 0, Coding::Chunked).unwrap();
        assert!(last.is_final && last.pieces.len() == 1);
    }
}
