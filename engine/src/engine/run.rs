//! The run: from the lane to a worker and back.

use super::Engine;
use crate::event::{Effect, Freed, Notice};
use crate::limits::DELAY_MAX;
use crate::rates::RateChange;
use crate::table::Slot;
use crate::task::{AcceptanceState, Ended, Run, Task};
use overtime_protocol::record::{Change, Expect, ReadMark, Record};
use overtime_protocol::{
    Completion, Document, Durability, Fault, Form, KindId, Lane, MemoryPressure, Monotonic, Now,
    Outcome, Payload, Product, TaskState, UnixMillis,
};
use std::sync::Arc;
use std::time::Duration;

/// A payload up to this stays in memory while its task is queued: to load it again costs more.
const SMALL_PAYLOAD_BYTES: u64 = 1024;

impl Engine {
    pub(super) fn complete(
        &mut self,
        completion: Completion,
        freed: Option<Freed>,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        if let Some(Freed { chain, lane }) = freed {
            self.free(chain, lane);
            self.brief.end(chain);
            self.end_bulk_calls(chain, now);
            self.hot_keys.end_chain(chain);
        }
        let Some(slot) = self.table.find(completion.task) else {
            self.stats.stale += 1;
            return;
        };
        self.end_call_of(slot, &completion, now);
        let Some(task) = self.table.get(slot) else { return };
        if task.durable.form == Form::Single {
            let exec = completion.ended.since(completion.started);
            self.brief.note(task.kind, exec);
            if task.durable.lane == Lane::Interactive {
                self.admission.note_exec(exec);
            }
        }
        match task.run {
            Run::Abandoned => {
                let left = task.hot_key.get();
                self.forget(slot);
                self.leave_line(left, now);
            }
            Run::Running if task.is_at(completion.attempt, completion.run) => {
                self.take_payload_back(slot);
                self.note_start(slot, completion.started);
                let cancels = self.is_to_be_cancelled(slot);
                match completion.outcome {
                    Outcome::Held(_) if !cancels => self.held(slot, now),
                    Outcome::Yielded | Outcome::Cancelled if !cancels => self.yielded(slot, now),
                    _ => self.end_attempt(slot, completion, now, out),
                }
            }
            _ => self.stats.stale += 1,
        }
    }

    fn end_attempt(&mut self, slot: Slot, done: Completion, now: Now, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get(slot) else { return };
        let in_memory = self.kind(task).durability == Durability::Memory
            && task.acceptance == AcceptanceState::Volatile
            && task.durable.claim.is_none()
            && !rests_on_others(&done);
        let (queue, exec) = (done.started.since(task.created), done.ended.since(done.started));
        let (kind, failed) = (task.kind, matches!(done.outcome, Outcome::Ephemeral(_)));
        self.note_rate(kind, failed, now, out);
        if failed {
            self.touch_by_kind(slot);
        }
        let mut change = self.change(slot, done.outcome, now);
        if let Change::Finished(document, _) = &mut change {
            document.progress = done.progress.or(document.progress);
        }
        let record = Record {
            attempt: done.attempt,
            run: done.run,
            change: Some(change),
            puts: done.puts,
            expects: done.expects,
            ..Record::new(done.task, now.unix)
        };
        let shown = TaskState::Running;
        let ended = Ended { record: Arc::new(record), queue, exec, at: done.ended, shown };
        if in_memory && matches!(ended.record.change, Some(Change::Finished(..))) {
            self.finish(slot, &ended, Durability::Memory, now, out);
        } else {
            self.append_ended(slot, ended, out);
        }
    }

    /// An attempt has come back whose handler began then.
    fn note_start(&mut self, slot: Slot, started: Monotonic) {
        let stood = self.table.get_mut(slot).and_then(Task::take_stood);
        if let Some((lane, since)) = stood {
            self.stats.starts[lane].note(started.since(since));
        }
    }

    pub(super) fn note_rate(
        &mut self,
        kind: KindId,
        failed: bool,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let Some((trend, minute, before)) = self.rates.note(kind, u64::from(failed), now.monotonic)
        else {
            return;
        };
        let kind = self.kinds[usize::from(kind.0)].name.clone();
        let change = RateChange { kind, trend, now: minute, before };
        self.incident_of_rate(&change, now);
        out.push(Effect::Notice(Box::new(Notice::Rate(change))));
    }

    /// What an outcome changes for the task.
    fn change(&mut self, slot: Slot, outcome: Outcome, now: Now) -> Change {
        match outcome {
            Outcome::Done(product) => self.finished(slot, Ok(product), now.unix),
            Outcome::Rejected(fault) => self.finished(slot, Err(fault), now.unix),
            Outcome::Defect(fault) => self.failed_for_good(slot, fault, now.unix),
            Outcome::Ephemeral(fault) if self.is_to_be_cancelled(slot) => {
                self.cancelled(slot, Some(fault), now.unix)
            }
            Outcome::Ephemeral(fault) => self.retrying(slot, fault, now.unix),
            // Nothing else comes here: an attempt that merely yields has not ended.
            Outcome::Yielded | Outcome::Cancelled | Outcome::Held(_) => {
                self.cancelled(slot, None, now.unix)
            }
        }
    }

