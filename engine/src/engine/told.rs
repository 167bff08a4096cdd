//! What callers are told who steer a task, or whose task was steered. It decides nothing.

use crate::event::Wish;
use overtime_protocol::{Answer, Code, Problem, Submitted, TaskId, TaskState};

/// What a caller is told who waits for the result.
pub(super) fn was_cancelled(task: TaskId) -> Answer {
    let problem = Problem::new(Code::Cancelled, "the task was cancelled before it ended");
    Problem { task: Some(task), submitted: Submitted::Yes, ..problem }.into()
}

/// What a caller is told who comes too late.
pub(super) fn already_finished(task: TaskId) -> Answer {
    let detail = "the task has ended; it cannot be cancelled any more";
    let problem = Problem::new(Code::AlreadyFinished, detail);
    Problem { task: Some(task), submitted: Submitted::Yes, ..problem }.into()
}

/// What the journal says of a task that is not parked, as whoever steers has to hear it.
pub(super) fn unsteerable(task: TaskId, wish: Wish, said: &Answer) -> Answer {
    match said {
        Answer::Problem(problem) if problem.code == Code::NotParked && wish == Wish::Cancel => {
            already_finished(task)
        }
        other => other.clone(),
    }
}

pub(super) fn not_parked(task: TaskId, state: TaskState) -> Answer {
    let detail = format!("the task is {}, not parked", state.name());
    let problem = Problem::new(Code::NotParked, detail);
    Problem { task: Some(task), submitted: Submitted::Yes, ..problem }.into()
}

pub(super) fn unhandled(task: TaskId) -> Answer {
    no_handler(task).into()
}

pub(super) fn no_handler(task: TaskId) -> Problem {
    let detail = "this server has no handler of the task's kind, so it leaves the task alone";
    let problem = Problem::new(Code::UnhandledKind, detail);
    Problem { task: Some(task), submitted: Submitted::Yes, ..problem }
}
