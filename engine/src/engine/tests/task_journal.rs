//! What a journal would know of tasks on a random day: in which order their records may come, and
//! what it tells of those that are parked.

use crate::engine::hurts::NOTE_TICKET;
use crate::engine::kept::KEPT_TICKET;
use overtime_protocol::record::{Acceptance, Change};
use overtime_protocol::{
    Answer, Append, Claim, Code, Finding, KindName, Payload, Problem, TaskId, Unfinished,
    Unsteerable,
};
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Default)]
pub(super) struct TaskJournal {
    kept: HashMap<TaskId, Kept>,
}

#[derive(Default)]
struct Kept {
    acceptance: Option<Acceptance>,
    tenant: Option<Arc<str>>,
    claim: Option<Claim>,
    attempts: u32,
    rest: Option<Rest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Parked,
    Finished,
}

/// What a record did to a parked task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    Parks,
    Wakes,
    Ends,
    None,
}

impl TaskJournal {
    /// A record is on disk. Panics if it may not follow those before it.
    pub(super) fn note(&mut self, append: &Append) -> Move {
        let record = &append.record;
        if append.ticket == NOTE_TICKET || append.ticket == KEPT_TICKET {
            // It is about no task.
            return Move::None;
        }
        let kept = self.kept.entry(record.task).or_default();
        let before = kept.rest;
        assert_ne!(before, Some(Rest::Finished), "{record:?} follows an end");
        if let Some(acceptance) = &record.acceptance {
            kept.acceptance = Some(acceptance.clone());
            kept.tenant = Some(acceptance.tenant.clone());
        }
        // What is over at once leaves its document alone.
        if let Some(Change::Finished(document, _)) = &record.change {
            kept.tenant = Some(document.tenant.clone());
        }
        kept.claim = kept.claim.or(record.claim);
        kept.attempts = record.attempt;
        let (rest, was_move) = match (&record.change, before) {
            (Some(Change::Finished(..)), Some(_)) => (Some(Rest::Finished), Move::Wakes),
            (Some(Change::Finished(..)), None) => (Some(Rest::Finished), Move::Ends),
            (Some(Change::Parked(_)), None) => (Some(Rest::Parked), Move::Parks),
            (Some(Change::Resumed), Some(Rest::Parked)) => (None, Move::Wakes),
            (None | Some(Change::Resumed | Change::Parked(_)), rest) => {
                assert!(rest.is_none() && record.acceptance.is_some(), "{record:?} on {rest:?}");
                (None, Move::None)
            }
            (Some(_), rest) => {
                assert_eq!(rest, None, "{record:?}");
                (None, Move::None)
            }
        };
        kept.rest = rest;
        was_move
    }

    /// What is found of a task that may be parked.
    pub(super) fn parked(&self, task: TaskId) -> Finding {
        let tenant = self.kept.get(&task).and_then(|kept| kept.tenant.clone());
        let refused = |code| {
            let answer = Answer::from(Problem::new(code, "no"));
            Err(Box::new(Unsteerable { tenant: tenant.clone(), answer }))
        };
        Finding::Parked(match self.kept.get(&task) {
            None => refused(Code::UnknownTask),
            // A record of a task whose acceptance met a full disk leaves nothing.
            Some(kept) if kept.tenant.is_none() => refused(Code::UnknownTask),
            Some(kept) if kept.rest != Some(Rest::Parked) => refused(Code::NotParked),
            Some(kept) => Ok(Box::new(kept.unfinished(task))),
        })
    }
}

impl TaskJournal {
    /// The next parked tasks of a kind, whatever their fault.
    pub(super) fn parked_by(&self, kind: &KindName, after: Option<TaskId>, limit: u32) -> Finding {
        let is_meant = |task: &TaskId, kept: &Kept| {
            let kinds = kept.acceptance.as_ref().map(|acceptance| &acceptance.kind);
            kept.rest == Some(Rest::Parked) && kinds == Some(kind) && Some(*task) > after
        };
        let parked = self.kept.iter().filter(|(task, kept)| is_meant(task, kept));
        let mut parked: Vec<TaskId> = parked.map(|(task, _)| *task).collect();
        parked.sort_unstable();
        parked.truncate(limit as usize);
        Finding::ParkedBy(parked)
    }
}

impl Kept {
    fn unfinished(&self, task: TaskId) -> Unfinished {
        let mut acceptance = self.acceptance.clone().expect("whatever is parked was accepted");
        if !acceptance.payload.is_spooled() {
            acceptance.payload = Payload::stored(acceptance.payload.len());
        }
        let (attempts, claim) = (self.attempts, self.claim);
        let template = super::recovery::unfinished(1, "echo", None);
        Unfinished { task, acceptance, attempts, claim, ..template }
    }
}
