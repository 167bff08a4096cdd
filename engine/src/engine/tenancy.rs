//! Tenants as the engine's owner names them, and as their tasks do. What is known of each stands in
//! [`crate::tenants`].

use super::Engine;
use crate::task::Task;
use overtime_protocol::{Policy, TenantId};
use std::sync::Arc;

impl Engine {
    /// What stands for the tenant of that name in this process, from here on if it was not known.
    pub fn tenant(&mut self, name: &str) -> TenantId {
        self.tenants.id(name)
    }

    /// The name of a tenant.
    ///
    /// # Panics
    /// If this engine has not named that tenant: that is an error of the program.
    pub fn tenant_name(&self, tenant: TenantId) -> Arc<str> {
        self.tenants.name(tenant)
    }

    /// What a tenant may do.
    ///
    /// # Panics
    /// As [`Engine::tenant_name`].
    pub fn policy(&self, tenant: TenantId) -> Policy {
        self.tenants.policy(tenant)
    }

    pub(super) fn tenant_of(&self, task: &Task) -> Arc<str> {
        self.tenants.name(task.durable.tenant)
    }
}
