//! The sweep: what was ever shown is held against what the journal has now. It asks nothing
//! itself; its caller does, with the power on and no fault in the way.

use super::{Counts, Oracle};
use overtime_protocol::{Answer, Code, Problem, TaskId, TaskState};
use std::collections::{BTreeMap, BTreeSet};

/// What state says of the work: how often each entry stands there.
pub(crate) type Entries = BTreeMap<u64, u32>;

/// What the journal says of each task.
pub(crate) type States = BTreeMap<TaskId, TaskState>;

impl Oracle {
    /// The tasks that have to be there.
    pub(crate) fn durable_tasks(&self) -> Vec<TaskId> {
        let told = self.tasks.iter().filter(|(_, known)| known.is_durable).map(|(task, _)| task);
        let judged = self.accepted.iter().chain(self.ends.keys());
        told.chain(judged).copied().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What the journal says of one of them. It is shown then, so no crash may take it back.
    pub(crate) fn check_task(&mut self, task: TaskId, answer: &Answer) -> TaskState {
        let state = match answer {
            Answer::Result { .. } => TaskState::Succeeded,
            Answer::Accepted { document, .. } | Answer::Document(document) => document.state,
            Answer::Problem(problem) => ended(task, problem),
            Answer::Value { .. }
            | Answer::Events(_)
            | Answer::Sighted(_)
            | Answer::Repairing { .. } => {
                panic!("{task} is told to be {answer:?}")
            }
        };
        let end = self.tasks.get(&task).and_then(|known| known.end);
        let end = end.or_else(|| self.ends.get(&task).copied());
        let is_same = end.is_none_or(|end| end == state);
        assert!(is_same, "{task} was told to be {end:?} and is now {state:?}");
        self.learn(task, state, None);
        state
    }

    /// What stands at a key of state: it only ever grows.
    pub(crate) fn show(&mut self, key: &[u8], value: &[u8]) {
        let shown = self.shown.entry(key.to_vec()).or_default();
        let common = shown.len().min(value.len());
        assert_eq!(shown[..common], value[..common], "what was shown of state is another now");
        if value.len() > shown.len() {
            shown.clear();
            shown.extend_from_slice(value);
        }
    }

    /// The same when it is read behind everything that was shown.
    pub(crate) fn check_state(&mut self, key: &[u8], value: &[u8], entries: &mut Entries) {
        let shown = self.shown.get(key).map_or(0, Vec::len);
        assert!(value.len() >= shown, "state that was shown is gone: {} of {shown}", value.len());
        self.show(key, value);
        assert_eq!(value.len() % 8, 0, "state is whole");
        for entry in value.chunks_exact(8) {
            let entry = u64::from_le_bytes(entry.try_into().expect("eight bytes"));
            *entries.entry(entry).or_default() += 1;
        }
    }

    /// What all of state says, beside what `states` says of the tasks that have to be there.
    pub(crate) fn check_effects(&self, entries: &Entries, states: &States) {
        for (entry, count) in entries {
            let (token, part) = (entry >> 8, entry & 0xff);
            assert_eq!(*count, 1, "part {part} of the work {token} was done {count} times");
            let told = self.tokens.get(&token).expect("nobody does what nobody asked for");
            assert!(!told.is_refused, "the work {token} was refused and done");
        }
        for (task, state) in states {
            let Some(work) = self.tasks.get(task).and_then(|known| known.work) else { continue };
            let is_done = |part| entries.contains_key(&u64::from_le_bytes(work.entry(part)));
            if *state == TaskState::Succeeded {
                let done = work.entries().all(is_done);
                assert!(done, "{task} succeeded and not all of the work {} is there", work.token);
            } else if state.is_final() && work.parts == 0 {
                assert!(!is_done(0), "{task} is {state:?} and its work {} is there", work.token);
            }
        }
    }

    /// The end of a run: everybody was answered, and everything has ended or rests.
    pub(crate) fn check_end(&mut self, states: &States) -> Counts {
        assert!(self.owed.is_empty(), "callers without an answer: {:?}", self.owed);
        for (task, state) in states {
            let rests = state.is_final() || *state == TaskState::Parked;
            assert!(rests, "{task} is still {state:?}");
            let is_to_run = self.reasons.get(task).is_some_and(|reasons| reasons.is_to_run);
            assert!(!is_to_run || state.is_final(), "{task} was to run again, and is {state:?}");
        }
        self.counts.tasks = states.len() as u64;
        self.counts.ended = states.values().filter(|state| state.is_final()).count() as u64;
        self.counts
    }
}

fn ended(task: TaskId, problem: &Problem) -> TaskState {
    match problem.code {
        Code::InvalidInput => TaskState::Failed,
        Code::Cancelled => TaskState::Cancelled,
        _ => panic!("{task} was told to be on disk and is {problem:?}"),
    }
}
