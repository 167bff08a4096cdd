//! Chunks: parts of an attempt that are committed before it ends, one after the other: those of
//! bulk, and what a handler saves on its way. The worker waits for the ruling on each, so it stops
//! where it is told to.

use super::{Engine, Mode};
use crate::event::Effect;
use crate::limits::BULK_SLICE;
use crate::table::Slot;
use crate::task::{AcceptanceState, PendingChunk, Run, StartMarkState};
use overtime_protocol::record::{Acceptance, Advance, Change, Record};
use overtime_protocol::{ChainNumber, Chunk, Form, Go, Now, Ruling};
use std::sync::Arc;

impl Engine {
    pub(super) fn advance(
        &mut self,
        chunk: Chunk,
        chain: ChainNumber,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let slot = self.table.find(chunk.task).filter(|&slot| self.runs_as(slot, chunk.run));
        let Some(slot) = slot else {
            self.stats.stale += 1;
            out.push(Effect::Rule { chain, ruling: Ruling::Stop });
            return;
        };
        self.leave_company(slot, chain, now, out);
        let acceptance = self.acceptance_with_chunk(slot);
        let Some(task) = self.table.get_mut(slot) else { return };
        let Chunk { cursor, progress, puts, expects, .. } = chunk;
        let record = Arc::new(Record {
            attempt: task.durable.attempts,
            run: task.runs,
            claim: acceptance.as_ref().and(task.durable.claim.as_deref()).copied(),
            acceptance,
            change: Some(Change::Advanced(Advance { cursor, progress })),
            puts,
            expects,
            ..Record::new(slot.id(), now.unix)
        });
        task.chunk = Some(Box::new(PendingChunk { record: record.clone(), chain }));
        self.append_chunk(slot, record, chain, out);
    }

    /// A single call that saves takes longer than those that it was handed out with: they are
    /// taken back, and whoever waits for its key does not wait for it.
    fn leave_company(&mut self, slot: Slot, chain: ChainNumber, now: Now, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get_mut(slot) else { return };
        if task.durable.form == Form::Bulk {
            return;
        }
        let (kind, left) = (task.kind, task.hot_key.take());
        self.brief.exclude(kind);
        let companions = self.hot_keys.end_chain(chain);
        if self.brief.give_up(chain) || self.brief.recall(chain, companions) {
            out.push(Effect::Recall(chain));
        }
        self.leave_line(left, now);
    }

    /// The acceptance of a task whose work began before it was on disk. One that is on its way may
    /// still meet a full disk, and two do no harm.
    fn acceptance_with_chunk(&self, slot: Slot) -> Option<Acceptance> {
        let task = self.table.get(slot).filter(|task| !task.is_accepted())?;
        Some(task.acceptance_record(self.kind_name(task), self.tenant_of(task)))
    }

    pub(super) fn runs_as(&self, slot: Slot, run: u32) -> bool {
        let task = self.table.get(slot);
        task.is_some_and(|task| matches!(task.run, Run::Running) && task.runs == run)
    }

    /// A chunk is on disk: an attempt after this one goes on behind it.
    pub(super) fn chunk_durable(
        &mut self,
        slot: Slot,
        chain: ChainNumber,
        lsn: u64,
        now: Now,
        out: &mut Vec<Effect>,
    ) {
        let pending = self.table.get_mut(slot).and_then(|task| task.chunk.take());
        let Some(Change::Advanced(advance)) = pending.and_then(|chunk| chunk.record.change.clone())
        else {
            out.push(Effect::Rule { chain, ruling: Ruling::Stop });
            return;
        };
        let go = self.go(slot, now);
        self.stats.chunks += 1;
        self.note_advance(slot, advance, now, out);
        self.accept_with_chunk(slot, now, out);
        out.push(Effect::Rule { chain, ruling: Ruling::Kept { lsn, go } });
    }

