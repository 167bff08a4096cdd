//! Patience: what each peer is waited for to do, and since when. Whoever is waited for in the same
//! way stands in one row, the longest first, so that to enter, to leave and to name the first cost
//! the same however many there are, and all may be given less time at once. It decides nothing
//! about a connection but whether its time is up.

use crate::limits::{HURRIED_PATIENCE, LINGER_CLOSE, Limits};
use crate::timeouts::NEVER;
use overtime_protocol::Monotonic;
use std::time::Duration;

/// What a peer is waited for to do, whoever is least worth keeping first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// Nothing: it is gone, and its connection only has to be closed.
    Gone,
    /// To close: everything is said.
    End,
    /// To say its first byte.
    Word,
    /// To ask for something else.
    Request,
    /// To end its head. It has one span for all of it, however it dribbles.
    Head,
    /// To go on with its body.
    Body,
    /// To hang up: it is told news for as long as it likes.
    Follower,
    /// To take more of its answer.
    Reader,
}

impl Awaited {
    /// All of them, in that order.
    pub(crate) const ALL: [Self; 8] = [
        Self::Gone,
        Self::End,
        Self::Word,
        Self::Request,
        Self::Head,
        Self::Body,
        Self::Follower,
        Self::Reader,
    ];

    fn span(self, limits: &Limits) -> Duration {
        match self {
            Self::Gone => Duration::ZERO,
            Self::End => LINGER_CLOSE,
            Self::Word | Self::Head => limits.head_timeout,
            Self::Request => limits.idle_timeout,
            Self::Body | Self::Reader => limits.body_progress_timeout,
            Self::Follower => Duration::MAX,
        }
    }
}

/// How much of the patience is left, for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Haste {
    /// All of it.
    #[default]
    None,
    /// A quarter.
    Some,
    /// A second at most.
    Great,
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    awaited: Awaited,
    since: Monotonic,
    before: Option<u32>,
    behind: Option<u32>,
}

/// The ends of one row.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    first: Option<u32>,
    last: Option<u32>,
    count: usize,
}

/// The rows.
#[derive(Debug)]
pub(crate) struct Patience {
    places: Vec<Option<Place>>,
    rows: [Row; Awaited::ALL.len()],
    spans: [Duration; Awaited::ALL.len()],
    haste: Haste,
}

