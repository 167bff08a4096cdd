//! The crowd: whose tasks stand in the lane of single calls while somebody waits for them, and who
//! goes if there are too many. Whoever stands with most goes first, so that what is left is divided
//! max-min fair (as longest queue drop does, McKenney 1990); of those who stand alike, whoever came
//! most lately. Each step costs the same however many there are.

use overtime_protocol::{Monotonic, Now, TenantId};

/// Who stands with more than this is not told apart from others who do.
const RANKS_MAX: usize = 1024;
/// Of those who stand with as many as each other, so many are looked at.
const LOOKS_MAX: usize = 32;
/// What came a second ago counts half.
const HALF_LIFE_NS: u64 = 1_000_000_000;
/// So many cohorts there are, as in WeChat's DAGOR (Zhou and others 2018).
const COHORTS: u64 = 128;
/// Who goes first changes every hour, so that it is not always the same.
const HOUR_MS: u64 = 60 * 60 * 1000;

/// The cohort of a tenant at this time: of those who are alike, the lower one stays.
pub(crate) fn cohort(tenant: TenantId, unix_ms: u64) -> u64 {
    let mixed = u64::from(tenant.0) ^ (unix_ms / HOUR_MS).rotate_left(32);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 32)) % COHORTS
}

/// Who stands with how many.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    total: usize,
    tenants: usize,
    /// By tenant.
    shares: Vec<Share>,
    /// By rank: those who stand with that many. The last is not empty.
    ranks: Vec<Vec<TenantId>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    count: usize,
    /// Where in its rank it stands.
    place: usize,
    /// How many came lately, and in which second that was.
    came: u32,
    second: u64,
}

impl Share {
    /// How many came lately, as counted in that second.
    fn came_by(self, second: u64) -> u32 {
        let halvings = second.saturating_sub(self.second).min(31);
        self.came >> halvings
    }
}

/// What decides between those who stand alike: the higher one goes.
type Rank = (u32, u64, u32);

impl Crowd {
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// With how many a tenant stands.
    pub(crate) fn share(&self, tenant: TenantId) -> usize {
        self.shares.get(tenant.0 as usize).map_or(0, |share| share.count)
    }

    /// How many are about to start before one more of this tenant, if all have their turn.
    pub(crate) fn before(&self, tenant: TenantId) -> usize {
        self.total.min((self.share(tenant) + 1) * self.tenants)
    }

    /// One more of a tenant has come, whether it may stand or not.
    pub(crate) fn came(&mut self, tenant: TenantId, now: Monotonic) {
        let second = now.0 / HALF_LIFE_NS;
        let share = self.share_mut(tenant);
        share.came = share.came_by(second).saturating_add(1);
        share.second = second;
    }

    fn share_mut(&mut self, tenant: TenantId) -> &mut Share {
        let index = tenant.0 as usize;
        if self.shares.len() <= index {
            self.shares.resize(index + 1, Share::default());
        }
        &mut self.shares[index]
    }

    pub(crate) fn enter(&mut self, tenant: TenantId) {
        let index = tenant.0 as usize;
        self.share_mut(tenant);
        self.total += 1;
        self.tenants += usize::from(self.shares[index].count == 0);
        let count = self.shares[index].count + 1;
        self.move_to(tenant, count);
    }

    pub(crate) fn leave(&mut self, tenant: TenantId) {
        let Some(count) = self.share(tenant).checked_sub(1) else {
            debug_assert!(false, "more of {tenant:?} left than came");
            return;
        };
        self.total -= 1;
        self.tenants -= usize::from(count == 0);
        self.move_to(tenant, count);
    }

    fn move_to(&mut self, tenant: TenantId, count: usize) {
        let Share { count: before, place, .. } = self.shares[tenant.0 as usize];
        let (from, to) = (before.min(RANKS_MAX), count.min(RANKS_MAX));
        self.shares[tenant.0 as usize].count = count;
        if from == to {
            return;
        }
        if from > 0 {
            self.ranks[from].swap_remove(place);
            if let Some(&moved) = self.ranks[from].get(place) {
                self.shares[moved.0 as usize].place = place;
            }
        }
        if to > 0 {
            if self.ranks.len() <= to {
                self.ranks.resize_with(to + 1, Vec::new);
            }
            self.shares[tenant.0 as usize].place = self.ranks[to].len();
            self.ranks[to].push(tenant);
        }
        while self.ranks.last().is_some_and(Vec::is_empty) {
            self.ranks.pop();
        }
    }

