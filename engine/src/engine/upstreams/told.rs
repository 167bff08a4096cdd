//! What callers are told of an upstream that is not called, and of a task that waits for it. It changes
//! nothing for either.

use crate::engine::Engine;
use crate::event::Submission;
use crate::limits::SHED_RETRY;
use crate::lines::Spot;
use crate::task::{Run, Task};
use overtime_protocol::{
    Aside, Code, Document, Hurt, Monotonic, Now, Problem, TaskState, UpstreamId,
};

impl Engine {
    /// Why a task stands in the line of its upstream.
    pub(in super::super) fn why_at_gate(&self, spot: Spot, now: Monotonic) -> String {
        let name = &self.upstreams[usize::from(spot.upstream.0)].name;
        let waiting = self.lines.get(spot.upstream).len();
        let why =
            match (self.gates.is_shed(spot.upstream), self.gates.is_paused(spot.upstream, now)) {
                (true, _) => "is not well, and is called for probes only",
                (false, true) => "has asked to be left alone for a while",
                (false, false) => "has as many calls as it may have now",
            };
        format!("The upstream {name} {why}; {waiting} tasks wait for it.")
    }

    /// Whether the caller of new work is not held because its upstream is shed.
    ///
    /// # Errors
    /// What is told to whoever insists on an answer.
    pub(in super::super) fn lets_go(
        &mut self,
        submission: &Submission,
        now: Now,
    ) -> Result<bool, Problem> {
        let upstream = self.kinds[usize::from(submission.kind.0)].upstream;
        let shed = upstream.filter(|&upstream| self.gates.is_shed(upstream));
        let Some(upstream) = shed.filter(|_| !submission.wait.is_zero()) else {
            return Ok(shed.is_some());
        };
        let (refused, delayed) = (submission.strict.into(), (!submission.strict).into());
        self.tenants.hurt(submission.tenant, Hurt { refused, delayed, ..Hurt::default() });
        if submission.strict { Err(self.upstream_refusal(upstream, now)) } else { Ok(true) }
    }

    /// Refuses who insists on an answer while the upstream is shed.
    fn upstream_refusal(&mut self, upstream: UpstreamId, now: Now) -> Problem {
        self.stats.refused += 1;
        let opening = self.gates.next_opening(upstream, now.monotonic);
        let wait = opening.map_or(SHED_RETRY, |at| at.since(now.monotonic));
        let wait = self.seed.stretch(wait.max(SHED_RETRY));
        let name = &self.upstreams[usize::from(upstream.0)].name;
        let detail = format!("{name}, which the kind calls, is not well and is not called for now");
        let problem = Problem::new(Code::UpstreamShed, detail).after(wait);
        let aside = self.incident_about(upstream).map(|id| Box::new(Aside::Incident(id)));
        Problem { aside, ..problem }
    }

    /// The task's document as it stands.
    pub(in super::super) fn document(&self, task: &Task) -> Document {
        let document = task.document(self.kind_name(task), self.tenant_of(task));
        Document { state: self.state(task), ..document }
    }

    /// The state that callers see.
    pub(in super::super) fn state(&self, task: &Task) -> TaskState {
        match task.run {
            Run::AtGate { spot, .. } if self.gates.is_shed(spot.upstream) => TaskState::Held,
            _ => task.state(),
        }
    }
}
