//! The chunks of a run: how one is sent, and what the ruling about it changes. There is one on its way
//! at a time. Which items it has is not decided here.

use super::cursor::Cursor;
use super::draft::Draft;
use super::gathered::Writer;
use super::run::{Halt, Run};
use super::tally::Step;
use crate::attempt::CONFLICTS_MAX;
use crate::door::Heard;
use crate::failure::Failure;
use overtime_protocol::bulk::{errors_key, left_key};
use overtime_protocol::record::{Expect, Put};
use overtime_protocol::{Chunk, Go, Monotonic, Ruling};

/// A chunk on its way.
pub(super) struct Inflight {
    pub(super) draft: Draft,
    pub(super) step: Step,
    sent: Monotonic,
    /// How often in a row it has conflicted.
    pub(super) conflicts: u32,
}

/// Whether the draft still stands after a ruling about the chunk before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Footing {
    Firm,
    /// The chunk before it was done again, so it was given up.
    Lost,
}

impl Run<'_> {
    /// Waits until no chunk is on its way.
    pub(super) fn settle(&mut self) -> Result<Footing, Halt> {
        let mut footing = Footing::Firm;
        while self.inflight.is_some() {
            let ruling = self.await_ruling();
            if self.take(ruling)? == Footing::Lost {
                footing = Footing::Lost;
            }
        }
        Ok(footing)
    }

    /// Waits for the ruling about the chunk on its way. What may call meanwhile does: from its grant on
    /// a call is taken to be on its way.
    fn await_ruling(&mut self) -> Ruling {
        let Some(ahead) = &mut self.ahead else { return self.door.wait() };
        loop {
            match self.door.wait_for_either() {
                Heard::Ruling(ruling) => return ruling,
                Heard::Grant(grant) => ahead.begin(grant),
            }
        }
    }

    /// Takes the ruling about the chunk on its way.
    pub(super) fn take(&mut self, ruling: Ruling) -> Result<Footing, Halt> {
        let Some(inflight) = self.inflight.take() else { return Ok(Footing::Firm) };
        match ruling {
            Ruling::Kept { lsn, go } => {
                self.pace.ruled(self.now().since(inflight.sent));
                self.draft.gathered.settle(&inflight.draft.gathered, lsn);
                self.tally.keep(inflight.step);
                match go {
                    Go::On => Ok(Footing::Firm),
                    Go::Yield => self.yields(),
                }
            }
            Ruling::Conflict if inflight.conflicts >= CONFLICTS_MAX => {
                let detail = "other writers changed the same keys again and again";
                Err(Failure::ephemeral("contended", detail).into())
            }
            Ruling::Conflict if self.work.cancel.is_raised() => Err(Failure::Cancelled.into()),
            Ruling::Conflict => {
                let conflicts = inflight.conflicts + 1;
                let again = self.do_again(inflight)?;
                self.draft = self.fresh_draft();
                self.send_draft(again, conflicts)?;
                Ok(Footing::Lost)
            }
            Ruling::Stop => Err(Halt::Yielded),
        }
    }

    pub(super) fn send(&mut self) -> Result<(), Halt> {
        let fresh = self.fresh_draft();
        let draft = std::mem::replace(&mut self.draft, fresh);
        self.send_draft(draft, 0)
    }

    /// Sends a chunk, unless it is empty. What it read has its number in the journal by now.
    fn send_draft(&mut self, draft: Draft, conflicts: u32) -> Result<(), Halt> {
        if draft.is_empty() {
            return Ok(());
        }
        let step = self.tally.step(&draft.traces);
        let (puts, expects) = self.effects(&draft, &step)?;
        let Writer { task, run } = self.writer;
        let (progress, cursor) = (step.cursor.progress(), step.cursor.encode());
        let sent = self.now();
        self.door.send(Chunk { task, run, cursor, progress, puts, expects });
        self.inflight = Some(Inflight { draft, step, sent, conflicts });
        Ok(())
    }

    /// What a chunk writes and has read: its items' effects, the blocks of their errors and of what
    /// is left over. The notes that it has come through are taken away.
    pub(super) fn effects(
        &self,
        draft: &Draft,
        step: &Step,
    ) -> Result<(Vec<Put>, Vec<Expect>), Halt> {
        let (mut puts, expects) = draft.gathered.effects();
        let Cursor { place, blocks, pass, left, .. } = &self.tally.cursor;
        let task = self.writer.task;
        let written = [
            step.block.clone().map(|block| (errors_key(task, *blocks), Some(block))),
            step.notes.clone().map(|notes| (left_key(task, *pass, left.blocks), Some(notes))),
        ];
        let visited = place.note.block..step.cursor.place.note.block;
        let visited = visited.map(|block| (left_key(task, pass - 1, block), None));
        for (key, value) in written.into_iter().flatten().chain(visited) {
            let read = self.source.state(&key)?.read;
            puts.push(Put { key, value, read });
        }
        Ok((puts, expects))
    }
}
