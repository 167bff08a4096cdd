//! The desk at which a session takes in frames: what it needs of the clients for that, lent for
//! one slice of input.

use crate::clients::{Announced, Orders, Screen};
use crate::exchange::Router;
use crate::payload_budget::{PayloadBudget, Ruling, Share, Wants};
use crate::snapshot::Counters;
use overtime_protocol::native::Limits;
use overtime_protocol::{Code, Problem, TenantId};

/// What a session needs of the clients to take in frames.
pub(crate) struct Desk<'a> {
    pub(crate) router: &'a mut Router,
    pub(crate) screen: Screen<'a>,
    pub(crate) orders: &'a mut Orders,
    pub(crate) budget: &'a mut PayloadBudget,
    /// What the payload that is coming has of the memory for payloads.
    pub(crate) share: &'a mut Share,
    pub(crate) counters: &'a mut Counters,
    pub(crate) limits: Limits,
    /// The place of the connection.
    pub(crate) index: usize,
    /// The server is on its way out.
    pub(crate) closing: bool,
}

impl Desk<'_> {
    /// Reserves memory for a payload of that length.
    pub(super) fn reserve(&mut self, tenant: TenantId, bytes: u64) -> Ruling {
        if bytes == 0 {
            return Ruling::Granted;
        }
        let (ruling, share) = self.budget.begin(self.index, tenant, Wants::All(bytes));
        *self.share = share;
        ruling
    }

    /// The engine knows how long it will be until there is memory again.
    pub(super) fn too_many_wait(&mut self, tenant: TenantId) -> Problem {
        let problem = (self.screen)(Announced::without_memory(tenant)).err();
        problem.unwrap_or_else(|| {
            Problem::new(Code::PayloadMemory, "too many payloads wait for memory")
        })
    }
}
