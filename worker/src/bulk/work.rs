//! One item's turn: an ordinary handler run over it, as if it had come alone.

use super::item::Item;
use super::left::Place;
use super::trace::{Fate, Trace};
use crate::cancel::CancelFlag;
use crate::effects::{Effects, View};
use crate::failure::{Failure, bounded};
use crate::handler::Handler;
use crate::input::Input;
use crate::panics;
use bytes::Bytes;
use overtime_protocol::record::{Expect, Put};
use overtime_protocol::{CallEnd, Clock, Fault, Job, UpstreamId};
use std::cell::Cell;
use std::slice;

/// What items are run with.
pub(super) struct Work<'a> {
    /// The job as an item's handler sees it: the payload and its type are the item's.
    pub(super) job: Job,
    pub(super) handler: &'a dyn Handler,
    pub(super) clock: &'a Clock,
    pub(super) cancel: CancelFlag<'a>,
    /// Whether a handler has panicked.
    pub(super) shaken: bool,
}

impl Work<'_> {
    /// Runs an item, behind which the run stands at `after`. Its own fault is part of what it leaves
    /// behind; any other failure is the task's.
    pub(super) fn attempt(
        &mut self,
        item: Item,
        after: Place,
        view: View<'_>,
    ) -> Result<Trace, Failure> {
        let Item { before, text, .. } = item;
        let ran = match text {
            Ok(text) => self.run(before.index, &text, view),
            Err(fault) => Ok(Ran::without_effects(Fate::Failed(fault))),
        };
        match ran.map_err(|failure| named(failure, before.index)) {
            Ok(Ran { fate, puts, expects }) => Ok(Trace { before, after, fate, puts, expects }),
            // It is tried again whatever it has read.
            Err(Failure::Ephemeral(fault)) => {
                let Ran { fate, puts, expects } = Ran::without_effects(Fate::Left(fault));
                Ok(Trace { before, after, fate, puts, expects })
            }
            Err(failure) => Err(failure),
        }
    }

    /// What an item leaves behind that came back from its upstream.
    pub(super) fn told(
        &mut self,
        item: Item,
        after: Place,
        result: Result<(), Failure>,
    ) -> Result<Trace, Failure> {
        let before = item.before;
        let fate = match result.map_err(|failure| failure.checked(self.cancel)) {
            Ok(()) => Fate::Done,
            Err(Failure::Input(fault)) => Fate::Failed(bounded(fault)),
            Err(failure) => match named(failure, before.index) {
                Failure::Ephemeral(fault) => Fate::Left(fault),
                failure => return Err(failure),
            },
        };
        Ok(Trace { before, after, fate, puts: Vec::new(), expects: Vec::new() })
    }

    /// The upstream that items are delivered to.
    pub(super) fn job_upstream(&self) -> Option<UpstreamId> {
        self.handler.item_calls().map(|calls| calls.upstream())
    }

    fn run(&mut self, index: u64, text: &Bytes, view: View<'_>) -> Result<Ran, Failure> {
        let call = Cell::new(CallEnd::Untold);
        let mut input = Input {
            job: &self.job,
            item: Some(index),
            segments: slice::from_ref(text),
            clock: self.clock,
            view,
            effects: Effects::default(),
            cancel: self.cancel,
            call: &call,
            cursor: None,
            saves: None,
        };
        let caught = panics::catch(|| self.handler.run(&mut input));
        match caught {
            Ok(Ok(_)) => {
                let (puts, expects) = input.effects.finish()?;
                Ok(Ran { fate: Fate::Done, puts, expects })
            }
            Ok(Err(Failure::Input(fault))) => {
                let expects = input.effects.reads();
                Ok(Ran { fate: Fate::Failed(bounded(fault)), puts: Vec::new(), expects })
            }
            Ok(Err(failure)) => Err(failure.checked(self.cancel)),
            Err(told) => {
                self.shaken = true;
                Err(Failure::ephemeral("panic", told))
            }
        }
    }
}

struct Ran {
    fate: Fate,
    puts: Vec<Put>,
    expects: Vec<Expect>,
}

impl Ran {
    fn without_effects(fate: Fate) -> Self {
        Self { fate, puts: Vec::new(), expects: Vec::new() }
    }
}

/// The failure with the item at which it happened.
fn named(failure: Failure, index: u64) -> Failure {
    let name = |fault: Fault| Fault { detail: format!("item {index}: {}", fault.detail), ..fault };
    match failure {
        Failure::Input(fault) => Failure::Input(name(fault)),
        Failure::Ephemeral(fault) => Failure::Ephemeral(name(fault)),
        Failure::Defect(fault) => Failure::Defect(name(fault)),
        Failure::Cancelled => Failure::Cancelled,
    }
}
