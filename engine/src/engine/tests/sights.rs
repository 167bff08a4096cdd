//! Who sees whose tasks on a random day: no answer names a task that its caller does not see.

use crate::engine::Engine;
use crate::event::{Effect, Sight};
use overtime_protocol::{Answer, ReplyTo, Scope, TaskId, TenantId};
use std::collections::HashMap;

/// How many tenants there are.
pub(super) const TENANTS: u64 = 3;

#[derive(Default)]
pub(super) struct Sights {
    owners: HashMap<TaskId, TenantId>,
    /// The newest that is known.
    last: Option<TaskId>,
    callers: HashMap<ReplyTo, Sight>,
}

impl Sights {
    /// Somebody asks: everybody may be that, or one of the tenants.
    pub(super) fn of(&mut self, caller: ReplyTo, chance: u64) -> Sight {
        let sight = (chance < TENANTS).then_some(TenantId(chance as u32));
        self.callers.insert(caller, sight);
        sight
    }

    /// Whose the tasks are that came since the last time.
    pub(super) fn note(&mut self, engine: &Engine) {
        let live = engine.table.iter().map(|task| (task.durable.id, task.durable.tenant));
        let last = self.last;
        for (task, tenant) in live.filter(|(task, _)| Some(*task) > last) {
            self.owners.insert(task, tenant);
            self.last = self.last.max(Some(task));
        }
    }

    /// Panics if somebody is told of a task that is not its own.
    pub(super) fn check(&self, effect: &Effect, engine: &Engine) {
        let (to, task) = match effect {
            Effect::Reply { to, answer } => (to, named(answer)),
            Effect::Explain { to, explanation, .. } => (to, Some(explanation.id)),
            Effect::Read(read) => {
                let sight = self.callers.get(&read.reply_to).copied().flatten();
                let own = sight.map(|own| Scope::Own(engine.tenant_name(own)));
                assert_eq!(read.scope, own.unwrap_or(Scope::All), "{read:?}");
                return;
            }
            _ => return,
        };
        let Some(Some(own)) = self.callers.get(to) else { return };
        let owner = task.map(|task| self.owners[&task]);
        assert!(owner.is_none_or(|owner| owner == *own), "{effect:?} is told to {own:?}");
    }
}

/// The task that an answer is about.
fn named(answer: &Answer) -> Option<TaskId> {
    match answer {
        Answer::Result { task, .. } => Some(*task),
        Answer::Accepted { document, .. } | Answer::Document(document) => Some(document.id),
        Answer::Problem(problem) => problem.task,
        Answer::Events(page) => Some(page.task),
        Answer::Value { .. } | Answer::Sighted(_) | Answer::Repairing { .. } => None,
    }
}
