//! What each tenant has of the memory for payloads while its bodies come. It grants nothing.

use crate::limits::BODY_WAIT_RETRY;
use overtime_protocol::{Code, Problem, TenantId};

/// Of whatever tenants share, one may have this part.
const PART: u64 = 4;

/// What all tenants have, by their numbers, which are small: each request looks here a few times.
#[derive(Debug, Default)]
pub(super) struct HeldBy {
    /// Whether there are others to leave something to.
    pub(super) are_several: bool,
    tenants: Vec<Held>,
}

/// What the bodies of one tenant have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// With what they wait for.
    pub(super) bytes: u64,
    /// Those of the pocket among them.
    pub(super) pocketed_bytes: u64,
    /// How many wait.
    pub(super) waiting: usize,
}

impl HeldBy {
    pub(super) fn of(&self, tenant: TenantId) -> Held {
        self.tenants.get(tenant.0 as usize).copied().unwrap_or_default()
    }

    pub(super) fn change(&mut self, tenant: TenantId, change: impl FnOnce(&mut Held)) {
        let place = tenant.0 as usize;
        if place >= self.tenants.len() {
            self.tenants.resize(place + 1, Held::default());
        }
        change(&mut self.tenants[place]);
    }

    /// Whether the tenant would have more under way than its part, with so many bytes more for a body
    /// that has `own` of them already.
    pub(super) fn would_pass(&self, (tenant, own): (TenantId, u64), more: u64, whole: u64) -> bool {
        let bytes = self.of(tenant).bytes;
        bytes > own && self.is_over(bytes.saturating_add(more), whole)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.tenants.iter().all(|held| *held == Held::default())
    }

    /// Whether so much of the whole is more than one tenant may have.
    pub(super) fn is_over(&self, own: u64, whole: u64) -> bool {
        self.are_several && own > whole / PART
    }
}

/// What a caller is told whose tenant has all that it may have.
pub(crate) fn over_part() -> Problem {
    let detail =
        "the bodies of the tenant that are under way have their part of the memory for them";
    Problem::new(Code::Concurrency, detail).after(BODY_WAIT_RETRY)
}
