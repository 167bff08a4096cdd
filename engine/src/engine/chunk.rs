//! Chunks: parts of an attempt that are committed before it ends, one after the other. The worker
//! waits for the ruling on each, so it stops where it is told to.

use super::{Engine, Mode};
use crate::event::Effect;
use crate::limits::BULK_SLICE;
use crate::table::Slot;
use crate::task::{PendingChunk, Run};
use overtime_protocol::record::{Change, Record};
use overtime_protocol::{ChainNumber, Chunk, Go, Now, Ruling, UnixMillis, record};
use std::sync::Arc;

impl Engine {
    pub(super) fn advance(
        &mut self,
        chunk: Chunk,
        chain: ChainNumber,
        now: UnixMillis,
        out: &mut Vec<Effect>,
    ) {
        let slot = self.table.find(chunk.task).filter(|&slot| self.runs_as(slot, chunk.run));
        let Some(slot) = slot else {
            self.stats.stale += 1;
            out.push(Effect::Rule { chain, ruling: Ruling::Stop });
            return;
        };
        let Some(task) = self.table.get_mut(slot) else { return };
        let Chunk { cursor, progress, puts, expects, .. } = chunk;
        let record = Arc::new(Record {
            attempt: task.durable.attempts,
            run: task.runs,
            change: Some(Change::Advanced(record::Advance { cursor, progress })),
            puts,
            expects,
            ..Record::new(slot.id(), now)
        });
        task.chunk = Some(Box::new(PendingChunk { record: record.clone(), chain }));
        self.append_chunk(slot, record, chain, out);
    }

    fn runs_as(&self, slot: Slot, run: u32) -> bool {
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
        if let Some(task) = self.table.get_mut(slot) {
            task.durable.advance = Some(Box::new(advance));
        }
        self.stats.chunks += 1;
        out.push(Effect::Rule { chain, ruling: Ruling::Kept { lsn, go } });
    }

    /// Whether the attempt may go on: not if it has had its slice and others of its lane wait.
    fn go(&self, slot: Slot, now: Now) -> Go {
        let Some(task) = self.table.get(slot) else { return Go::Yield };
        let others_wait = self.stats.queued[task.charged_lane()] > 0;
        let had_its_slice = now.monotonic.since(task.run_since) >= BULK_SLICE;
        if self.mode == Mode::Leaving || (others_wait && had_its_slice) {
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
        self.stats.yielded += 1;
        self.enqueue(slot, now.monotonic);
        self.release_queued_payload(slot);
    }
}
