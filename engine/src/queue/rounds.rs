//! Rounds: which tenants have their turn in which. A tenant stands in at most one, so each round is a
//! list through the tenants themselves, and to join or leave one costs the same however many there
//! are. It knows no task.

use overtime_protocol::TenantId;

/// How many rounds ahead a tenant may have its next turn, and one more.
pub(super) const ROUNDS: usize = 128;

/// Where a tenant stands.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// The list in which it stands.
    list: Option<u8>,
    before: Option<TenantId>,
    behind: Option<TenantId>,
}

/// What stands in rounds.
pub(super) trait Linked {
    fn link(&self) -> &Link;
    fn link_mut(&mut self) -> &mut Link;
}

#[derive(Clone, Copy, Debug, Default)]
struct List {
    first: Option<TenantId>,
    last: Option<TenantId>,
}

/// The rounds from this one on.
#[derive(Debug)]
pub(super) struct Rounds {
    lists: Box<[List; ROUNDS]>,
    now: u64,
    /// Tenants that stand in some round.
    standing: usize,
    /// Rounds and tenants that were looked at.
    #[cfg(test)]
    pub(super) looks: u64,
}

const _: () = assert!(ROUNDS <= u8::MAX as usize + 1);

impl Default for Rounds {
    fn default() -> Self {
        Self {
            lists: Box::new([List::default(); ROUNDS]),
            now: 0,
            standing: 0,
            #[cfg(test)]
            looks: 0,
        }
    }
}

impl Rounds {
    /// The round that is under way.
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// Puts a tenant that stands nowhere at the end of a round, which must be this one or one of
    /// those ahead.
    pub(super) fn join(&mut self, all: &mut [impl Linked], tenant: TenantId, round: u64) {
        debug_assert!((self.now..self.now + ROUNDS as u64).contains(&round), "no such round");
        #[cfg(test)]
        self.count();
        let place = (round % ROUNDS as u64) as usize;
        let list = &mut self.lists[place];
        let before = list.last.replace(tenant);
        match before {
            Some(before) => all[before.0 as usize].link_mut().behind = Some(tenant),
            None => list.first = Some(tenant),
        }
        let link = all[tenant.0 as usize].link_mut();
        debug_assert!(link.list.is_none(), "it stands in a round already");
        *link = Link { list: Some(place as u8), before, behind: None };
        self.standing += 1;
    }

    /// Takes a tenant out of the round in which it stands.
    pub(super) fn leave(&mut self, all: &mut [impl Linked], tenant: TenantId) {
        #[cfg(test)]
        self.count();
        let Link { list, before, behind } = std::mem::take(all[tenant.0 as usize].link_mut());
        let Some(place) = list else { return };
        let list = &mut self.lists[usize::from(place)];
        match before {
            Some(before) => all[before.0 as usize].link_mut().behind = behind,
            None => list.first = behind,
        }
        match behind {
            Some(behind) => all[behind.0 as usize].link_mut().before = before,
            None => list.last = before,
        }
        self.standing -= 1;
    }

    /// Whether anybody stands in any.
    pub(super) fn has_any(&self) -> bool {
        self.standing > 0
    }

    /// The tenant whose turn it is. A round in which nobody stands any more is over.
    pub(super) fn next(&mut self) -> Option<TenantId> {
        if self.standing == 0 {
            return None;
        }
        loop {
            #[cfg(test)]
            self.count();
            let first = self.lists[(self.now % ROUNDS as u64) as usize].first;
            if first.is_some() {
                return first;
            }
            self.now += 1;
        }
    }

    /// How many tenants stand in some round.
    pub(super) fn standing(&self) -> usize {
        self.standing
    }

    /// The tenants in the order of their turns.
    pub(super) fn order(&self, all: &[impl Linked]) -> impl Iterator<Item = TenantId> {
        let lists = (0..ROUNDS as u64).map(|ahead| (self.now + ahead) % ROUNDS as u64);
        lists.flat_map(move |place| {
            let behind = |tenant: &TenantId| all[tenant.0 as usize].link().behind;
            std::iter::successors(self.lists[place as usize].first, behind)
        })
    }

    #[cfg(test)]
    fn count(&mut self) {
        self.looks += 1;
    }
}
