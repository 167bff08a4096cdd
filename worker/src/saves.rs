//! Saves: what an attempt has done is kept on its way, together with a cursor, so that the next
//! attempt goes on from there. This file sends the parts and waits for what becomes of them; it
//! never decides that an attempt is over.

use crate::door::ChunkDoor;
use crate::effects::{Layer, View};
use crate::failure::Failure;
use crate::input::Input;
use crate::source::State;
use bytes::Bytes;
use overtime_protocol::record::Advance;
use overtime_protocol::{Chunk, Go, Job, Product, Progress, Ruling};

/// The longest cursor, in bytes: it is in memory as long as its task is.
pub const CURSOR_MAX_BYTES: usize = 4 * 1024;

/// What an attempt has saved and is about to save.
pub(crate) struct Saves<'a> {
    door: &'a mut dyn ChunkDoor,
    /// Where the last part that was kept ended, in this run or one before it.
    pub(crate) kept: Option<Bytes>,
    /// Where the part that was not sent yet ends.
    pending: Option<Advance>,
    /// Why the attempt must not go on.
    halt: Option<Halt>,
    /// How often in a row a part has conflicted.
    pub(crate) conflicts: u32,
}

/// Why an attempt must not go on from where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// A key that it had read was written since: it starts again from what was kept.
    Conflict,
    /// It is told to end here, and to go on later from what was kept.
    Yielded,
    /// Nothing that it does counts any more.
    Stopped,
}

impl<'a> Saves<'a> {
    pub(crate) fn new(door: &'a mut dyn ChunkDoor, kept: Option<Bytes>, conflicts: u32) -> Self {
        Self { door, kept, pending: None, halt: None, conflicts }
    }

    /// Takes the ruling about a part that ends at `cursor`. Its number, if it was kept.
    fn take(&mut self, ruling: Ruling, cursor: Bytes) -> Option<u64> {
        match ruling {
            Ruling::Kept { lsn, go } => {
                (self.kept, self.conflicts) = (Some(cursor), 0);
                self.halt = (go == Go::Yield).then_some(Halt::Yielded);
                return Some(lsn);
            }
            Ruling::Conflict => {
                self.conflicts += 1;
                self.halt = Some(Halt::Conflict);
            }
            Ruling::Stop => self.halt = Some(Halt::Stopped),
        }
        None
    }
}

impl Input<'_> {
    /// Where an earlier run of the task saved last, in the handler's own words; `None` if none has.
    /// This run is to go on from there.
    pub fn cursor(&self) -> Option<&Bytes> {
        self.cursor.as_ref()
    }

    /// Saves: what was put so far is written now, together with `cursor`, from which a later run
    /// goes on, whatever becomes of this one. Callers see `progress`. It returns when that is on
    /// disk, which takes as long as an answer does.
    ///
    /// What is put after it belongs to the next save or to the end of the attempt. A key that was
    /// put before keeps its value, and a conflict over it is noticed; a key that was only read
    /// before is not checked again unless it is read again.
    ///
    /// # Errors
    /// Whatever it is, return it: the attempt ends here. If a key that was read has changed, the
    /// handler is run again from the cursor that was saved last; if the server shuts down, after
    /// its restart. [`Failure::Cancelled`] says that the task is to be cancelled; what was put is
    /// saved all the same. [`Failure::Defect`]: `cursor-too-large` past [`CURSOR_MAX_BYTES`],
    /// `save-in-bulk` for an item of a bulk body, which is saved with its chunk, and those of
    /// [`put`](Input::put).
    pub fn save(&mut self, cursor: impl Into<Bytes>, progress: Progress) -> Result<(), Failure> {
        self.set_cursor(cursor, progress)?;
        match self.save_pending()? {
            Some(_) => Err(interrupted()),
            None if self.is_cancelled() => Err(Failure::cancelled()),
            None => Ok(()),
        }
    }

    /// Sets the cursor that is saved with what was put so far when the attempt ends, or by the next
    /// [`save`](Input::save), which sets another. With it, what was put is kept also if the attempt
    /// fails, unless the input is at fault or the handler panics.
    ///
    /// # Errors
    /// The defects of [`save`](Input::save).
    pub fn set_cursor(
        &mut self,
        cursor: impl Into<Bytes>,
        progress: Progress,
    ) -> Result<(), Failure> {
        let cursor = cursor.into();
        let Some(saves) = &mut self.saves else {
            let detail = "an item of a bulk body is saved with its chunk; it has no cursor";
            return Err(Failure::defect("save-in-bulk", detail));
        };
        if cursor.len() > CURSOR_MAX_BYTES {
            let len = cursor.len();
            let detail = format!("the cursor is {len} bytes; {CURSOR_MAX_BYTES} are allowed");
            return Err(Failure::defect("cursor-too-large", detail));
        }
        saves.pending = Some(Advance { cursor, progress });
        Ok(())
    }

    /// Ends the run behind what was saved last: the attempt goes on from there when others have had
    /// their turn. What is returned is to be the end of the handler.
    pub(crate) fn give_way(&mut self) -> Failure {
        if let Some(saves) = &mut self.saves {
            saves.halt = saves.halt.or(Some(Halt::Yielded));
        }
        interrupted()
    }

    /// Sends what was put with the cursor that was set, if one was, and waits for the ruling. Why
    /// the attempt must not go on, if so.
    fn save_pending(&mut self) -> Result<Option<Halt>, Failure> {
        let Some(saves) = &mut self.saves else { return Ok(None) };
        if saves.halt.is_some() {
            return Ok(saves.halt);
        }
        let Some(Advance { cursor, progress }) = saves.pending.take() else { return Ok(None) };
        let (puts, expects) = self.effects.part()?;
        let Job { task, run, .. } = *self.job;
        saves.door.send(Chunk { task, run, cursor: cursor.clone(), progress, puts, expects });
        let ruling = saves.door.wait();
        if let Some(lsn) = saves.take(ruling, cursor) {
            self.effects.settle(lsn);
            // Those before it in its chain are on disk by now, for their records went first.
            self.view = View { upper: &Nothing, ..self.view };
        }
        Ok(saves.halt)
    }

    /// The end of the attempt, unless it does not count: a failure is told once what was put with a
    /// cursor is saved.
    pub(crate) fn close(
        &mut self,
        result: Result<Product, Failure>,
    ) -> Result<Result<Product, Failure>, Halt> {
        if let Some(halt) = self.saves.as_ref().and_then(|saves| saves.halt) {
            return Err(halt);
        }
        if matches!(result, Ok(_) | Err(Failure::Input(_))) {
            return Ok(result);
        }
        match self.save_pending() {
            Ok(None | Some(Halt::Yielded)) => Ok(result),
            Ok(Some(halt)) => Err(halt),
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// How far the attempt says that it has come since it last saved.
    pub(crate) fn progress(&self) -> Option<Progress> {
        Some(self.saves.as_ref()?.pending.as_ref()?.progress)
    }
}

/// What a handler gets to return when the attempt must not go on. It never shows.
fn interrupted() -> Failure {
    Failure::ephemeral("interrupted", "the attempt goes on from its cursor")
}

/// A layer that says nothing about any key.
pub(crate) struct Nothing;

impl Layer for Nothing {
    fn state(&self, _: &[u8]) -> Option<State> {
        None
    }
}

#[cfg(test)]
mod tests;
