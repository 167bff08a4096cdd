//! Tenants as the engine's owner names them, and as their tasks do. What is known of each stands in
//! [`crate::tenants`].

use super::Engine;
use crate::table::Slot;
use crate::task::Task;
use crate::tenants::TenantLoad;
use overtime_protocol::{Code, Hurt, Monotonic, Policy, Problem, TenantId};
use std::sync::Arc;

/// Of the memory for payloads a tenant may have this part, if there are others.
const PAYLOAD_PART: u64 = 4;

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
        self.tenants.get(tenant).policy
    }

    /// The tenants with the most under way, so many at most.
    pub fn busiest_tenants(&self, most: usize) -> Vec<TenantLoad> {
        self.tenants.busiest(most)
    }

    /// Refuses new work of a tenant that has its share already.
    pub(super) fn over_share(
        &mut self,
        tenant: TenantId,
        payload_bytes: u64,
        now: Monotonic,
    ) -> Option<Problem> {
        if let Some(problem) = self.over_rate(tenant, now) {
            return Some(problem);
        }
        let known = self.tenants.get(tenant);
        let part = self.limits.payload_memory_max_bytes / PAYLOAD_PART;
        let payloads = known.payload_bytes.saturating_add(payload_bytes);
        let detail = if known.policy.concurrency.is_some_and(|most| known.busy >= most) {
            "the tenant has as much under way as it may"
        // Whoever has none in memory may have one of any size.
        } else if self.tenants.are_many() && known.payload_bytes > 0 && payloads > part {
            "the tenant's payloads have their part of the memory for payloads"
        } else {
            return None;
        };
        let wait = self.seed.stretch(self.pace.until_drained(1));
        Some(Problem::new(Code::Concurrency, detail).after(wait))
    }

    fn over_rate(&mut self, tenant: TenantId, now: Monotonic) -> Option<Problem> {
        let bucket = self.tenants.get(tenant).bucket.as_ref()?;
        let wait = bucket.until_token(now);
        if wait.is_zero() {
            return None;
        }
        let limit = Some(Box::new(bucket.limit(now)));
        let problem = Problem::new(Code::RateLimited, "the tenant sends more than its rate allows");
        Some(Problem { limit, ..problem.after(self.seed.stretch(wait)) })
    }

    /// New work of a tenant was taken in.
    pub(super) fn spend_token(&mut self, tenant: TenantId, now: Monotonic) {
        if let Some(bucket) = &mut self.tenants.get_mut(tenant).bucket {
            bucket.take(now);
        }
    }

    /// Counts the task among those under way, or no more, as it is now.
    pub(super) fn note_under_way(&mut self, slot: Slot) {
        let Some(task) = self.table.get_mut(slot) else { return };
        let is_under_way = task.is_under_way();
        if std::mem::replace(&mut task.under_way, is_under_way) == is_under_way {
            return;
        }
        let busy = &mut self.tenants.get_mut(task.durable.tenant).busy;
        *busy = if is_under_way { *busy + 1 } else { *busy - 1 };
    }

    /// Payload bytes of a tenant came into memory.
    pub(super) fn hold_payload(&mut self, tenant: TenantId, bytes: u64) {
        self.stats.payload_bytes += bytes;
        self.tenants.get_mut(tenant).payload_bytes += bytes;
    }

    /// Payload bytes of a tenant left memory.
    pub(super) fn drop_payload(&mut self, tenant: TenantId, bytes: u64) {
        self.stats.payload_bytes -= bytes;
        self.tenants.get_mut(tenant).payload_bytes -= bytes;
    }

    /// Something happened to a request for the task.
    pub(super) fn hurt_task(&mut self, slot: Slot, what: Hurt) {
        if let Some(task) = self.table.get(slot) {
            self.tenants.hurt(task.durable.tenant, what);
        }
    }

    pub(super) fn tenant_of(&self, task: &Task) -> Arc<str> {
        self.tenants.name(task.durable.tenant)
    }
}
