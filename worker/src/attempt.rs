//! One attempt: open the payload, run the handler, and say how it ended. Whatever the handler
//! does, exactly one completion comes out.

use crate::cancel::CancelFlag;
use crate::door::ChunkDoor;
use crate::effects::{Effects, Layer, Overlay, View};
use crate::failure::Failure;
use crate::handler::Handler;
use crate::input::Input;
use crate::panics;
use crate::saves::{Halt, Nothing, Saves};
use crate::source::Source;
use bytes::Bytes;
use overtime_protocol::record::{Expect, Put};
use overtime_protocol::{
    CallEnd, Clock, Completion, Job, Monotonic, Opener, Outcome, Product, Progress,
};
use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

/// The longest result, in bytes.
pub const PRODUCT_MAX_BYTES: usize = 16 * 1024 * 1024;

/// How often in a row what an attempt saves may conflict before it gives up for a while.
pub(crate) const CONFLICTS_MAX: u32 = 64;

/// What every worker needs to run a job.
pub(crate) struct Workshop {
    pub(crate) handlers: Vec<Arc<dyn Handler>>,
    pub(crate) opener: Opener,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) clock: Clock,
}

/// Whether the thread may go on after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aftermath {
    /// The handler returned.
    Sound,
    /// The handler panicked and may have left the thread's own state (thread locals) in pieces.
    Shaken,
}

/// How an attempt ended, and what goes with that.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    pub(crate) progress: Option<Progress>,
    pub(crate) puts: Vec<Put>,
    pub(crate) expects: Vec<Expect>,
}

impl From<Outcome> for End {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, progress: None, puts: Vec::new(), expects: Vec::new() }
    }
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Outcome::from(failure).into()
    }
}

/// What became of one try: an attempt has several if what it saves conflicts.
enum Try {
    Ended(End),
    /// It starts again from what was kept.
    Again(Trial),
}

/// Where a try begins.
#[derive(Default)]
struct Trial {
    cursor: Option<Bytes>,
    /// The conflicts in a row before it.
    conflicts: u32,
}

impl Workshop {
    /// Runs one job to its end. What it saves on the way goes through the door.
    pub(crate) fn run(
        &self,
        job: &Job,
        overlay: &Overlay,
        cancel: CancelFlag<'_>,
        door: &mut dyn ChunkDoor,
    ) -> (Completion, Aftermath) {
        let started = self.clock.monotonic();
        let call = Cell::new(CallEnd::Untold);
        let caught = panics::catch(|| self.work(job, overlay, (cancel, &call), door));
        let aftermath = if caught.is_ok() { Aftermath::Sound } else { Aftermath::Shaken };
        let result = caught.unwrap_or_else(|told| Err(Failure::ephemeral("panic", told)));
        let completion = self.completion(job, started, result.unwrap_or_else(End::from));
        (Completion { call: call.get(), ..completion }, aftermath)
    }

    pub(crate) fn completion(&self, job: &Job, started: Monotonic, end: End) -> Completion {
        let End { outcome, progress, puts, expects } = end;
        let Job { task, attempt, run, .. } = *job;
        let ended = self.clock.monotonic();
        let call = CallEnd::Untold;
        Completion { task, attempt, run, outcome, progress, puts, expects, call, started, ended }
    }

    fn work(
        &self,
        job: &Job,
        overlay: &Overlay,
        (cancel, call): (CancelFlag<'_>, &Cell<CallEnd>),
        door: &mut dyn ChunkDoor,
    ) -> Result<End, Failure> {
        let handler = self.handler(job)?;
        let segments = self.open(job)?;
        let mut trial = Trial { cursor: job.cursor.clone(), conflicts: 0 };
        let mut upper: &dyn Layer = overlay;
        loop {
            let input = Input {
                job,
                item: None,
                segments: &segments,
                clock: &self.clock,
                view: View { upper, lower: None, source: &*self.source },
                effects: Effects::default(),
                cancel,
                call,
                cursor: trial.cursor.clone(),
                saves: Some(Saves::new(&mut *door, trial.cursor, trial.conflicts)),
            };
            match attempt(handler, input)? {
                Try::Ended(end) => return Ok(end),
                Try::Again(again) => trial = again,
            }
            // Those before it in its chain are on disk by now, or not to be seen at all.
            upper = &Nothing;
        }
    }

    pub(crate) fn handler(&self, job: &Job) -> Result<&dyn Handler, Failure> {
        let handler = self.handlers.get(usize::from(job.kind.0)).ok_or_else(|| {
            Failure::defect("no-handler", format!("kind number {} has no handler", job.kind.0))
        })?;
        Ok(&**handler)
    }

    /// The job's payload: as it lies in memory, or loaded.
    pub(crate) fn open<'a>(&self, job: &'a Job) -> Result<Cow<'a, [Bytes]>, Failure> {
        match self.opener.open(&job.payload) {
            Some(segments) => Ok(Cow::Borrowed(segments)),
            None => Ok(Cow::Owned(self.source.payload(job.task)?)),
        }
    }
}

fn attempt(handler: &dyn Handler, mut input: Input<'_>) -> Result<Try, Failure> {
    let result = handler.run(&mut input).and_then(sized);
    let result = result.map_err(|failure| failure.checked(input.cancel));
    let cancel = input.cancel;
    let result = match input.close(result) {
        Ok(result) => result,
        Err(Halt::Yielded | Halt::Stopped) => return Ok(Try::Ended(Outcome::Yielded.into())),
        Err(Halt::Conflict) if cancel.is_raised() => return Err(Failure::Cancelled),
        Err(Halt::Conflict) => return again(input).map(Try::Again),
    };
    let progress = input.progress();
    Ok(Try::Ended(match result {
        Ok(product) => {
            let (puts, expects) = input.effects.finish()?;
            End { outcome: Outcome::Done(product), progress, puts, expects }
        }
        // It is tried again, or stops, whatever it has read.
        Err(failure @ (Failure::Ephemeral(_) | Failure::Cancelled)) => failure.into(),
        Err(failure) => End { expects: input.effects.reads(), ..failure.into() },
    }))
}

fn again(input: Input<'_>) -> Result<Trial, Failure> {
    let Some(Saves { kept: cursor, conflicts, .. }) = input.saves else {
        return Ok(Trial::default());
    };
    if conflicts > CONFLICTS_MAX {
        let detail = "other writers changed the same keys again and again";
        return Err(Failure::ephemeral("contended", detail));
    }
    Ok(Trial { cursor, conflicts })
}

fn sized(product: Product) -> Result<Product, Failure> {
    let len = product.body.len();
    if len <= PRODUCT_MAX_BYTES {
        return Ok(product);
    }
    let detail = format!("the result is {len} bytes; {PRODUCT_MAX_BYTES} are allowed");
    Err(Failure::defect("result-too-large", detail))
}

#[cfg(test)]
mod tests;
