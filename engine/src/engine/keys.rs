//! Idempotency keys: a request that comes again attaches to its task, or gets the same answer
//! again, and never makes new work. What is known of a key beside its live task stands in the
//! journal, so each request that has one waits until the journal was asked.

use super::inquiry::Pending;
use super::{Engine, Mode};
use crate::event::{Effect, Submission, Wants};
use crate::table::Slot;
use crate::task::Run;
use overtime_protocol::{
    Answer, Claim, Code, Fingerprint, Holder, KeyHash, Monotonic, Now, Problem, Query, Question,
    Submitted, TaskId,
};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

/// What is left at least to whoever wanted to wait.
const WAIT_MIN: Duration = Duration::from_millis(1);

/// The keys that the engine has something to do with now.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    known: HashMap<KeyHash, Known>,
}

/// What the engine knows of a key.
#[derive(Debug, Default)]
struct Known {
    /// The live task that holds it.
    holder: Option<Slot>,
    /// How many requests wait to hear of it from the journal.
    asked: u32,
    /// How many live tasks have let go of it while requests were waiting. What the journal said
    /// before the last of them did says nothing about what that task has left there.
    let_go: u32,
}

/// A request with a key that waits to hear from the journal.
#[derive(Debug)]
pub(crate) struct Keyed {
    pub(crate) submission: Submission,
    key: KeyHash,
    since: Monotonic,
    let_go: u32,
}

impl Keys {
    fn ask(&mut self, key: KeyHash) -> u32 {
        let known = self.known.entry(key).or_default();
        known.asked += 1;
        known.let_go
    }

    fn is_held(&self, key: KeyHash) -> bool {
        self.known.get(&key).is_some_and(|known| known.holder.is_some())
    }

    /// An answer has come; what is known now.
    fn answered(&mut self, key: KeyHash) -> (Option<Slot>, u32) {
        let Entry::Occupied(mut entry) = self.known.entry(key) else { return (None, 0) };
        let known = entry.get_mut();
        known.asked = known.asked.saturating_sub(1);
        let found = (known.holder, known.let_go);
        if known.asked == 0 && known.holder.is_none() {
            entry.remove();
        }
        found
    }

    /// A live task holds the key.
    pub(crate) fn hold(&mut self, key: KeyHash, slot: Slot) {
        self.known.entry(key).or_default().holder = Some(slot);
    }

    /// The live task that held the key is no more.
    pub(crate) fn let_go(&mut self, key: KeyHash) {
        let Entry::Occupied(mut entry) = self.known.entry(key) else { return };
        if entry.get().asked == 0 {
            entry.remove();
            return;
        }
        let known = entry.get_mut();
        known.holder = None;
        known.let_go = known.let_go.wrapping_add(1);
    }

    #[cfg(test)]
    pub(crate) fn holders(&self) -> impl Iterator<Item = (KeyHash, Slot)> + '_ {
        self.known.iter().filter_map(|(&key, known)| Some((key, known.holder?)))
    }
}

impl Engine {
    /// A request with a key has come: the journal is asked before anything is decided.
    pub(super) fn look_up_key(
        &mut self,
        submission: Submission,
        key: KeyHash,
        now: Monotonic,
        out: &mut Vec<Effect>,
    ) {
        if self.inquiries.len() >= self.limits.inquiries_max {
            self.stats.refused += 1;
            self.note_refused(submission.tenant);
            let problem = Problem::new(Code::Reads, "too many requests wait for the journal");
            let wait = self.seed.stretch(self.pace.until_drained(1));
            let answer = problem.after(wait).into();
            out.push(Effect::Reply { to: submission.reply_to, answer });
            return;
        }
        let (tenant, bytes) = (submission.tenant, submission.payload.len());
        if let Some(problem) = self.over_inquiries(tenant, bytes) {
            self.stats.refused += 1;
            self.note_refused(tenant);
            out.push(Effect::Reply { to: submission.reply_to, answer: problem.into() });
            return;
        }
        self.begin_asking(tenant, bytes);
        self.ask_about_key(Keyed { submission, key, since: now, let_go: 0 }, out);
    }

    fn ask_about_key(&mut self, keyed: Keyed, out: &mut Vec<Effect>) {
        let (key, is_held, let_go) =
            (keyed.key, self.keys.is_held(keyed.key), self.keys.ask(keyed.key));
        let payload = keyed.submission.payload.clone();
        let content_type = keyed.submission.content_type.clone();
        // If the task lets go of it meanwhile, the journal is asked again, for more.
        let question = match is_held {
            true => Question::Fingerprint { payload, content_type },
            false => Question::Key { key, payload, content_type },
        };
        self.inquire(question, Pending::Key(Box::new(Keyed { let_go, ..keyed })), out);
    }

