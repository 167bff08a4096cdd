//! What a journal would know of idempotency keys on a random day, and when it would be heard. It
//! never forgets a key, so each may be held by one task only.

use super::task_journal::TaskJournal;
use overtime_protocol::record::Change;
use overtime_protocol::{
    Answer, Append, Code, Finding, Fingerprint, Holder, Inquiry, KeyHash, Problem, Question,
    TaskId, Ticket,
};
use std::collections::{HashMap, VecDeque};

#[derive(Default)]
pub(super) struct KeyJournal {
    kept: HashMap<KeyHash, Kept>,
    /// Inquiries that nobody has read for.
    pub(super) asked: VecDeque<Inquiry>,
    /// What was read, and is not heard of yet.
    found: VecDeque<(Ticket, Finding)>,
}

struct Kept {
    task: TaskId,
    fingerprint: Fingerprint,
    has_ended: bool,
}

impl KeyJournal {
    pub(super) fn is_idle(&self) -> bool {
        self.asked.is_empty() && self.found.is_empty()
    }

    /// A record is on disk.
    pub(super) fn note(&mut self, append: &Append) {
        let record = &append.record;
        if let Some(claim) = record.claim {
            let (task, fingerprint) = (record.task, claim.fingerprint);
            let fresh = Kept { task, fingerprint, has_ended: false };
            let kept = self.kept.entry(claim.key).or_insert(fresh);
            assert_eq!(kept.task, task, "two tasks hold one key");
        }
        if matches!(record.change, Some(Change::Finished(..) | Change::Parked(_))) {
            let held = self.kept.values_mut().find(|kept| kept.task == record.task);
            held.into_iter().for_each(|kept| kept.has_ended = true);
        }
    }

    /// Reads for the oldest inquiry.
    pub(super) fn read(&mut self, fingerprint: Fingerprint, tasks: &TaskJournal) {
        let Some(Inquiry { ticket, question }) = self.asked.pop_front() else { return };
        let key = match question {
            Question::Key { key, .. } => Some(key),
            Question::Fingerprint { .. } => None,
            Question::Parked(task) => {
                self.found.push_back((ticket, tasks.parked(task)));
                return;
            }
            Question::ParkedBy { kind, after, limit, .. } => {
                self.found.push_back((ticket, tasks.parked_by(&kind, after, limit)));
                return;
            }
        };
        let holder = key.and_then(|key| self.kept.get(&key)).map(|kept| {
            let replay = kept.has_ended.then(|| replayed(kept.task));
            Box::new(Holder { task: kept.task, fingerprint: kept.fingerprint, replay })
        });
        self.found.push_back((ticket, Finding::Key { fingerprint, holder }));
    }

    /// What the engine is to hear next.
    pub(super) fn tell(&mut self) -> Option<(Ticket, Finding)> {
        self.found.pop_front()
    }
}

fn replayed(task: TaskId) -> Answer {
    Problem { task: Some(task), ..Problem::new(Code::Cancelled, "again") }.into()
}