impl Patience {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            places: Vec::new(),
            rows: [Row::default(); Awaited::ALL.len()],
            spans: Awaited::ALL.map(|awaited| awaited.span(limits)),
            haste: Haste::None,
        }
    }

    /// Sets how much time all have from here on, those included that are waited for already.
    pub(crate) fn set_haste(&mut self, haste: Haste) {
        self.haste = haste;
    }

    /// How long a caller may be held for an answer that it can have later, if that is bounded now.
    pub(crate) fn hold_max(&self) -> Option<Duration> {
        (self.haste == Haste::Great).then_some(HURRIED_PATIENCE)
    }

    /// How long somebody is waited for to do that, now.
    pub(crate) fn span(&self, awaited: Awaited) -> Duration {
        let span = self.spans[awaited as usize];
        match self.haste {
            _ if awaited == Awaited::Follower => span,
            Haste::None => span,
            Haste::Some => span / 4,
            Haste::Great => (span / 4).min(HURRIED_PATIENCE),
        }
    }

    /// The connection is waited for from now on, and stands last in its row.
    pub(crate) fn begin(&mut self, index: usize, awaited: Awaited, now: Monotonic) {
        self.end(index);
        if self.places.len() <= index {
            self.places.resize(index + 1, None);
        }
        let own = u32::try_from(index).expect("there are fewer connections");
        let row = &mut self.rows[awaited as usize];
        row.count += 1;
        let before = row.last.replace(own);
        match before {
            Some(before) => self.place(before).behind = Some(own),
            None => row.first = Some(own),
        }
        self.places[index] = Some(Place { awaited, since: now, before, behind: None });
    }

    /// The same for one that may be waited for in that way already, and then goes on to be.
    pub(crate) fn go_on(&mut self, index: usize, awaited: Awaited, now: Monotonic) {
        if self.awaited(index) != Some(awaited) {
            self.begin(index, awaited, now);
        }
    }

    /// The connection is waited for no more.
    pub(crate) fn end(&mut self, index: usize) {
        let Some(place) = self.places.get_mut(index).and_then(Option::take) else { return };
        self.rows[place.awaited as usize].count -= 1;
        match place.before {
            Some(before) => self.place(before).behind = place.behind,
            None => self.rows[place.awaited as usize].first = place.behind,
        }
        match place.behind {
            Some(behind) => self.place(behind).before = place.before,
            None => self.rows[place.awaited as usize].last = place.before,
        }
    }

    fn place(&mut self, index: u32) -> &mut Place {
        self.places[index as usize].as_mut().expect("whoever stands in a row has a place")
    }

    /// What the connection is waited for to do.
    pub(crate) fn awaited(&self, index: usize) -> Option<Awaited> {
        Some(self.places.get(index)?.as_ref()?.awaited)
    }

    /// How many are about to leave: nothing more is to be done for them.
    pub(crate) fn leaving(&self) -> usize {
        [Awaited::Gone, Awaited::End].map(|awaited| self.rows[awaited as usize].count).iter().sum()
    }

    /// Who has been waited for longest to do that, and since when.
    pub(crate) fn longest(&self, awaited: Awaited) -> Option<(usize, Monotonic)> {
        let first = self.rows[awaited as usize].first? as usize;
        Some((first, self.places[first]?.since))
    }

    /// Whose time is up, if it is one of those.
    pub(crate) fn expired(&self, awaited: Awaited, now: Monotonic) -> Option<usize> {
        let (index, since) = self.longest(awaited)?;
        (since + self.span(awaited) <= now).then_some(index)
    }

    /// When the next one's time is up.
    pub(crate) fn next_at(&self) -> Option<Monotonic> {
        let due = |awaited| Some(self.longest(awaited)?.1 + self.span(awaited));
        Awaited::ALL.into_iter().filter_map(due).filter(|&due| due != NEVER).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn at(seconds: u64) -> Monotonic {
        Monotonic(seconds * SECOND)
    }

    fn patience() -> Patience {
        Patience::new(&crate::native::clocks::tests::limits())
    }

    #[test]
    fn the_longest_is_named_first_whoever_left_in_between() {
        let mut patience = patience();
        for index in 0..5 {
            patience.begin(index, Awaited::Request, at(index as u64));
        }
        patience.end(0);
        patience.end(2);
        patience.begin(1, Awaited::Request, at(9));
        let mut order = Vec::new();
        while let Some((index, _)) = patience.longest(Awaited::Request) {
            order.push(index);
            patience.end(index);
        }
        assert_eq!(order, [3, 4, 1]);
        assert_eq!((patience.next_at(), patience.awaited(1)), (None, None));
    }

    #[test]
    fn to_go_on_is_not_to_begin_again_but_in_another_row() {
        let mut patience = patience();
        patience.begin(7, Awaited::Word, at(0));
        patience.go_on(7, Awaited::Head, at(4));
        patience.go_on(7, Awaited::Head, at(8));
        assert_eq!(patience.longest(Awaited::Word), None);
        assert_eq!(patience.longest(Awaited::Head), Some((7, at(4))));
        assert_eq!(patience.next_at(), Some(at(14)));
    }

    #[test]
    fn haste_is_for_all_who_are_waited_for_already() {
        let mut patience = patience();
        patience.begin(1, Awaited::Body, at(100));
        patience.begin(2, Awaited::Head, at(100));
        for (haste, body, head) in [
            (Haste::None, 20, 10),
            (Haste::Some, 5, 3),
            (Haste::Great, 1, 1),
            (Haste::None, 20, 10),
        ] {
            patience.set_haste(haste);
            let up = |awaited, seconds: u64| patience.expired(awaited, at(100 + seconds)).is_some();
            assert!(up(Awaited::Body, body) && !up(Awaited::Body, body - 1), "{haste:?}");
            assert!(up(Awaited::Head, head) && !up(Awaited::Head, head - 1), "{haste:?}");
        }
    }
}