    /// Who has to make room: of the tenants that stand with most, the one that came most lately
    /// among those looked at.
    pub(crate) fn first_to_go(&self, now: Now) -> Option<TenantId> {
        let most = self.ranks.last()?.iter().rev().take(LOOKS_MAX);
        most.copied().max_by_key(|&tenant| self.rank(tenant, now))
    }

    fn rank(&self, tenant: TenantId, now: Now) -> Rank {
        let share = self.shares.get(tenant.0 as usize).copied().unwrap_or_default();
        let came = share.came_by(now.monotonic.0 / HALF_LIFE_NS);
        (came, cohort(tenant, now.unix.0), tenant.0)
    }

    /// Whether one more of this tenant would be the first to go.
    pub(crate) fn would_go(&self, tenant: TenantId, now: Now) -> bool {
        let rank = (self.share(tenant) + 1).min(RANKS_MAX);
        let most = self.ranks.len().saturating_sub(1);
        let is_after = |other| self.rank(tenant, now) >= self.rank(other, now);
        rank > most || (rank == most && self.first_to_go(now).is_none_or(is_after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use overtime_protocol::UnixMillis;
    use std::collections::HashMap;

    const NOW: Now = Now { monotonic: Monotonic(5_000_000_000), unix: UnixMillis(0) };

    #[test]
    fn who_stands_with_most_is_known_after_every_step() {
        let (mut crowd, mut chance) = (Crowd::default(), Seed::new(11));
        let mut model: HashMap<u32, usize> = HashMap::new();
        for _ in 0..20_000 {
            let tenant = chance.below(12).min(chance.below(12)) as u32;
            let count = model.entry(tenant).or_default();
            if chance.below(100) < 52 {
                crowd.enter(TenantId(tenant));
                *count += 1;
            } else if *count > 0 {
                crowd.leave(TenantId(tenant));
                *count -= 1;
            }
            let most = model.values().copied().max().unwrap_or_default().min(RANKS_MAX);
            let goes = crowd.first_to_go(NOW).map_or(0, |tenant| crowd.share(tenant));
            assert_eq!(goes.min(RANKS_MAX), most);
            assert_eq!(crowd.total(), model.values().sum::<usize>());
            assert_eq!(crowd.tenants, model.values().filter(|&&count| count > 0).count());
        }
    }

    #[test]
    fn a_newcomer_goes_only_if_nobody_stands_with_more() {
        let mut crowd = Crowd::default();
        let (loud, quiet) = (TenantId(0), TenantId(1));
        assert!(crowd.would_go(quiet, NOW));
        crowd.enter(loud);
        crowd.enter(loud);
        assert!(!crowd.would_go(quiet, NOW));
        assert!(crowd.would_go(loud, NOW));
        crowd.enter(quiet);
        let [first, second] = [loud, quiet].map(|tenant| crowd.would_go(tenant, NOW));
        assert!(first);
        assert_eq!(second, cohort(quiet, 0) >= cohort(loud, 0));
        crowd.came(quiet, Monotonic(4_000_000_000));
        assert!(crowd.would_go(quiet, NOW), "it came a second ago, and nobody else");
        (0..2).for_each(|_| crowd.came(loud, NOW.monotonic));
        crowd.leave(loud);
        assert_eq!(crowd.first_to_go(NOW), Some(loud));
    }

    #[test]
    fn cohorts_change_with_the_hour_and_are_spread() {
        let mut seen = [0_u32; COHORTS as usize];
        for tenant in 0..12_800 {
            seen[cohort(TenantId(tenant), 0) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| (50..200).contains(&count)), "{seen:?}");
        let changed = (0..1000).map(TenantId);
        let changed = changed.filter(|&one| cohort(one, 0) != cohort(one, HOUR_MS)).count();
        assert!(changed > 900, "{changed}");
    }
}
