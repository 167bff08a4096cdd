//! Sight: a caller sees the tasks of its own tenant, or everybody's while no keys are configured. Of
//! a task that is out of sight nothing is said here: the journal, which is told whose tasks are seen,
//! answers as it does of one that does not exist.

use super::Engine;
use super::revive::Steerer;
use crate::event::{Effect, Sight};
use crate::table::Slot;
use overtime_protocol::{Query, Read, ReplyTo, Scope, TaskId, TenantId};

impl Steerer {
    /// Whether the tasks of this tenant are there for it.
    pub(super) fn sees(self, tenant: TenantId) -> bool {
        match self {
            Self::Caller(_, sight) => sight.is_none_or(|own| own == tenant),
            Self::Repair(..) => true,
        }
    }
}

impl Engine {
    /// The live task that is shown to whoever asks. One that a crash would forget is shown to
    /// nobody.
    pub(super) fn find_shown(&self, task: TaskId, sight: Sight) -> Option<Slot> {
        let slot = self.table.find(task)?;
        let is_accepted = self.table.get(slot).is_some_and(|task| task.is_accepted());
        (is_accepted && self.is_in_sight(slot, sight)).then_some(slot)
    }

    pub(super) fn is_in_sight(&self, slot: Slot, sight: Sight) -> bool {
        let is_own = |own| self.table.get(slot).is_some_and(|task| task.durable.tenant == own);
        sight.is_none_or(is_own)
    }

    /// Whether a task of that tenant, if that is known, is out of sight of whoever steers.
    pub(super) fn is_hidden(&mut self, by: Steerer, tenant: Option<&str>) -> bool {
        tenant.is_some_and(|name| !by.sees(self.tenants.id(name)))
    }

    /// Has the journal say that the task is not there for whoever steers.
    pub(super) fn hide(&self, task: TaskId, by: Steerer, out: &mut Vec<Effect>) {
        if let Steerer::Caller(to, sight) = by {
            out.push(self.read((to, sight), Query::Document(task)));
        }
    }

    /// Has the journal answer a caller.
    pub(super) fn read(&self, (reply_to, sight): (ReplyTo, Sight), query: Query) -> Effect {
        let scope = match sight {
            None => Scope::All,
            Some(own) => Scope::Own(self.tenants.name(own)),
        };
        Effect::Read(Read { reply_to, scope, query })
    }
}
