//! Writes events that no column of their task's row tells.

use super::retry_after_ms;
use overtime_protocol::{Fault, News, TaskEvent, TaskId, TaskState, UnixMillis};
use rusqlite::{CachedStatement, Transaction, params};

const EVENT: &str = "INSERT INTO events (task, sequence, at, attempt, state, next_at, \
    progress_done, progress_total, fault_code, fault_detail, fault_source, fault_class, \
    fault_retry_after_ms, fault_members) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT DO NOTHING";

/// The statement that writes events.
pub(super) struct Events<'a>(CachedStatement<'a>);

/// What an event has.
#[derive(Default)]
struct Parts<'a> {
    state: Option<TaskState>,
    next_at: Option<UnixMillis>,
    done: Option<u64>,
    total: Option<u64>,
    fault: Option<&'a Fault>,
}

impl<'a> Events<'a> {
    pub(super) fn new(transaction: &'a Transaction<'_>) -> rusqlite::Result<Self> {
        transaction.prepare_cached(EVENT).map(Self)
    }

    pub(super) fn write(&mut self, task: TaskId, event: &TaskEvent) -> rusqlite::Result<()> {
        let Parts { state, next_at, done, total, fault } = Parts::of(&event.news);
        self.0.execute(params![
            task.key().cast_signed(),
            event.sequence.cast_signed(),
            event.at.0.cast_signed(),
            event.attempt,
            state.map(TaskState::number),
            next_at.map(|at| at.0.cast_signed()),
            done.map(u64::cast_signed),
            total.map(u64::cast_signed),
            fault.map(|fault| &*fault.code),
            fault.map(|fault| &*fault.detail),
            fault.map(|fault| fault.source as u8),
            fault.map(|fault| fault.class as u8),
            fault.and_then(retry_after_ms),
            fault.and_then(|fault| fault.members.as_deref()),
        ])?;
        Ok(())
    }
}

impl<'a> Parts<'a> {
    fn of(news: &'a News) -> Self {
        let nothing = Self::default();
        match news {
            News::State(state) => Self { state: Some(*state), ..nothing },
            News::Retrying(next_at, fault) => Self {
                state: Some(TaskState::Retrying),
                next_at: Some(*next_at),
                fault: Some(fault),
                ..nothing
            },
            News::Faulted(state, fault) => {
                Self { state: Some(*state), fault: Some(fault), ..nothing }
            }
            News::Progress(progress) => {
                Self { done: Some(progress.done), total: progress.total, ..nothing }
            }
            News::CancelAsked => nothing,
        }
    }
}
