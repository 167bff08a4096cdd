//! Parked tasks: what is needed to have one run again, or what stands in the way. It changes none.

use super::{Extent, Reader};
use crate::error::StoreError;
use overtime_protocol::{
    Answer, Code, Finding, KindName, Problem, Submitted, TaskId, TaskState, Unfinished, Unsteerable,
};
use std::sync::Arc;
use std::time::Duration;

/// When to ask again for a task that the archive has not got: it is behind by seconds.
const ASK_AGAIN: Duration = Duration::from_secs(1);

impl Reader {
    /// A parked task as it would run again.
    pub(super) fn parked(&self, task: TaskId) -> Result<Finding, StoreError> {
        // What was said of it last is in no index of the log, only in the archive.
        let is_recent = self.shared.recent.task(task, self.shared.applied()).is_some();
        if is_recent && !self.shared.catch_up(self.catch_up_max) {
            let found = self.find(task, Extent::Document)?;
            let tenant = found.map(|found| found.document.tenant);
            return Ok(unsteerable(tenant, behind(task)));
        }
        let found = self.archive.take().parked(task, self.shared.applied())?;
        Ok(match found {
            None => unsteerable(None, self.absent(task)),
            Some(Err(other)) => unsteerable(Some(other.tenant), not_parked(task, other.state)),
            Some(Ok(parked)) => Finding::Parked(Ok(Box::new(self.with_payload(parked)))),
        })
    }

    /// The next parked tasks whose fault has that print.
    pub(super) fn parked_by(
        &self,
        kind: &KindName,
        print: u64,
        after: Option<TaskId>,
        limit: u32,
    ) -> Result<Finding, StoreError> {
        self.shared.catch_up(self.catch_up_max);
        let mut archive = self.archive.take();
        let found = archive.parked_by((kind, print), after, limit, self.shared.applied())?;
        Ok(Finding::ParkedBy(found))
    }

    fn with_payload(&self, mut parked: Unfinished) -> Unfinished {
        let payload = &parked.acceptance.payload;
        parked.payload_lost = payload.is_spooled() && !self.spool.has(parked.task, payload.len());
        parked
    }
}

fn unsteerable(tenant: Option<Arc<str>>, answer: Answer) -> Finding {
    Finding::Parked(Err(Box::new(Unsteerable { tenant, answer })))
}

fn behind(task: TaskId) -> Answer {
    let detail = "the archive has not got the task yet; ask again";
    let problem = Problem::new(Code::JournalLag, detail).after(ASK_AGAIN);
    Problem { task: Some(task), submitted: Submitted::No, ..problem }.into()
}

fn not_parked(task: TaskId, state: TaskState) -> Answer {
    let detail = format!("the task is {}, not parked", state.name());
    Problem { task: Some(task), submitted: Submitted::Yes, ..Problem::new(Code::NotParked, detail) }
        .into()
}
