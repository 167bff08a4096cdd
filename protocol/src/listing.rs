//! Lists of tasks on their way: the archive finds what a page may show, the engine says how those stand
//! that are live, and a reader of the journal writes what is left. It asks nobody.

use crate::id::TaskId;
use crate::lookup::TaskFilter;
use crate::task::{Document, TaskState};
use crate::tenant::Scope;

/// Tasks that a list may show, as the archive found them.
#[derive(Clone, Debug)]
pub struct Sighted {
    /// Whose tasks whoever asks sees; there are none of others among these.
    pub scope: Scope,
    /// What is to be shown.
    pub filter: TaskFilter,
    /// The tasks, newest first, each with what is on disk of its state.
    pub tasks: Vec<(TaskId, TaskState)>,
    /// The oldest task that was looked at, if there are older ones.
    pub next: Option<TaskId>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// What it shows, newest first.
    pub entries: Vec<Entry>,
    /// The state in which all of them are, if one was named.
    pub state: Option<TaskState>,
    /// Where the next page begins.
    pub next: Option<TaskId>,
}

/// A task on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A live one, as it stands.
    Live(Box<Document>),
    /// Another, as the archive has it.
    Kept(TaskId),
}

impl Sighted {
    /// The page that becomes of it: each task is shown in the state that its own document tells.
    pub fn sheet(self, live: impl Fn(TaskId) -> Option<Document>) -> Sheet {
        let Self { filter, tasks, next, .. } = self;
        let mut sheet = Sheet { entries: Vec::new(), state: filter.state, next };
        let mut last = None;
        for (task, kept) in tasks {
            if sheet.entries.len() >= filter.limit.max(1) as usize {
                return Sheet { next: last, ..sheet };
            }
            last = Some(task);
            // An end that is on disk is one, whoever has not heard of it yet.
            let document = if kept.is_final() { None } else { live(task) };
            let state = document.as_ref().map_or(kept, |document| document.state);
            if filter.state.is_none_or(|wanted| wanted == state) {
                let kept = Entry::Kept(task);
                sheet.entries.push(document.map_or(kept, |shown| Entry::Live(Box::new(shown))));
            }
        }
        sheet
    }
}

impl TaskFilter {
    /// Whether live tasks may be shown, of which the archive does not know how they stand.
    pub fn shows_live(&self) -> bool {
        match self.state {
            None => true,
            Some(TaskState::Queued | TaskState::Running) => true,
            Some(TaskState::Retrying | TaskState::Held) => true,
            Some(TaskState::Parked | TaskState::Succeeded) => false,
            Some(TaskState::Failed | TaskState::Cancelled) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Epoch, TaskIdMint};
    use crate::kind::{Durability, KindName};
    use crate::lane::Lane;
    use crate::time::UnixMillis;

    fn task(number: u64) -> TaskId {
        TaskIdMint::new(Epoch(1), None).mint(UnixMillis((1 << 41) + number))
    }

    fn document(id: TaskId, state: TaskState) -> Document {
        Document {
            id,
            kind: KindName::new("pay").unwrap(),
            lane: Lane::Interactive,
            state,
            attempts: 0,
            created_at: UnixMillis(1),
            started_at: None,
            finished_at: None,
            next_attempt_at: None,
            progress: None,
            fault: None,
            tenant: "default".into(),
            durability: Durability::Disk,
        }
    }

    /// Of five tasks the newest but one is held, though nothing on disk says so.
    fn sighted(state: Option<TaskState>, limit: u32) -> Sighted {
        let kept = [
            (5, TaskState::Queued),
            (4, TaskState::Queued),
            (3, TaskState::Running),
            (2, TaskState::Succeeded),
            (1, TaskState::Retrying),
        ];
        Sighted {
            scope: Scope::All,
            filter: TaskFilter { state, limit, ..TaskFilter::everything() },
            tasks: kept.map(|(number, state)| (task(number), state)).into(),
            next: Some(task(0)),
        }
    }

    fn shown(state: Option<TaskState>, limit: u32) -> (Vec<TaskId>, Option<TaskId>) {
        let live = |id| {
            let states = [(4, TaskState::Held), (3, TaskState::Running), (2, TaskState::Running)];
            let is_it = |(number, _): &(u64, TaskState)| task(*number) == id;
            states.into_iter().find(is_it).map(|(_, state)| document(id, state))
        };
        let sheet = sighted(state, limit).sheet(live);
        let ids = sheet.entries.into_iter().map(|entry| match entry {
            Entry::Live(document) => document.id,
            Entry::Kept(id) => id,
        });
        (ids.collect(), sheet.next)
    }

    #[test]
    fn each_is_shown_in_the_state_that_its_own_document_tells() {
        for (state, expected) in [
            (TaskState::Queued, vec![5]),
            (TaskState::Held, vec![4]),
            (TaskState::Running, vec![3]),
            (TaskState::Retrying, vec![1]),
        ] {
            let expected: Vec<TaskId> = expected.into_iter().map(task).collect();
            assert_eq!(shown(Some(state), 100), (expected, Some(task(0))), "{state:?}");
        }
        assert_eq!(shown(None, 100).0, [5, 4, 3, 2, 1].map(task));
    }

    #[test]
    fn a_page_that_is_full_says_where_it_ended() {
        assert_eq!(shown(None, 2), ([5, 4].map(task).into(), Some(task(4))));
        assert_eq!(shown(None, 5), ([5, 4, 3, 2, 1].map(task).into(), Some(task(0))));
        assert_eq!(shown(Some(TaskState::Held), 1), (vec![task(4)], Some(task(4))));
        assert_eq!(shown(Some(TaskState::Retrying), 1), (vec![task(1)], Some(task(0))));
    }
}