    fn finished(&self, slot: Slot, end: Result<Product, Fault>, at: UnixMillis) -> Change {
        let (state, fault, product) = match end {
            Ok(product) => (TaskState::Succeeded, None, Some(product)),
            Err(fault) => (TaskState::Failed, Some(fault), None),
        };
        let document = Document { finished_at: Some(at), ..self.last_document(slot, state, fault) };
        Change::Finished(Box::new(document), product)
    }

    /// No other attempt could help: it is for a person to decide, unless one has already.
    pub(super) fn failed_for_good(&self, slot: Slot, fault: Fault, at: UnixMillis) -> Change {
        match self.is_to_be_cancelled(slot) {
            true => self.cancelled(slot, Some(fault), at),
            false => self.parked(slot, fault),
        }
    }

    pub(super) fn parked(&self, slot: Slot, fault: Fault) -> Change {
        Change::Parked(Box::new(self.last_document(slot, TaskState::Parked, Some(fault))))
    }

    fn retrying(&mut self, slot: Slot, fault: Fault, now: UnixMillis) -> Change {
        self.stats.retried += 1;
        let Some(task) = self.table.get(slot) else { return self.parked(slot, fault) };
        let policy = self.kind(task).retry;
        let used = task.durable.attempts.saturating_sub(task.durable.forgiven);
        if used >= policy.attempts {
            return self.parked(slot, fault);
        }
        // Full jitter. Who is asked to wait waits at least that long, whatever the policy says.
        let delay = self.seed.jitter(policy.bound(used));
        let delay = delay.max(fault.retry_after.unwrap_or_default());
        Change::Retrying { next_at: now + delay.min(DELAY_MAX), fault }
    }

    /// The document that a task leaves behind.
    pub(super) fn last_document(
        &self,
        slot: Slot,
        state: TaskState,
        fault: Option<Fault>,
    ) -> Document {
        let task = self.table.get(slot).expect("its attempt has just come back");
        let document = self.document(task);
        Document { state, fault, durability: Durability::Disk, ..document }
    }

    pub(super) fn end_delay(&mut self, slot: Slot, now: Now) {
        let delayed = |task: &Task| matches!(task.run, Run::Delayed { .. });
        if self.table.get(slot).is_some_and(delayed) {
            self.enqueue(slot, now.monotonic);
        }
    }

    /// Holds the task back until `until`; not at all if that is past, and no longer than was meant if
    /// the clock was set back since.
    pub(super) fn delay(&mut self, slot: Slot, until: UnixMillis, now: Now) {
        let Some(task) = self.table.get(slot) else { return };
        let span = until.since(now.unix).min(self.longest_delay(task));
        let until = until.min(now.unix + span);
        if span.is_zero() {
            self.enqueue(slot, now.monotonic);
            return;
        }
        let timer = self.timers.set(now.monotonic + span, crate::timers::Due::Start(slot));
        let Some(task) = self.table.get_mut(slot) else { return };
        task.run = Run::Delayed { until, timer };
        self.release_waiting_payload(slot);
    }

    /// The longest that the next attempt of a task can have been put off for.
    fn longest_delay(&self, task: &Task) -> Duration {
        let durable = &task.durable;
        if durable.attempts == 0 {
            return durable
                .due_at
                .get()
                .map_or(Duration::ZERO, |due| due.since(durable.created_at));
        }
        let told = durable.fault.as_ref().and_then(|fault| fault.retry_after);
        let used = durable.attempts.saturating_sub(durable.forgiven).max(1);
        self.kind(task).retry.bound(used).max(told.unwrap_or_default()).min(DELAY_MAX)
    }

    /// The worker has let go of the payload that it was lent.
    pub(super) fn take_payload_back(&mut self, slot: Slot) {
        let Some(task) = self.table.get_mut(slot) else { return };
        let (tenant, lent) = (task.durable.tenant, task.end_loan());
        self.drop_payload(tenant, lent);
        self.reloads.lent_bytes -= lent;
    }

    /// The payload is on disk and nobody needs it soon: its bytes leave memory.
    pub(super) fn release_payload(&mut self, slot: Slot) {
        let Some(task) = self.table.get_mut(slot) else { return };
        if task.is_accepted() && !task.payload.is_stored() {
            let (tenant, len) = (task.durable.tenant, task.payload.len());
            task.payload = match task.spooled {
                true => Payload::spooled(len),
                false => Payload::stored(len),
            };
            self.drop_payload(tenant, len);
        }
    }

    /// A task that waits keeps a small payload in memory as long as there is plenty: many may be due at
    /// the same moment, and to read each of them again costs more than a call.
    pub(super) fn release_waiting_payload(&mut self, slot: Slot) {
        let Some(task) = self.table.get(slot) else { return };
        let plenty = self.stats.payload_bytes < self.limits.payload_memory_max_bytes / 8;
        let plenty = plenty && self.relief.pressure() == MemoryPressure::Fine;
        if task.payload.len() > SMALL_PAYLOAD_BYTES || !plenty {
            self.release_payload(slot);
        }
    }
}

/// Whether an attempt's end counts only once the journal has agreed: it writes, or it has read what
/// another attempt was about to write.
fn rests_on_others(done: &Completion) -> bool {
    let is_ahead = |expect: &Expect| matches!(expect.read, ReadMark::After { .. });
    !done.puts.is_empty() || done.expects.iter().any(is_ahead)
}
