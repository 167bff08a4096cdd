//! Dry runs of repairs: how many tasks one would come to. Nothing is done with them.

use super::Engine;
use super::inquiry::Pending;
use crate::event::Effect;
use crate::limits::DRY_RUN_MAX;
use overtime_protocol::repair::{RepairOrder, write_dry_run};
use overtime_protocol::{Answer, KindName, Question, ReplyTo, TaskId};
use std::collections::VecDeque;

/// Counts what a repair would come to.
#[derive(Debug)]
pub(crate) struct DryRun {
    pub(crate) reply_to: ReplyTo,
    order: RepairOrder,
    kinds: VecDeque<KindName>,
    matching: u64,
}

impl Engine {
    pub(super) fn count(
        &mut self,
        reply_to: ReplyTo,
        order: RepairOrder,
        kinds: VecDeque<KindName>,
        out: &mut Vec<Effect>,
    ) {
        self.count_on(DryRun { reply_to, order, kinds, matching: 0 }, out);
    }

    fn count_on(&mut self, run: DryRun, out: &mut Vec<Effect>) {
        let Some(kind) = run.kinds.front().cloned() else { return };
        let (print, limit) = (run.order.print, DRY_RUN_MAX);
        let question = Question::ParkedBy { kind, print, after: None, limit };
        self.inquire(question, Pending::DryRun(Box::new(run)), out);
    }

    /// The journal has counted for a dry run.
    pub(super) fn counted(&mut self, mut run: DryRun, tasks: &[TaskId], out: &mut Vec<Effect>) {
        run.matching += tasks.len() as u64;
        run.kinds.pop_front();
        let most = u64::from(DRY_RUN_MAX);
        if run.matching < most && !run.kinds.is_empty() {
            self.count_on(run, out);
            return;
        }
        let mut body = Vec::new();
        write_dry_run(&run.order, run.matching.min(most), run.matching >= most, &mut body);
        let answer = Answer::Value { content_type: "application/json", body: body.into() };
        out.push(Effect::Reply { to: run.reply_to, answer });
    }
}
