//! Lists of tasks: the journal finds what may be on a page, and how the live ones stand is said here, as
//! their own documents say it. A page has a bound, so that costs a turn no more than so many look-ups;
//! the journal's readers write it.

use super::Engine;
use crate::event::Effect;
use overtime_protocol::{KindName, Query, Read, ReplyTo, Sighted, TaskFilter, TaskState};

impl Engine {
    /// Leaves of a list what cannot be on it: only what calls an upstream that is shed is held.
    pub fn narrow(&self, filter: &mut TaskFilter) {
        if filter.state == Some(TaskState::Held) {
            let is_shed = |upstream| self.gates.is_shed(upstream);
            let kinds = self.kinds.iter().filter(|kind| kind.upstream.is_some_and(is_shed));
            filter.among =
                Some(kinds.map(|kind| kind.name.clone()).collect::<Vec<KindName>>().into());
        }
    }

    /// The journal has found what a list may show.
    pub(super) fn show_list(&self, reply_to: ReplyTo, sighted: Sighted, out: &mut Vec<Effect>) {
        let scope = sighted.scope.clone();
        let sheet = sighted.sheet(|task| {
            let live = self.table.get(self.find_shown(task, None)?)?;
            Some(self.document(live))
        });
        out.push(Effect::Read(Read { reply_to, scope, query: Query::Sheet(Box::new(sheet)) }));
    }
}
