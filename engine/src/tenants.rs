//! The tenants that this process knows: their names, what each may do, what each has under way, and
//! how each was hurt. It knows no key and no task.

use crate::bucket::Bucket;
use overtime_protocol::keyring::KeyRing;
use overtime_protocol::{DEFAULT_TENANT, Hurt, Monotonic, Policy, TenantId};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

/// All tenants. They stay as long as the process: their names come from the key ring, which an
/// operator writes, or from the journal, which has them from former key rings, so no caller can make
/// them many.
#[derive(Debug)]
pub(crate) struct Tenants {
    ids: HashMap<Arc<str>, TenantId>,
    all: Vec<Tenant>,
    /// Those that were hurt since somebody last asked.
    hurt: Vec<TenantId>,
    /// How many have a key.
    keyed: usize,
}

/// What is known of one tenant.
#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) name: Arc<str>,
    pub(crate) policy: Policy,
    pub(crate) bucket: Option<Bucket>,
    /// Its tasks that are under way: somebody waits for the result, or a worker has them.
    pub(crate) busy: u32,
    /// Its payload bytes in memory.
    pub(crate) payload_bytes: u64,
    /// Foreground workers that it holds for long.
    pub(crate) holds: u32,
    /// Its requests that wait to hear of their keys.
    pub(crate) asking: u32,
    has_key: bool,
    hurt: Hurt,
}

/// What one tenant has under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantLoad {
    /// Which.
    pub name: Arc<str>,
    /// Its tasks for which somebody waits, or that a worker has.
    pub under_way: u32,
    /// Its payload bytes in memory.
    pub payload_bytes: u64,
}

impl Tenant {
    fn load(&self) -> (u32, u64) {
        (self.busy, self.payload_bytes)
    }

    fn new(name: Arc<str>) -> Self {
        Self {
            name,
            policy: Policy::default(),
            bucket: None,
            busy: 0,
            payload_bytes: 0,
            holds: 0,
            asking: 0,
            has_key: false,
            hurt: Hurt::default(),
        }
    }

    fn allow(&mut self, policy: Policy, now: Monotonic) {
        self.policy = policy;
        self.bucket = policy.rate.map(|rate| match &self.bucket {
            Some(bucket) => bucket.at_rate(rate, now),
            None => Bucket::new(rate),
        });
    }
}

impl Tenants {
    /// The tenant of that name, which is known from here on.
    pub(crate) fn id(&mut self, name: &str) -> TenantId {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let id = TenantId(u32::try_from(self.all.len()).expect("tenants are few"));
        let name: Arc<str> = name.into();
        self.ids.insert(name.clone(), id);
        self.all.push(Tenant::new(name));
        id
    }

    /// All that are known.
    pub(crate) fn ids(&self) -> impl Iterator<Item = TenantId> + use<> {
        (0..self.all.len() as u32).map(TenantId)
    }

    pub(crate) fn name(&self, tenant: TenantId) -> Arc<str> {
        self.get(tenant).name.clone()
    }

    pub(crate) fn get(&self, tenant: TenantId) -> &Tenant {
        &self.all[tenant.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, tenant: TenantId) -> &mut Tenant {
        &mut self.all[tenant.0 as usize]
    }

    /// Who has keys and what tenants may do from here on; those of which nothing is said may do
    /// everything. What was used of a rate stays used.
    pub(crate) fn set_policies(&mut self, ring: &KeyRing, now: Monotonic) {
        self.all.iter_mut().for_each(|tenant| tenant.has_key = false);
        for name in ring.tenants() {
            let id = self.id(name.as_str());
            self.get_mut(id).has_key = true;
        }
        self.keyed = self.all.iter().filter(|tenant| tenant.has_key).count();
        let said: HashMap<TenantId, Policy> =
            ring.policies().map(|(name, policy)| (self.id(name.as_str()), *policy)).collect();
        for (place, tenant) in self.all.iter_mut().enumerate() {
            let id = TenantId(place as u32);
            tenant.allow(said.get(&id).copied().unwrap_or_default(), now);
        }
    }

    /// Whether several share this server.
    pub(crate) fn are_many(&self) -> bool {
        self.keyed > 1
    }

    /// Something happened to a request of a tenant.
    pub(crate) fn hurt(&mut self, tenant: TenantId, what: Hurt) {
        let hurt = &mut self.all[tenant.0 as usize].hurt;
        if hurt.is_nothing() {
            self.hurt.push(tenant);
        }
        *hurt += what;
    }

    /// Whether something happened to anybody since the last time.
    pub(crate) fn has_hurts(&self) -> bool {
        !self.hurt.is_empty()
    }

    /// What happened to whom since the last time, each tenant once, and so many at most.
    pub(crate) fn take_hurts(&mut self, max: usize) -> Vec<(TenantId, Hurt)> {
        let left = self.hurt.len().saturating_sub(max);
        let taken = self.hurt.split_off(left);
        taken.into_iter().map(|id| (id, std::mem::take(&mut self.get_mut(id).hurt))).collect()
    }

    /// Those with the most under way, so many at most, and none that has nothing.
    pub(crate) fn busiest(&self, most: usize) -> Vec<TenantLoad> {
        let mut busy: Vec<&Tenant> =
            self.all.iter().filter(|tenant| tenant.load() > (0, 0)).collect();
        if busy.len() > most {
            busy.select_nth_unstable_by_key(most, |tenant| Reverse(tenant.load()));
            busy.truncate(most);
        }
        let load = |tenant: &Tenant| TenantLoad {
            name: tenant.name.clone(),
            under_way: tenant.busy,
            payload_bytes: tenant.payload_bytes,
        };
        busy.into_iter().map(load).collect()
    }

    #[cfg(any(test, feature = "audit"))]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tenant> {
        self.all.iter()
    }
}

