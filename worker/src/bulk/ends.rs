//! The ends of a run: what goes with each, and what is told. None of them writes by itself.

use super::course::Stuck;
use super::item::Malformed;
use super::run::{Halt, Run};
use crate::attempt::End;
use crate::failure::{Failure, bounded};
use crate::product::json_product;
use overtime_protocol::{Fault, Outcome, Progress};

impl Run<'_> {
    /// Whether what is kept is a whole pass that has left items over.
    pub(super) fn pass_is_over(&mut self) -> Result<bool, Failure> {
        let cursor = &self.tally.cursor;
        if cursor.left.items == 0 {
            return Ok(false);
        }
        self.course.go_to(cursor.place);
        let next = self.course.next();
        self.course.go_to(cursor.place);
        match next {
            Ok(item) => Ok(item.is_none()),
            Err(Stuck::Malformed(_)) => Ok(true),
            Err(Stuck::Failed(failure)) => Err(failure),
        }
    }

    /// The end of a body that was read to its end: the last chunk goes with it.
    pub(super) fn done(&mut self) -> Result<End, Halt> {
        let step = self.tally.step(&self.draft.traces);
        let (puts, expects) = self.effects(&self.draft, &step)?;
        self.tally.keep(step);
        let product = json_product(self.tally.result(self.writer.task));
        let done = self.tally.cursor.place.position.index;
        let progress = Some(Progress { done, total: Some(done) });
        Ok(End { outcome: Outcome::Done(product), progress, puts, expects })
    }

    /// The end of a pass that has left items over.
    pub(super) fn left_over(&self) -> End {
        self.end(Outcome::Ephemeral(self.tally.cursor.left.fault()))
    }

    /// The end of a run whose upstream is shed.
    pub(super) fn held(&self) -> Outcome {
        self.work.job_upstream().map_or(Outcome::Yielded, Outcome::Held)
    }

    pub(super) fn broken_off(&self, malformed: Malformed) -> End {
        let Malformed { offset, detail } = malformed;
        let detail = format!("the body is malformed at byte {offset}: {detail}");
        let members = Some(self.tally.members(offset));
        let fault = Fault { members, ..Fault::input("malformed-body", detail) };
        self.end(Outcome::Rejected(bounded(fault)))
    }

    pub(super) fn end(&self, outcome: Outcome) -> End {
        let progress = Some(self.tally.cursor.progress());
        End { progress, ..outcome.into() }
    }
}
