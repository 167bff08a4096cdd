//! Tenants as the engine's owner names them, and as their tasks do. What is known of each stands in
//! [`crate::tenants`].

use super::Engine;
use crate::table::Slot;
use crate::task::Task;
use crate::tenants::TenantLoad;
use overtime_protocol::{Aside, Code, Hurt, Monotonic, Policy, Problem, TenantId};
use std::sync::Arc;

/// Of the memory for payloads a tenant may have this part, if there are others.
const PAYLOAD_PART: u64 = 4;
/// And of the requests that may wait for the journal, this part: what is asked there is answered in
/// turn, so a tenant that repeats itself by the thousand would have everybody wait.
const INQUIRIES_PART: usize = 64;

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
        if known.policy.concurrency.is_some_and(|most| known.busy >= most) {
            return Some(self.too_much("the tenant has as much under way as it may"));
        }
        self.over_memory(tenant, payload_bytes)
    }

    /// Refuses to look for the key of a request of a tenant that has its share of that already.
    pub(super) fn over_inquiries(
        &mut self,
        tenant: TenantId,
        payload_bytes: u64,
    ) -> Option<Problem> {
        let part = self.limits.inquiries_max / INQUIRIES_PART;
        let asking = self.tenants.get(tenant).asking as usize;
        if self.tenants.are_many() && asking >= part.max(1) {
            return Some(
                self.too_much("the tenant has too many requests that wait for the journal"),
            );
        }
        self.over_memory(tenant, payload_bytes)
    }

    fn over_memory(&mut self, tenant: TenantId, payload_bytes: u64) -> Option<Problem> {
        let held = self.tenants.get(tenant).payload_bytes;
        let part = self.limits.payload_memory_max_bytes / PAYLOAD_PART;
        // Whoever has none in memory may have one of any size.
        let is_over = held > 0 && held.saturating_add(payload_bytes) > part;
        let detail = "the tenant's payloads have their part of the memory for payloads";
        (self.tenants.are_many() && is_over).then(|| self.too_much(detail))
    }

    fn too_much(&mut self, detail: &'static str) -> Problem {
        let wait = self.seed.stretch(self.pace.until_drained(1));
        Problem::new(Code::Concurrency, detail).after(wait)
    }

    /// A request of a tenant waits to hear of its key.
    pub(super) fn begin_asking(&mut self, tenant: TenantId, payload_bytes: u64) {
        self.hold_payload(tenant, payload_bytes);
        self.tenants.get_mut(tenant).asking += 1;
    }

    /// A request of a tenant has heard of its key, or never will.
    pub(super) fn end_asking(&mut self, tenant: TenantId, payload_bytes: u64) {
        self.drop_payload(tenant, payload_bytes);
        self.tenants.get_mut(tenant).asking -= 1;
    }

    fn over_rate(&mut self, tenant: TenantId, now: Monotonic) -> Option<Problem> {
        let bucket = self.tenants.get(tenant).bucket.as_ref()?;
        let wait = bucket.until_token(now);
        if wait.is_zero() {
            return None;
        }
        let aside = Some(Box::new(Aside::Limit(bucket.limit(now))));
        let problem = Problem::new(Code::RateLimited, "the tenant sends more than its rate allows");
        Some(Problem { aside, ..problem.after(self.seed.stretch(wait)) })
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

    /// A request of a tenant was refused because there was too much to do.
    pub(super) fn note_refused(&mut self, tenant: TenantId) {
        self.tenants.hurt(tenant, Hurt { refused: 1, ..Hurt::default() });
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
