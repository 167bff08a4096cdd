//! Rows of events.

use super::{Cells, malformed};
use crate::error::StoreError;
use overtime_protocol::{News, Progress, TaskEvent, TaskState, UnixMillis};

/// The columns that [`event`] reads, in its order.
pub(crate) const EVENT: &str = "sequence, at, attempt, state, next_at, progress_done, \
    progress_total, fault_code, fault_detail, fault_source, fault_class, fault_retry_after_ms, \
    fault_members";

/// Reads one event. Which it is shows in what it has: progress, a state, or neither.
pub(crate) fn event(cells: &mut Cells<'_>) -> Result<TaskEvent, StoreError> {
    let (sequence, at) = (cells.unsigned()?, UnixMillis(cells.unsigned()?));
    let attempt = cells.small("the attempt of an event")?;
    let state = cells.maybe_unsigned()?.map(|number| {
        let state = u8::try_from(number).ok().and_then(TaskState::from_number);
        state.ok_or_else(|| malformed("the state of an event"))
    });
    let (state, next_at) = (state.transpose()?, cells.maybe_time()?);
    let (done, total) = (cells.maybe_unsigned()?, cells.maybe_unsigned()?);
    let fault = cells.fault()?.map(Box::new);
    let news = match (state, next_at, fault) {
        (Some(_), Some(next_at), Some(fault)) => News::Retrying(next_at, fault),
        (Some(state), None, Some(fault)) => News::Faulted(state, fault),
        (Some(state), None, None) => News::State(state),
        (None, None, None) => match done {
            Some(done) => News::Progress(Progress { done, total }),
            None => News::CancelAsked,
        },
        _ => return Err(malformed("an event")),
    };
    Ok(TaskEvent { sequence, at, attempt, news })
}