impl Default for Tenants {
    fn default() -> Self {
        let mut tenants = Self { ids: HashMap::new(), all: Vec::new(), hurt: Vec::new(), keyed: 0 };
        tenants.id(DEFAULT_TENANT);
        tenants
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use overtime_protocol::keyring::{KeyEntry, SecretHash};
    use overtime_protocol::{Rate, TenantName};

    fn name(text: &str) -> TenantName {
        TenantName::new(text).unwrap()
    }

    fn ring(limited: &[&str], keyed: &[&str]) -> KeyRing {
        let mut ring = KeyRing::default();
        for (number, tenant) in keyed.iter().enumerate() {
            let secret = SecretHash::of("s");
            let entry = KeyEntry { tenant: name(tenant), secret, expires: None };
            ring.add(&format!("key{number}"), entry);
        }
        let rate = Some(Rate { per_second: 1.0, burst: 2 });
        for tenant in limited {
            ring.allow(name(tenant), Policy { rate, ..Policy::default() });
        }
        ring
    }

    #[test]
    fn a_name_keeps_its_number_and_the_first_is_the_default() {
        let mut tenants = Tenants::default();
        assert_eq!(tenants.id(DEFAULT_TENANT), TenantId::default());
        let acme = tenants.id("acme");
        assert_eq!((acme, tenants.id("other")), (TenantId(1), TenantId(2)));
        assert_eq!(tenants.id("acme"), acme);
        assert_eq!(&*tenants.name(acme), "acme");
    }

    #[test]
    fn a_ring_that_comes_again_gives_no_token_back() {
        let (mut tenants, now) = (Tenants::default(), Monotonic(1));
        tenants.set_policies(&ring(&["acme"], &["acme", "acme"]), now);
        assert!(!tenants.are_many());
        let acme = tenants.id("acme");
        let take = |tenants: &mut Tenants| {
            tenants.get_mut(acme).bucket.as_mut().is_none_or(|bucket| bucket.take(now))
        };
        assert!(take(&mut tenants) && take(&mut tenants) && !take(&mut tenants));
        tenants.set_policies(&ring(&["acme"], &["acme", "other"]), now);
        assert!(tenants.are_many());
        assert!(!take(&mut tenants));
        tenants.set_policies(&ring(&[], &["other"]), now);
        assert!(!tenants.are_many());
        assert!(take(&mut tenants), "nothing is said of it any more");
    }

    #[test]
    fn the_busiest_are_few_and_have_something_under_way() {
        let mut tenants = Tenants::default();
        for (number, busy) in [3, 0, 9, 4, 0, 1].into_iter().enumerate() {
            let id = tenants.id(&format!("t{number}"));
            tenants.get_mut(id).busy = busy;
        }
        let idle = tenants.id("t1");
        tenants.get_mut(idle).payload_bytes = 7;
        let busiest = |most| {
            let mut names: Vec<_> =
                tenants.busiest(most).into_iter().map(|load| load.name.to_string()).collect();
            names.sort();
            names
        };
        assert_eq!(busiest(2), ["t2", "t3"]);
        assert_eq!(busiest(5), ["t0", "t1", "t2", "t3", "t5"]);
        assert_eq!(busiest(50).len(), 5);
    }

    #[test]
    fn hurts_are_told_once_and_only_of_those_who_were_hurt() {
        let mut tenants = Tenants::default();
        let (acme, other) = (tenants.id("acme"), tenants.id("other"));
        assert!(tenants.take_hurts(9).is_empty());
        for (tenant, delayed) in [(other, 2), (acme, 1), (other, 3)] {
            tenants.hurt(tenant, Hurt { delayed, ..Hurt::default() });
        }
        let told = |tenants: &mut Tenants, max| {
            tenants.take_hurts(max).iter().map(|(id, hurt)| (*id, hurt.delayed)).collect::<Vec<_>>()
        };
        assert_eq!(told(&mut tenants, 1), [(acme, 1)]);
        assert!(tenants.has_hurts(), "the other waits for the next note");
        assert_eq!(told(&mut tenants, 9), [(other, 5)]);
        assert!(!tenants.has_hurts());
        assert!(tenants.take_hurts(9).is_empty());
    }
}
