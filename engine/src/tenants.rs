//! The tenants that this process knows: their names and what each may do. It knows no key and no
//! task.

use overtime_protocol::keyring::KeyRing;
use overtime_protocol::{DEFAULT_TENANT, Policy, TenantId};
use std::collections::HashMap;
use std::sync::Arc;

/// All tenants. They stay as long as the process: their names come from the key ring, which an
/// operator writes, or from the journal, which has them from former key rings, so no caller can make
/// them many.
#[derive(Debug)]
pub(crate) struct Tenants {
    ids: HashMap<Arc<str>, TenantId>,
    all: Vec<Tenant>,
}

/// What is known of one tenant.
#[derive(Debug)]
struct Tenant {
    name: Arc<str>,
    policy: Policy,
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
        self.all.push(Tenant { name, policy: Policy::default() });
        id
    }

    pub(crate) fn name(&self, tenant: TenantId) -> Arc<str> {
        self.all[tenant.0 as usize].name.clone()
    }

    pub(crate) fn policy(&self, tenant: TenantId) -> Policy {
        self.all[tenant.0 as usize].policy
    }

    /// What tenants may do from here on; those of which nothing is said may do everything.
    pub(crate) fn set_policies(&mut self, ring: &KeyRing) {
        self.all.iter_mut().for_each(|tenant| tenant.policy = Policy::default());
        for (name, policy) in ring.policies() {
            let id = self.id(name.as_str());
            self.all[id.0 as usize].policy = *policy;
        }
    }
}

impl Default for Tenants {
    fn default() -> Self {
        let mut tenants = Self { ids: HashMap::new(), all: Vec::new() };
        tenants.id(DEFAULT_TENANT);
        tenants
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number_and_the_first_is_the_default() {
        let mut tenants = Tenants::default();
        assert_eq!(tenants.id(DEFAULT_TENANT), TenantId::default());
        let acme = tenants.id("acme");
        assert_eq!((acme, tenants.id("other")), (TenantId(1), TenantId(2)));
        assert_eq!(tenants.id("acme"), acme);
        assert_eq!(&*tenants.name(acme), "acme");
    }
}
