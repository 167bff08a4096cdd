//! Recovery: what a former process accepted and did not finish goes on here. It may be much, so it
//! comes in parts, between other events; what cannot be decided before all of it is known waits.

use super::Engine;
use crate::event::{Effect, Submission};
use crate::limits::CRASHES_MAX;
use crate::table::Slot;
use crate::task::{AcceptanceState, Durable, Ended, Run, StartMarkState, Task};
use crate::timers::{Due, TimerKey};
use overtime_protocol::record::{Advance, Record, StartMark};
use overtime_protocol::{
    Claim, Fault, KindId, Monotonic, Now, Problem, ReplyTo, Source, TaskId, TaskState, TenantId,
    Unfinished,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Whether all tasks of the former process are known.
#[derive(Debug)]
pub(crate) enum Recovery {
    /// They are not, and these requests may be about one of them.
    UnderWay(BTreeMap<ReplyTo, Deferred>),
    /// They are.
    Ended,
}

/// A request that waits for the end of the recovery, and no longer than its caller.
#[derive(Debug)]
pub(crate) struct Deferred {
    pub(super) submission: Submission,
    /// The task that it is about.
    pub(super) holder: TaskId,
    pub(super) timer: TimerKey,
}

impl Recovery {
    /// Whether requests wait for its end.
    pub(super) fn defers(&self) -> bool {
        matches!(self, Self::UnderWay(deferred) if !deferred.is_empty())
    }
}

impl Engine {
    /// Tasks of a former process are about to be told, with [`Event::Recovered`], until
    /// [`Event::RecoveryEnded`]. Everything goes on meanwhile.
    ///
    /// [`Event::Recovered`]: crate::Event::Recovered
    /// [`Event::RecoveryEnded`]: crate::Event::RecoveryEnded
    pub fn begin_recovery(&mut self) {
        self.recovery = Recovery::UnderWay(BTreeMap::new());
    }

    /// Whether a task that is not live may be unfinished all the same.
    pub(super) fn is_recovering(&self) -> bool {
        matches!(self.recovery, Recovery::UnderWay(_))
    }

    /// The request is about a task that is not known yet: it comes again when all are.
    pub(super) fn defer(&mut self, submission: Submission, holder: TaskId, now: Monotonic) {
        let held = (submission.tenant, submission.payload.len());
        let Recovery::UnderWay(deferred) = &mut self.recovery else { return };
        let reply_to = submission.reply_to;
        let timer = self.timers.set(now + submission.wait, Due::Deferred(reply_to));
        deferred.insert(reply_to, Deferred { submission, holder, timer });
        self.hold_payload(held.0, held.1);
    }

    /// Payload bytes of the requests that wait for the end of the recovery.
    #[cfg(any(test, feature = "audit"))]
    pub(super) fn deferred_bytes(&self) -> u64 {
        match &self.recovery {
            Recovery::UnderWay(deferred) => {
                deferred.values().map(|one| one.submission.payload.len()).sum()
            }
            Recovery::Ended => 0,
        }
    }

    /// Each with what is left of its wait.
    fn take_deferred(&mut self, now: Monotonic) -> Vec<Submission> {
        let Recovery::UnderWay(deferred) = &mut self.recovery else { return Vec::new() };
        let mut submissions = Vec::with_capacity(deferred.len());
        for Deferred { mut submission, timer, .. } in std::mem::take(deferred).into_values() {
            self.timers.cancel(timer);
            self.drop_payload(submission.tenant, submission.payload.len());
            submission.wait = timer.at.since(now);
            submissions.push(submission);
        }
        submissions
    }

    /// All are known.
    pub(super) fn end_recovery(&mut self, now: Now, out: &mut Vec<Effect>) {
        let deferred = self.take_deferred(now.monotonic);
        self.recovery = Recovery::Ended;
        deferred.into_iter().for_each(|submission| self.submit(submission, now, out));
        self.steer_deferred(now, out);
    }

    /// The journal has failed: they never will be.
    pub(super) fn give_up_deferred(&mut self, problem: &Problem, out: &mut Vec<Effect>) {
        self.give_up_deferred_steers(problem, out);
        for Submission { reply_to: to, .. } in self.take_deferred(Monotonic::default()) {
            out.push(Effect::Reply { to, answer: problem.clone().into() });
        }
    }

    /// Takes in unfinished tasks. Those of a kind that nobody handles any more are left to the
    /// journal, which keeps them.
    pub(super) fn recover(
        &mut self,
        unfinished: Vec<Unfinished>,
        clean: bool,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        for one in unfinished {
            let name = &one.acceptance.kind;
            let Some(kind) = self.kinds.iter().position(|kind| kind.name == *name) else {
                self.stats.unhandled += 1;
                let tenant = self.tenants.id(&one.acceptance.tenant);
                self.revivals.leave(one.task, tenant);
                continue;
            };
            if self.table.find(one.task).is_some() {
                debug_assert!(false, "{} is told twice", one.task);
                continue;
            }
            self.stats.recovered += 1;
            let kind = KindId(u16::try_from(kind).expect("kinds are few"));
            self.take_back(one, kind, clean, now, out);
        }
        self.next_suspect(now.monotonic);
    }

    fn take_back(
        &mut self,
        one: Unfinished,
        kind: KindId,
        clean: bool,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let suspicion = one.started.filter(|_| !clean);
        let crashes = suspicion.map_or(one.crashes, crashes_after);
        let due_at = one.next_at.or(one.acceptance.due_at);
        let (payload_lost, cancel_asked) = (one.payload_lost, one.cancel_asked);
        let claim = one.claim;
        let tenant = self.tenants.id(&one.acceptance.tenant);
        let mut task = task_of(one, (tenant, kind), crashes, now);
        // Only suspects run alone: a crash beside others must not count as a task's own, whatever
        // happened to it before.
        let isolated = suspicion.is_some();
        task.start_mark = StartMarkState::Required { isolated };
        let slot = self.table.insert(task);
        if let Some(Claim { key, .. }) = claim {
            self.keys.hold(key, slot);
        }
        match suspicion {
            _ if cancel_asked => self.end_cancelled(slot, TaskState::Queued, now, out),
            _ if payload_lost => {
                let detail = "the file with the payload is not there any more";
                self.park_recovered(slot, "payload-lost", detail, now, out);
            }
            Some(_) if crashes >= CRASHES_MAX => {
                let detail = "the server died three times while this task ran";
                self.park_recovered(slot, "crashed-server", detail, now, out);
            }
            Some(_) => self.suspects.add(slot),
            None => self.delay(slot, due_at.unwrap_or_default(), now),
        }
    }

    fn park_recovered(
        &mut self,
        slot: Slot,
        code: &'static str,
        detail: &str,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let fault = Fault { source: Source::Server, ..Fault::input(code, detail) };
        let Some(task) = self.table.get(slot) else { return };
        let record = Record {
            attempt: task.durable.attempts,
            change: Some(self.parked(slot, fault)),
            ..Record::new(slot.id(), now.unix)
        };
        let (queue, exec) = (Duration::ZERO, Duration::ZERO);
        let shown = TaskState::Queued;
        let ended = Ended { record: Arc::new(record), queue, exec, at: now.monotonic, shown };
        self.append_ended(slot, ended, out);
    }

    /// The suspect's attempt has come to an end of its own: the next one may run.
    pub(super) fn end_suspicion(&mut self, slot: Slot, now: Now) {
        self.suspects.end(slot);
        self.next_suspect(now.monotonic);
    }

    pub(super) fn next_suspect(&mut self, now: Monotonic) {
        while let Some(slot) = self.suspects.next() {
            if self.table.get(slot).is_some_and(|task| matches!(task.run, Run::Suspect)) {
                self.enqueue(slot, now);
                return;
            }
            // It was cancelled while it waited.
            self.suspects.end(slot);
        }
    }
}

/// A crash is surely a task's own only if it ran alone; the first one puts it under suspicion.
fn crashes_after(mark: StartMark) -> u8 {
    if mark.isolated { mark.crashes.saturating_add(1) } else { mark.crashes.max(1) }
}

pub(super) fn task_of(
    one: Unfinished,
    (tenant, kind): (TenantId, KindId),
    crashes: u8,
    now: Now,
) -> Task {
    let advance = one
        .cursor
        .map(|cursor| Box::new(Advance { cursor, progress: one.progress.unwrap_or_default() }));
    let durable = Durable {
        id: one.task,
        tenant,
        lane: one.acceptance.lane,
        form: one.acceptance.form,
        urgency: one.acceptance.urgency,
        attempts: one.attempts,
        forgiven: one.forgiven,
        crashes,
        created_at: one.acceptance.created_at,
        due_at: one.acceptance.due_at.into(),
        started_at: one.started.map(|mark| mark.at).into(),
        fault: one.fault.map(Box::new),
        advance,
        content_type: one.acceptance.content_type,
        traceparent: one.acceptance.traceparent.map(Box::new),
        claim: one.claim.map(Box::new),
    };
    let spooled = one.acceptance.payload.is_spooled();
    let mut task = Task::new(durable, kind, one.acceptance.payload, now.monotonic);
    task.spooled = spooled;
    task.run = Run::Suspect;
    task.acceptance = AcceptanceState::Durable;
    task
}