    /// The journal has answered. What is live counts before what it said, for that is newer.
    pub(super) fn key_found(
        &mut self,
        keyed: Keyed,
        fingerprint: Fingerprint,
        holder: Option<Box<Holder>>,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let (live, let_go) = self.keys.answered(keyed.key);
        if live.is_none() && let_go != keyed.let_go {
            self.ask_about_key(keyed, out);
            return;
        }
        let Keyed { mut submission, key, since, .. } = keyed;
        self.end_asking(submission.tenant, submission.payload.len());
        submission.wait = match self.mode {
            Mode::Leaving => Duration::ZERO,
            _ if submission.wait.is_zero() => Duration::ZERO,
            // Whoever has waited in vain so far did not ask for work that nobody waits for.
            _ => submission.wait.saturating_sub(now.monotonic.since(since)).max(WAIT_MIN),
        };
        match (live, holder) {
            (Some(slot), _) => self.attach(slot, &submission, fingerprint, now, out),
            (None, Some(holder)) if holder.replay.is_none() && self.is_recovering() => {
                self.await_holder(*holder, submission, fingerprint, now.monotonic, out);
            }
            (None, Some(holder)) => self.replay(*holder, &submission, fingerprint, out),
            (None, None) => self.admit(submission, Some(Claim { key, fingerprint }), now, out),
        }
    }

    /// The key is held by a task of a former process that may yet be told of.
    fn await_holder(
        &mut self,
        holder: Holder,
        submission: Submission,
        fingerprint: Fingerprint,
        now: Monotonic,
        out: &mut Vec<Effect>,
    ) {
        let is_its = holder.fingerprint == fingerprint;
        if is_its && submission.strict {
            let answer = in_progress(holder.task, Submitted::Yes).into();
            out.push(Effect::Reply { to: submission.reply_to, answer });
        } else if is_its && !submission.wait.is_zero() {
            self.defer(submission, holder.task, now);
        } else {
            self.replay(holder, &submission, fingerprint, out);
        }
    }

    /// The journal could not be asked: whether there is such a task is not known.
    pub(super) fn key_not_found_out(&mut self, keyed: &Keyed, detail: String) -> Answer {
        self.keys.answered(keyed.key);
        self.end_asking(keyed.submission.tenant, keyed.submission.payload.len());
        let problem = Problem::new(Code::Internal, detail);
        Problem { submitted: Submitted::Unknown, ..problem }.into()
    }

    /// The same request again while its task is live: it waits like the first.
    fn attach(
        &mut self,
        slot: Slot,
        submission: &Submission,
        fingerprint: Fingerprint,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let Some(task) = self.table.get(slot) else { return };
        let claim = task.durable.claim.as_deref();
        let to = submission.reply_to;
        let refused = if claim.is_none_or(|claim| claim.fingerprint != fingerprint) {
            Some(reused(slot.id()))
        } else if submission.strict {
            // Before it is on disk a crash may take it back.
            let submitted = if task.is_accepted() { Submitted::Yes } else { Submitted::Unknown };
            Some(in_progress(slot.id(), submitted))
        } else if task.waiters.len() >= self.limits.waiters_max {
            let wait = self.seed.stretch(self.pace.until_drained(1));
            Some(Problem::new(Code::Waiters, "too many callers wait for this task").after(wait))
        } else {
            None
        };
        if let Some(problem) = refused {
            out.push(Effect::Reply { to, answer: problem.into() });
            return;
        }
        self.stats.attached += 1;
        let (is_accepted, has_ended) = (task.is_accepted(), matches!(task.run, Run::Ended(_)));
        if submission.wait.is_zero() && is_accepted {
            out.push(Effect::Reply { to, answer: self.still_running(slot, now) });
            return;
        }
        self.add_waiter(slot, (to, Wants::Result), submission.wait, now.monotonic);
        self.note_joined(slot);
        if submission.wait.is_zero() && !has_ended {
            self.append_acceptance(slot, now.unix, out);
        } else {
            self.promote(slot, now.monotonic);
        }
    }

    /// The same request again after its task has ended or was parked: the same answer again.
    fn replay(
        &mut self,
        holder: Holder,
        submission: &Submission,
        fingerprint: Fingerprint,
        out: &mut Vec<Effect>,
    ) {
        let to = submission.reply_to;
        let Holder { task, fingerprint: first, replay } = holder;
        let effect = match replay {
            _ if first != fingerprint => Effect::Reply { to, answer: reused(task).into() },
            Some(answer) => {
                self.stats.replayed += 1;
                Effect::Reply { to, answer }
            }
            // Nobody handles its kind any more, or it is not taken up yet: it is as it is shown.
            None => self.read((to, Some(submission.tenant)), Query::Result(task)),
        };
        out.push(effect);
    }
}

fn reused(task: TaskId) -> Problem {
    let detail = "The idempotency key came with another payload or content type before.";
    let problem = Problem::new(Code::IdempotencyKeyReused, detail);
    Problem { task: Some(task), ..problem }
}

fn in_progress(task: TaskId, submitted: Submitted) -> Problem {
    let detail = "The task with this idempotency key has not ended yet.";
    Problem { task: Some(task), submitted, ..Problem::new(Code::InProgress, detail) }
}
