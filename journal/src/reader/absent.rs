//! Tasks that are not there: never heard of, or removed because their time was over.

use super::Reader;
use overtime_protocol::{Answer, Code, Epoch, Problem, Submitted, TaskId, UnixMillis};
use std::time::Duration;

/// What tells an id that was never minted from one whose task was removed.
pub(crate) struct Past {
    /// When the folder was made.
    pub(crate) since: UnixMillis,
    /// How often it was started.
    pub(crate) epoch: Epoch,
    /// No task is removed sooner after its end.
    pub(crate) shortest: Duration,
}

impl Past {
    /// Whether there may have been a task with that id.
    fn may_have_had(&self, task: TaskId, now: UnixMillis) -> bool {
        let minted = task.minted_at();
        minted >= self.since && minted + self.shortest <= now && task.is_of_boot_until(self.epoch)
    }
}

impl Reader {
    /// What is to be said of a task that is not there.
    pub(super) fn absent(&self, task: TaskId) -> Answer {
        if self.past.may_have_had(task, self.clock.now().unix) {
            let detail = format!("the task {task} has ended and was removed, if there was one");
            let gone = Problem::new(Code::Gone, detail);
            return Problem { task: Some(task), submitted: Submitted::Unknown, ..gone }.into();
        }
        Problem::new(Code::UnknownTask, format!("there is no task {task}")).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use overtime_protocol::TaskIdMint;

    const MADE: UnixMillis = UnixMillis(1_795_000_000_000);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn only_a_task_that_there_can_have_been_is_gone() {
        let past = Past { since: MADE, epoch: Epoch(3), shortest: DAY };
        let id = |at, epoch| TaskIdMint::new(Epoch(epoch), None).mint(at);
        let had = |at, epoch, now| past.may_have_had(id(at, epoch), now);
        let before = UnixMillis(MADE.0 - 1);
        assert!(had(MADE, 3, MADE + DAY));
        assert!(!had(before, 3, MADE + DAY));
        assert!(!had(MADE, 4, MADE + DAY));
        assert!(!had(MADE + DAY, 1, MADE + DAY));
    }
}
