//! The record: what goes to the journal, and what its verdicts mean.

use super::Engine;
use crate::event::Effect;
use crate::hot::Line;
use crate::table::Slot;
use crate::task::{AcceptanceState, Ended, Run, StartMarkState};
use overtime_protocol::record::{Change, Record, StartMark};
use overtime_protocol::{
    Append, ChainNumber, Fate, Form, Monotonic, Now, TaskState, Ticket, UnixMillis, Verdict,
};
use std::sync::Arc;

/// An append whose verdict is awaited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InFlight {
    pub(crate) slot: Slot,
    pub(crate) carries: Carries,
    /// When the record was made, and the attempt that it is about.
    pub(crate) at: UnixMillis,
    pub(crate) attempt: u32,
    /// Whether it says that the attempt has started.
    pub(crate) starts: bool,
    /// When it was appended.
    pub(crate) since: Monotonic,
    /// Whether a caller waits for it.
    pub(crate) keeps_waiting: bool,
}

/// What an append carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    /// The acceptance, maybe with a start mark.
    Acceptance,
    /// A start mark alone.
    StartMark,
    /// A chunk of the attempt that this chain's worker has.
    Chunk(ChainNumber),
    /// How an attempt ended.
    End,
    /// That the end of the attempt was asked for.
    CancelAsked,
    /// That a parked task runs again.
    Resumption,
}

impl Engine {
    pub(super) fn append(
        &mut self,
        slot: Slot,
        carries: Carries,
        record: Arc<Record>,
        out: &mut Vec<Effect>,
    ) {
        let starts = matches!(record.change, Some(Change::Started(_)));
        let (at, attempt) = (record.at, record.attempt);
        let since = self.latest;
        let is_awaited = self.is_awaited(slot, carries, &record);
        let keeps_waiting = is_awaited && matches!(carries, Carries::Acceptance | Carries::End);
        let inflight = InFlight { slot, carries, at, attempt, starts, since, keeps_waiting };
        if keeps_waiting {
            self.admission.append_began(since);
        }
        let ticket = Ticket(self.inflight.insert(inflight) as u64);
        out.push(Effect::Append(Append { ticket, record, is_awaited }));
    }

    /// Whether anybody or anything comes on only when that record of the task is durable. Nobody
    /// does if an attempt runs on anyhow, or has ended for a caller who has long been told where to
    /// ask. Who comes to wait for it later waits a moment more. What changes keys is never kept back:
    /// others who read them meanwhile would have read what was.
    fn is_awaited(&self, slot: Slot, carries: Carries, record: &Record) -> bool {
        let Some(task) = self.table.get(slot) else { return false };
        if self.is_followed(slot.id()) {
            return true;
        }
        match carries {
            Carries::StartMark => !matches!(task.run, Run::Running),
            Carries::End => {
                !record.puts.is_empty()
                    || task.acceptance != AcceptanceState::Durable
                    || !task.waiters.is_empty()
                    || task.hot_key.is_some()
                    || task.start_mark.is_isolated()
                    || task.is_to_be_cancelled()
            }
            Carries::Acceptance
            | Carries::Chunk(_)
            | Carries::CancelAsked
            | Carries::Resumption => true,
        }
    }

    /// Records that the task was accepted, and that it runs if it does.
    pub(super) fn append_acceptance(&mut self, slot: Slot, now: UnixMillis, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get(slot) else { return };
        if task.acceptance != AcceptanceState::Volatile {
            return;
        }
        let acceptance = task.acceptance_record(self.kind_name(task), self.tenant_of(task));
        let started_at = task.durable.started_at.get().filter(|_| matches!(task.run, Run::Running));
        let crashes = task.durable.crashes;
        let mark = |at| Change::Started(StartMark { at, isolated: false, crashes });
        let record = Record {
            attempt: task.durable.attempts,
            claim: task.durable.claim.as_deref().copied(),
            acceptance: Some(acceptance),
            change: started_at.map(mark),
            ..Record::new(slot.id(), now)
        };
        let Some(task) = self.table.get_mut(slot) else { return };
        task.acceptance = AcceptanceState::Appending;
        if started_at.is_some() {
            task.start_mark = StartMarkState::Written { isolated: false };
        }
        self.append(slot, Carries::Acceptance, Arc::new(record), out);
    }

