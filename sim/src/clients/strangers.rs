//! Strangers: callers of another tenant, who ask for a task and steer it as its own does. They hear
//! what they would hear if it did not exist, which is the oracle's to judge.

use super::{Clients, Turn};
use crate::kinds::{TENANTS, tenant_name};
use crate::oracle::Request;
use overtime_engine::{Ask, Event, Seed, Steer, Wants, Wish};
use overtime_protocol::{Query, Scope, TaskId, TenantId};
use std::time::Duration;

impl Clients {
    /// Now and then somebody looks for the task of another. That takes no chance from the others:
    /// their day stays as it is.
    pub(super) fn pry(&mut self, turn: &mut Turn<'_>, task: TaskId) {
        let mut chance = Seed::new(self.asked);
        let Some(owner) = turn.owner(task).filter(|_| chance.below(3) == 0) else { return };
        let other = (u64::from(owner.0) + 1 + chance.below(TENANTS - 1)) % TENANTS;
        let scope = Some(TenantId(other as u32));
        let own = Scope::Own(tenant_name(other).into());
        let reply_to = self.caller(turn, Request::Foreign(task));
        let wait = Duration::from_millis(chance.below(2) * 50);
        turn.event(match chance.below(8) {
            0 => Event::AskedWhy { reply_to, scope, task },
            1 => return turn.life.read(reply_to, own, Query::Events { task, after: 0 }),
            2 => return turn.life.read(reply_to, own, Query::Errors { task, live: false }),
            3 => Event::Asked(Ask { reply_to, scope, task, wants: Wants::Result, wait }),
            4 => Event::Asked(Ask { reply_to, scope, task, wants: Wants::Document, wait }),
            5 => Event::Steered(Steer { reply_to, scope, task, wish: Wish::Retry }),
            _ => Event::Steered(Steer { reply_to, scope, task, wish: Wish::Cancel }),
        });
    }
}
