//! Makes a failing run smaller: steps and faults are left out as long as it still fails. What is
//! left is a plan that fails in the same way, as far as words tell.

use crate::plan::Plan;
use crate::run::{Outcome, Stage, run};

/// So many runs are made at most.
const RUNS_MAX: u32 = 2_000;

/// A smaller plan that fails as `plan` does, and how it ends.
pub fn shrink(plan: &Plan, stage: &Stage) -> (Plan, Outcome) {
    let outcome = run(plan, stage, false);
    let Err(words) = &outcome.verdict else { return (plan.clone(), outcome) };
    let mut search = Search { kind: kind(words), stage, best: plan.clone(), runs: 0 };
    search.shorten();
    search.leave_out_steps();
    search.leave_out_faults();
    search.leave_out_steps();
    let Search { best, .. } = search;
    let outcome = run(&best, stage, true);
    (best, outcome)
}

/// What a failure says, without what is different in each run.
fn kind(words: &str) -> String {
    let plain = |word: &&str| !word.chars().any(|letter| letter.is_ascii_digit());
    words.split_whitespace().filter(plain).take(12).collect::<Vec<_>>().join(" ")
}

struct Search<'a> {
    kind: String,
    stage: &'a Stage,
    best: Plan,
    runs: u32,
}

impl Search<'_> {
    /// Keeps a plan if it still fails in the same way.
    fn keep(&mut self, plan: Plan) -> bool {
        if self.runs >= RUNS_MAX {
            return false;
        }
        self.runs += 1;
        let outcome = run(&plan, self.stage, false);
        let fails = outcome.verdict.err().is_some_and(|words| kind(&words) == self.kind);
        if fails {
            self.best = plan;
        }
        fails
    }

    /// What comes behind the failure is not needed.
    fn shorten(&mut self) {
        let (mut works, mut fails) = (0, self.best.steps);
        while fails - works > 1 {
            let steps = works.midpoint(fails);
            if self.keep(Plan { steps, ..self.best.clone() }) {
                fails = steps;
            } else {
                works = steps;
            }
        }
    }

    /// Leaves out runs of steps, long ones first.
    fn leave_out_steps(&mut self) {
        let mut len = (self.best.steps / 2).max(1);
        loop {
            let mut start = 0;
            while start < self.best.steps {
                let end = (start + len).min(self.best.steps);
                let mut plan = self.best.clone();
                let before = plan.without_steps.len();
                plan.without_steps.extend(start..end);
                if plan.without_steps.len() > before {
                    self.keep(plan);
                }
                start = end;
            }
            if len == 1 {
                return;
            }
            len /= 2;
        }
    }

    fn leave_out_faults(&mut self) {
        for (fault, _) in run(&self.best, self.stage, false).faults {
            let mut plan = self.best.clone();
            plan.without_faults.insert(fault);
            self.keep(plan);
        }
    }
}