    /// Records that the attempt at hand is running, or is about to.
    pub(super) fn append_start_mark(&mut self, slot: Slot, at: UnixMillis, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get_mut(slot) else { return };
        let isolated = task.start_mark.is_isolated();
        let running = matches!(task.run, Run::Running);
        if !running {
            task.run = Run::Waiting;
            let lane = task.charged_lane();
            if task.marked_in.replace(lane).is_none() {
                self.marks[lane].enter();
            }
        }
        task.start_mark = StartMarkState::Written { isolated };
        let crashes = task.durable.crashes;
        let attempt = task.durable.attempts + u32::from(!running);
        let change = Some(Change::Started(StartMark { at, isolated, crashes }));
        let record = Record { attempt, change, ..Record::new(slot.id(), at) };
        self.append(slot, Carries::StartMark, Arc::new(record), out);
    }

    /// Records how an attempt ended. A task that would rest or be retried needs its acceptance
    /// with it; one that has ended leaves its whole document and needs none.
    pub(super) fn append_ended(&mut self, slot: Slot, mut ended: Ended, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get(slot) else { return };
        let finishes = matches!(ended.record.change, Some(Change::Finished(..)));
        // An acceptance on its way may still meet a full disk, and two do no harm.
        if task.acceptance != AcceptanceState::Durable {
            let claim = task.durable.claim.as_deref().copied();
            let accepts = |task: &crate::task::Task| {
                task.acceptance_record(self.kind_name(task), self.tenant_of(task))
            };
            let acceptance = (!finishes).then(|| accepts(task));
            if claim.is_some() || acceptance.is_some() {
                let record = Arc::make_mut(&mut ended.record);
                (record.claim, record.acceptance) = (claim, acceptance);
            }
        }
        let record = ended.record.clone();
        let Some(task) = self.table.get_mut(slot) else { return };
        task.run = Run::Ended(Box::new(ended));
        self.note_under_way(slot);
        self.append(slot, Carries::End, record, out);
    }

    /// An attempt has outlived the linger, or its task has waited for that long.
    pub(super) fn end_linger(&mut self, slot: Slot, now: UnixMillis, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get(slot) else { return };
        let running = matches!(task.run, Run::Running);
        let started_at = task.durable.started_at.get();
        match (&task.run, task.acceptance) {
            (Run::Ended(_) | Run::Abandoned, _) => {}
            (_, AcceptanceState::Volatile) => self.append_acceptance(slot, now, out),
            _ if running && task.start_mark == StartMarkState::None => {
                self.append_start_mark(slot, started_at.unwrap_or_default(), out);
            }
            _ => {}
        }
    }

    pub(super) fn judge(&mut self, verdict: Verdict, now: Now, out: &mut Vec<Effect>) {
        if verdict.ticket == super::hurts::NOTE_TICKET {
            self.note_judged(verdict.fate);
            return;
        }
        if verdict.ticket == super::kept::KEPT_TICKET {
            self.kept_judged(verdict.fate, now.monotonic);
            return;
        }
        let Some(inflight) = self.inflight.try_remove(verdict.ticket.0 as usize) else {
            self.stats.stale += 1;
            return;
        };
        let InFlight { slot, carries, since, keeps_waiting, .. } = inflight;
        if keeps_waiting {
            self.admission.append_ended(now.monotonic.since(since), now.monotonic);
        }
        if let Fate::Durable { lsn } = verdict.fate {
            self.publish(inflight, lsn, out);
        }
        match (verdict.fate, carries) {
            (Fate::Durable { .. }, Carries::Acceptance) => self.accepted(slot, now, out),
            (Fate::Durable { .. }, Carries::StartMark) => self.marked(slot, now),
            (Fate::Durable { .. }, Carries::End) => self.end_durable(slot, now, out),
            (Fate::Durable { .. }, Carries::CancelAsked) => self.cancel_noted(slot, now, out),
            (Fate::Durable { .. }, Carries::Resumption) => self.resumed(slot, now, out),
            (Fate::Conflict { key_hash }, Carries::End) => {
                self.conflicted(slot, key_hash, now, out);
            }
            (Fate::Durable { lsn }, Carries::Chunk(chain)) => {
                self.chunk_durable(slot, chain, lsn, now, out);
            }
            (Fate::Conflict { .. }, Carries::Chunk(chain)) => {
                self.chunk_conflicted(slot, chain, out);
            }
            (Fate::Conflict { .. }, _) => {
                debug_assert!(false, "a record without reads cannot conflict");
            }
            (Fate::DiskFull, _) => self.disk_full(slot, carries, now, out),
            (Fate::TooLarge, _) => self.too_large(slot, carries, now, out),
        }
    }

