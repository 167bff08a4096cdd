//! The rows of the archive: whether each can be read and matches its checksums, and whether what
//! they say agrees, also with what the log has behind them.

use super::late::Late;
use super::{Inspection, plain};
use crate::archive::{Kept, ROW_BYTES, StillArchive, TaskRow, explain};
use crate::health::Part;
use foldhash::HashMap;
use overtime_protocol::{TaskId, TaskState};

/// How often it is said how far the rows were read.
const SAY_EVERY: u64 = 1_000_000;

/// What the rows of tasks add up to.
#[derive(Default)]
struct Sums {
    states: HashMap<TaskState, u64>,
    usage: HashMap<String, (i64, i64)>,
    highest_lsn: u64,
}

impl Inspection<'_> {
    /// Reads every row.
    pub(super) fn rows(&mut self, archive: &StillArchive, late: &Late) {
        let mut sums = Sums::default();
        let read = archive.tasks(|row| self.task(row, late, &mut sums));
        let is_whole = read.is_ok();
        self.unless_read("tasks", read);
        let read = StillArchive::read_unfinished(archive.connection(), |id, error| {
            self.bad_row(format!("{}: it cannot be taken up: {}", name(id), plain(&error)));
        });
        self.unless_read("unfinished tasks", read);
        for (state, count) in &sums.states {
            *self.health.tasks.entry(*state).or_default() += count;
        }
        let read = archive.state(|key, lsn| {
            self.health.archive.state += 1;
            match lsn {
                Ok(lsn) => sums.highest_lsn = sums.highest_lsn.max(lsn),
                Err(error) => {
                    let key = String::from_utf8_lossy(key).into_owned();
                    self.bad_row(format!("the state at {key:?}: {}", plain(&error)));
                }
            }
        });
        self.unless_read("state", read);
        let read = archive.events(|task, sequence| {
            self.health.archive.events += 1;
            match sequence {
                Ok(lsn) => sums.highest_lsn = sums.highest_lsn.max(lsn),
                Err(error) => {
                    self.bad_row(format!("an event of {}: {}", name(task), plain(&error)))
                }
            }
        });
        self.unless_read("events", read);
        if is_whole {
            self.agreement(archive, &sums);
        }
    }

    fn task(
        &mut self,
        row: Result<TaskRow, (i64, crate::error::StoreError)>,
        late: &Late,
        sums: &mut Sums,
    ) {
        self.health.archive.tasks += 1;
        if self.health.archive.tasks.is_multiple_of(SAY_EVERY) {
            (self.say)(&format!("{} tasks read", self.health.archive.tasks));
        }
        let row = match row {
            Ok(row) => row,
            Err((id, error)) => return self.bad_row(format!("{}: {}", name(id), plain(&error))),
        };
        sums.add(&row);
        let has_ended =
            late.get(row.task).and_then(|late| late.state).is_some_and(TaskState::is_final);
        match row.payload {
            _ if row.state.is_final() || has_ended => {}
            None => self.bad_row(format!("{}: it has not ended and has no payload", row.task)),
            Some(Kept::Spooled(len)) => self.spooled(row.task, len),
            Some(Kept::Here(_)) => {}
        }
    }

    /// Holds what the archive says twice against each other.
    fn agreement(&mut self, archive: &StillArchive, sums: &Sums) {
        // An archive that was built anew ends where the log begins, which has the rest once more.
        if let Some(watermark) = self.health.archive.watermark
            && sums.highest_lsn > watermark.max(self.health.log.last)
        {
            self.bad_row(format!(
                "it has what record {} wrote, and says that it ends at {watermark}",
                sums.highest_lsn
            ));
        }
        match archive.events_of_nobody() {
            Ok(tasks) => tasks.into_iter().for_each(|task| {
                // The log may still tell of a task that was lost.
                let what = format!("there are events of {}, which is not there", name(task));
                self.health.notes.push(what);
            }),
            Err(error) => self.bad_row(format!("events: {}", explain(&error))),
        }
        let counted = match archive.usage() {
            Ok(counted) => counted,
            Err(error) => return self.bad_row(format!("usage: {}", explain(&error))),
        };
        let mut missing = sums.usage.clone();
        for (kind, rows, bytes) in counted {
            let found = missing.remove(&kind).unwrap_or_default();
            if found != (rows, bytes) {
                self.miscounted(&kind, (rows, bytes), found);
            }
        }
        missing.iter().for_each(|(kind, found)| self.miscounted(kind, (0, 0), *found));
    }

    fn miscounted(&mut self, kind: &str, counted: (i64, i64), found: (i64, i64)) {
        self.harm(Part::Archive, None, format!(
            "of {kind} there are {} tasks with {} bytes, and it is noted that there are {} with {}",
            found.0, found.1, counted.0, counted.1
        ));
    }

    /// Adds the tasks of which the log has more.
    pub(super) fn late_tasks(&mut self, archive: &StillArchive, late: &Late) {
        for (task, found) in late.iter() {
            let archived = match archive.task_state(task) {
                Ok(archived) => archived,
                Err(error) => {
                    self.bad_row(format!("{task}: {}", plain(&error)));
                    continue;
                }
            };
            if archived.is_none() && !found.is_whole {
                let what = format!("{task}: the log goes on with it, and it is not there");
                self.harm(Part::Archive, None, what);
                continue;
            }
            self.count_late(archived, found.state);
            let has_ended = found.state.is_some_and(TaskState::is_final);
            if let Some(Kept::Spooled(len)) = found.payload.filter(|_| !has_ended) {
                self.spooled(task, len);
            }
        }
    }

    fn count_late(&mut self, archived: Option<TaskState>, late: Option<TaskState>) {
        if archived.is_some_and(TaskState::is_final) {
            return;
        }
        if let Some(count) = archived.and_then(|state| self.health.tasks.get_mut(&state)) {
            *count = count.saturating_sub(1);
        }
        let state = late.or(archived).unwrap_or(TaskState::Queued);
        *self.health.tasks.entry(state).or_default() += 1;
    }

    fn unless_read(&mut self, table: &str, read: rusqlite::Result<()>) {
        if let Err(error) = read {
            let what = explain(&error);
            self.bad_row(format!("the rows of {table} cannot all be read: {what}"));
        }
    }

    fn bad_row(&mut self, what: String) {
        self.flaw(Part::Archive, Some(self.still.archive()), what);
    }
}

impl Sums {
    fn add(&mut self, row: &TaskRow) {
        *self.states.entry(row.state).or_default() += 1;
        let kept = match row.payload {
            Some(Kept::Here(len) | Kept::Spooled(len)) => len,
            None => 0,
        };
        let usage = self.usage.entry(row.kind.clone()).or_default();
        usage.0 += 1;
        usage.1 += (ROW_BYTES + kept + row.product).cast_signed();
        self.highest_lsn = self.highest_lsn.max(row.lsn);
    }
}

/// A task by the key of its row.
fn name(id: i64) -> String {
    match TaskId::from_key(id.cast_unsigned()) {
        Some(task) => task.to_string(),
        None => format!("the row {id}"),
    }
}
