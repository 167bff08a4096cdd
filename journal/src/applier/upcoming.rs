//! Which kinds may have finished tasks whose time is over. Of each it is known until when none can,
//! so that looking for them costs nothing while there are none. It never reads the archive.

use overtime_protocol::{KindName, UnixMillis};
use std::collections::BTreeMap;

/// The kinds of which something has ended.
#[derive(Default)]
pub(super) struct Upcoming {
    kinds: BTreeMap<KindName, Turn>,
    looks: u64,
}

/// When a kind is to be looked at.
struct Turn {
    /// None of its tasks has to go before this.
    due: UnixMillis,
    /// The number of the latest look.
    looked: u64,
}

impl Upcoming {
    /// Makes known that a task of the kind has to go then.
    pub(super) fn expect(&mut self, kind: &KindName, due: UnixMillis) {
        match self.kinds.get_mut(kind) {
            Some(turn) => turn.due = turn.due.min(due),
            None => drop(self.kinds.insert(kind.clone(), Turn { due, looked: 0 })),
        }
    }

    /// Of the kinds whose time has come the one that was not looked at for longest, so that none
    /// waits until all of another has gone.
    pub(super) fn first(&self, now: UnixMillis) -> Option<KindName> {
        let due = self.kinds.iter().filter(|(_, turn)| turn.due <= now);
        due.min_by_key(|(_, turn)| turn.looked).map(|(kind, _)| kind.clone())
    }

    /// Makes known that the kind was looked at, and when its next task has to go, if it has any.
    pub(super) fn looked(&mut self, kind: &KindName, next: Option<UnixMillis>) {
        self.looks += 1;
        match (self.kinds.get_mut(kind), next) {
            (Some(turn), Some(due)) => *turn = Turn { due, looked: self.looks },
            (Some(_), None) => drop(self.kinds.remove(kind)),
            (None, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str) -> KindName {
        KindName::new(name).unwrap()
    }

    fn expecting(kinds: &[(&str, u64)]) -> Upcoming {
        let mut upcoming = Upcoming::default();
        kinds.iter().for_each(|(name, due)| upcoming.expect(&kind(name), UnixMillis(*due)));
        upcoming
    }

    #[test]
    fn a_kind_is_named_from_its_earliest_point_on_and_not_before() {
        let upcoming = expecting(&[("a", 30), ("a", 20), ("a", 40), ("b", 50)]);
        assert_eq!(upcoming.first(UnixMillis(19)), None);
        assert_eq!(upcoming.first(UnixMillis(20)), Some(kind("a")));
    }

    #[test]
    fn a_kind_with_much_to_remove_lets_others_have_their_turns() {
        let mut upcoming = expecting(&[("a", 10), ("b", 20)]);
        let mut named = Vec::new();
        for _ in 0..4 {
            let first = upcoming.first(UnixMillis(30)).unwrap();
            upcoming.looked(&first, Some(UnixMillis(15)));
            named.push(first);
        }
        assert_eq!(named, ["a", "b", "a", "b"].map(kind));
    }

    #[test]
    fn a_kind_of_which_nothing_is_left_is_named_again_once_something_ends() {
        let mut upcoming = expecting(&[("a", 10)]);
        upcoming.looked(&kind("a"), None);
        assert_eq!(upcoming.first(UnixMillis(u64::MAX)), None);
        upcoming.expect(&kind("a"), UnixMillis(40));
        assert_eq!(upcoming.first(UnixMillis(39)), None);
        assert_eq!(upcoming.first(UnixMillis(40)), Some(kind("a")));
    }
}