    pub(super) fn accepted(&mut self, slot: Slot, now: Now, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get_mut(slot) else { return };
        task.acceptance = AcceptanceState::Durable;
        let (waits, due_at) = (matches!(task.run, Run::Waiting), task.durable.due_at.get());
        let idle = matches!(task.run, Run::Queued { .. } | Run::Chained);
        if waits {
            self.delay(slot, due_at.unwrap_or_default(), now);
        }
        self.tell_overdue(slot, now, out);
        if idle || (waits && !self.has_room_for(slot)) {
            self.release_waiting_payload(slot);
        }
    }

    fn has_room_for(&self, slot: Slot) -> bool {
        self.table.get(slot).is_some_and(|task| self.credits.has_room(task.charged_lane()))
    }

    /// A start mark is durable: if the attempt waited for that, it starts now.
    fn marked(&mut self, slot: Slot, now: Now) {
        let waits = |task: &crate::task::Task| matches!(task.run, Run::Waiting);
        if self.table.get(slot).is_some_and(waits) {
            // Not in front of those that somebody waits for: there may be a million of these.
            self.enqueue(slot, now.monotonic);
        }
    }

    /// A key that the attempt had read was written meanwhile. It runs again, as the same attempt,
    /// in the line of those who want that key.
    fn conflicted(&mut self, slot: Slot, key: u64, now: Now, out: &mut Vec<Effect>) {
        self.stats.conflicts += 1;
        let Some(task) = self.table.get_mut(slot) else { return };
        if task.is_to_be_cancelled() {
            task.run = Run::Waiting;
            self.end_cancelled(slot, TaskState::Running, now, out);
            return;
        }
        task.durable.attempts = task.durable.attempts.saturating_sub(1);
        if task.durable.form == Form::Bulk {
            // It would hold up the single calls behind it in that line.
            self.enqueue_first(slot, now.monotonic);
            return;
        }
        let left = task.hot_key.replace(key);
        task.run = Run::Chained;
        if task.acceptance == AcceptanceState::Volatile {
            self.lingers.set(now.monotonic, slot);
        }
        if self.hot_keys.join(key, slot) == Line::Leads {
            self.enqueue(slot, now.monotonic);
        }
        self.leave_line(left, now);
    }

    /// Whether the task still waits in the line in which it stands.
    pub(super) fn is_chained(&self, slot: Slot) -> bool {
        self.table.get(slot).is_some_and(|task| matches!(task.run, Run::Chained))
    }

    /// A job of a chain is through; the next chain over that key may start.
    pub(super) fn leave_line(&mut self, key: Option<u64>, now: Now) {
        let Some(key) = key else { return };
        let mut next = self.hot_keys.leave(key);
        while let Some(leader) = next {
            if self.is_chained(leader) {
                self.enqueue(leader, now.monotonic);
                return;
            }
            next = self.hot_keys.leave(key);
        }
    }

    pub(super) fn append_chunk(
        &mut self,
        slot: Slot,
        record: Arc<Record>,
        chain: ChainNumber,
        out: &mut Vec<Effect>,
    ) {
        self.append(slot, Carries::Chunk(chain), record, out);
    }
}
