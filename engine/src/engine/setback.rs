//! Setbacks: what becomes of a task when the journal could not take a record of it.

use super::Engine;
use super::record::Carries;
use super::spool::DISK_FULL;
use crate::event::Effect;
use crate::limits::DISK_FULL_RETRY;
use crate::table::Slot;
use crate::task::{AcceptanceState, Ended, PendingChunk, Run};
use crate::timers::Due;
use overtime_protocol::record::Record;
use overtime_protocol::{Code, Fault, Now, Problem, Ruling, TaskState};
use std::sync::Arc;
use std::time::Duration;

impl Engine {
    pub(super) fn disk_full(
        &mut self,
        slot: Slot,
        carries: Carries,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let is_own = self.table.get(slot).is_some_and(|task| self.is_own(task));
        let Some(task) = self.table.get_mut(slot) else { return };
        match carries {
            Carries::Acceptance if is_own && !task.is_accepted() => {
                task.acceptance = AcceptanceState::Volatile;
                self.timers.set(now.monotonic + DISK_FULL_RETRY, Due::Reappend(slot, carries));
            }
            // The end behind it says by itself what became of the task, and may have found room.
            Carries::Acceptance if !task.is_accepted() && matches!(task.run, Run::Ended(_)) => {
                task.acceptance = AcceptanceState::Volatile;
            }
            Carries::Acceptance if task.is_accepted() || task.chunk.is_some() => {
                self.acceptance_is_with_chunk(slot, now);
            }
            Carries::Chunk(chain) if task.acceptance == AcceptanceState::Volatile => {
                task.chunk = None;
                out.push(Effect::Rule { chain, ruling: Ruling::Stop });
                self.refuse_for_disk(slot, now, out);
            }
            Carries::Chunk(_) => {
                self.timers.set(now.monotonic + DISK_FULL_RETRY, Due::Reappend(slot, carries));
            }
            Carries::End if task.acceptance != AcceptanceState::Volatile => {
                self.timers.set(now.monotonic + DISK_FULL_RETRY, Due::Reappend(slot, carries));
            }
            Carries::StartMark if matches!(task.run, Run::Waiting) => {
                self.timers.set(now.monotonic + DISK_FULL_RETRY, Due::Reappend(slot, carries));
            }
            Carries::StartMark => {}
            Carries::CancelAsked => {
                self.timers.set(now.monotonic + DISK_FULL_RETRY, Due::Reappend(slot, carries));
            }
            Carries::Resumption => {
                let problem =
                    Problem::new(Code::Disk, "the disk is full; the task is still parked");
                self.not_resumed(slot, &problem.after(DISK_FULL_RETRY), now, out);
            }
            Carries::Acceptance | Carries::End => self.refuse_for_disk(slot, now, out),
        }
    }

    fn refuse_for_disk(&mut self, slot: Slot, now: Now, out: &mut Vec<Effect>) {
        let wait = self.seed.stretch(DISK_FULL_RETRY);
        let problem = Problem::new(Code::Disk, DISK_FULL);
        self.refuse_late(slot, problem.after(wait), now, out);
    }

    /// A record that no segment can hold is the handler's doing, for payloads of that size have
    /// files of their own.
    pub(super) fn too_large(
        &mut self,
        slot: Slot,
        carries: Carries,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        debug_assert!(matches!(carries, Carries::End | Carries::Chunk(_)));
        if let Carries::Chunk(chain) = carries {
            out.push(Effect::Rule { chain, ruling: Ruling::Stop });
        }
        self.take_payload_back(slot);
        let Some(task) = self.table.get_mut(slot) else { return };
        task.chunk = None;
        let detail = "what the attempt wants written is larger than a record may be";
        let fault = Fault::input("record-too-large", detail);
        let (attempt, run, at) = (task.durable.attempts, task.runs, task.run_since);
        let change = Some(self.failed_for_good(slot, fault, now.unix));
        let record = Record { attempt, run, change, ..Record::new(slot.id(), now.unix) };
        let (queue, exec, shown) = (Duration::ZERO, Duration::ZERO, TaskState::Running);
        let ended = Ended { record: Arc::new(record), queue, exec, at, shown };
        self.append_ended(slot, ended, out);
    }

    /// Offers a record again that met a full disk, if it is still wanted.
    pub(super) fn reappend(
        &mut self,
        (slot, carries): (Slot, Carries),
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let Some(task) = self.table.get(slot) else { return };
        match (carries, &task.run) {
            (Carries::End, Run::Ended(ended)) => {
                let record = ended.record.clone();
                self.append(slot, Carries::End, record, out);
            }
            (Carries::StartMark, Run::Waiting) => {
                let started_at = task.durable.started_at.get().unwrap_or(task.durable.created_at);
                self.append_start_mark(slot, started_at, out);
            }
            (Carries::Chunk(_), Run::Running) => {
                let Some(PendingChunk { record, chain }) = task.chunk.as_deref() else { return };
                self.append_chunk(slot, record.clone(), *chain, out);
            }
            (Carries::Acceptance, Run::Waiting) => self.append_acceptance(slot, now.unix, out),
            (Carries::CancelAsked, Run::Running) => self.append_cancel_asked(slot, now.unix, out),
            _ => {}
        }
    }
}