    /// Later attempts go on from there. One that comes further than those before it is the first
    /// again: what they failed of, it has got over.
    fn note_advance(&mut self, slot: Slot, advance: Advance, now: Now, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get_mut(slot) else { return };
        let before = task.durable.advance.as_ref().map_or(0, |before| before.progress.done);
        let comes_further = advance.progress.done > before;
        task.durable.advance = Some(Box::new(advance));
        if !comes_further || !matches!(task.run, Run::Running) {
            return;
        }
        // A pass over the items of a bulk body gets over some of them nearly always.
        if task.durable.form == Form::Single {
            task.durable.forgiven = task.durable.attempts.saturating_sub(1);
        }
        self.absolve(slot, now, out);
    }

    /// A suspect that comes further does not die of the same thing for ever: the others need not
    /// wait for it, and a crash from here on counts as its first.
    fn absolve(&mut self, slot: Slot, now: Now, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get_mut(slot) else { return };
        if !task.start_mark.is_isolated() {
            return;
        }
        task.durable.crashes = 0;
        task.start_mark = StartMarkState::Written { isolated: false };
        let at = task.durable.started_at.get().unwrap_or(now.unix);
        self.append_start_mark(slot, at, out);
        self.end_suspicion(slot, now);
    }

    /// The acceptance was in the chunk; the start mark of an attempt that outlives the linger
    /// follows.
    fn accept_with_chunk(&mut self, slot: Slot, now: Now, out: &mut Vec<Effect>) {
        let Some(task) = self.table.get(slot) else { return };
        if task.is_accepted() {
            return;
        }
        if task.start_mark == StartMarkState::None {
            self.lingers.set(now.monotonic, slot);
        }
        self.accepted(slot, now, out);
    }

    /// An acceptance met a full disk, but a chunk has it too, which is on disk or may find room.
    pub(super) fn acceptance_is_with_chunk(&mut self, slot: Slot, now: Now) {
        let Some(task) = self.table.get_mut(slot) else { return };
        // The mark that went with it is not there either.
        task.start_mark = StartMarkState::None;
        if task.is_accepted() {
            self.lingers.set(now.monotonic, slot);
        } else {
            task.acceptance = AcceptanceState::Volatile;
        }
    }

    /// Whether the attempt may go on: not if it is bulk that has had its slice while others of its
    /// lane wait. A single call is left to run.
    fn go(&self, slot: Slot, now: Now) -> Go {
        let Some(task) = self.table.get(slot) else { return Go::Yield };
        let others_wait = self.stats.queued[task.charged_lane()] > 0;
        let is_bulk = task.durable.form == Form::Bulk;
        let had_its_slice = now.monotonic.since(task.run_since) >= BULK_SLICE;
        if self.mode == Mode::Leaving
            || task.is_to_be_cancelled()
            || (is_bulk && others_wait && had_its_slice)
        {
            Go::Yield
        } else {
            Go::On
        }
    }

    /// A key that the chunk had read was written meanwhile: its worker does that part again.
    pub(super) fn chunk_conflicted(
        &mut self,
        slot: Slot,
        chain: ChainNumber,
        out: &mut Vec<Effect>,
    ) {
        self.stats.conflicts += 1;
        let pending = self.table.get_mut(slot).and_then(|task| task.chunk.take());
        let ruling = if pending.is_some() { Ruling::Conflict } else { Ruling::Stop };
        out.push(Effect::Rule { chain, ruling });
    }

    /// The attempt stopped at its cursor. It goes on when it is its turn again, and is not counted
    /// twice.
    pub(super) fn yielded(&mut self, slot: Slot, now: Now) {
        let Some(task) = self.table.get_mut(slot) else { return };
        task.durable.attempts = task.durable.attempts.saturating_sub(1);
        let left = task.hot_key.take();
        self.stats.yielded += 1;
        self.enqueue(slot, now.monotonic);
        self.note_under_way(slot);
        self.release_waiting_payload(slot);
        self.leave_line(left, now);
    }
}
