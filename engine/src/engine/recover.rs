//! Recovery: what a former process accepted and did not finish goes on here.

use super::Engine;
use crate::event::Effect;
use crate::limits::CRASHES_MAX;
use crate::table::Slot;
use crate::task::{AcceptanceState, Durable, Ended, Run, StartMarkState, Task};
use overtime_protocol::record::{Advance, Record, StartMark};
use overtime_protocol::{Claim, Fault, KindId, Now, Source, Unfinished};
use std::sync::Arc;
use std::time::Duration;

impl Engine {
    /// Takes in the unfinished tasks, before any event. `clean` says that the former process
    /// closed the journal in order, so that no crash is to be explained. Tasks of a kind that
    /// nobody handles any more are left to the journal, which keeps them.
    pub fn recover(
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
                continue;
            };
            self.stats.recovered += 1;
            let kind = KindId(u16::try_from(kind).expect("kinds are few"));
            self.take_back(one, kind, clean, now, out);
        }
        self.next_suspect(now);
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
        let payload_lost = one.payload_lost;
        let claim = one.claim;
        let slot = self.table.insert(task_of(one, kind, crashes, now));
        if let Some(Claim { key, .. }) = claim {
            self.keys.hold(key, slot);
        }
        match suspicion {
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
        let ended = Ended { record: Arc::new(record), queue, exec, at: now.monotonic };
        self.append_ended(slot, ended, out);
    }

    /// The suspect's attempt has come to an end of its own: the next one may run.
    pub(super) fn end_suspicion(&mut self, slot: Slot, now: Now) {
        self.suspects.end(slot);
        self.next_suspect(now);
    }

    fn next_suspect(&mut self, now: Now) {
        if let Some(slot) = self.suspects.next() {
            self.enqueue(slot, now.monotonic);
        }
    }
}

/// A crash is surely a task's own only if it ran alone; the first one puts it under suspicion.
fn crashes_after(mark: StartMark) -> u8 {
    if mark.isolated { mark.crashes.saturating_add(1) } else { mark.crashes.max(1) }
}

fn task_of(one: Unfinished, kind: KindId, crashes: u8, now: Now) -> Task {
    let isolated = crashes > 0;
    let advance = one
        .cursor
        .map(|cursor| Box::new(Advance { cursor, progress: one.progress.unwrap_or_default() }));
    let durable = Durable {
        id: one.task,
        lane: one.acceptance.lane,
        form: one.acceptance.form,
        urgency: one.acceptance.urgency,
        attempts: one.attempts,
        crashes,
        created_at: one.acceptance.created_at,
        due_at: one.acceptance.due_at,
        started_at: one.started.map(|mark| mark.at),
        fault: one.fault.map(Box::new),
        advance,
        content_type: one.acceptance.content_type,
        traceparent: one.acceptance.traceparent,
        claim: one.claim.map(Box::new),
    };
    Task {
        durable,
        kind,
        spooled: one.acceptance.payload.is_spooled(),
        lent: 0,
        payload: one.acceptance.payload,
        created: now.monotonic,
        run: Run::Suspect,
        runs: 0,
        run_since: now.monotonic,
        chunk: None,
        acceptance: AcceptanceState::Durable,
        start_mark: StartMarkState::Required { isolated },
        hot_key: None,
        waiters: Vec::new(),
    }
}
