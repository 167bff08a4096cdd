//! A chunk done again after a conflict. Nothing of it was written, so its keys are read anew; the
//! items that touched a key that has changed are run again, and those that read what these wrote.
//! All others keep what they have done.

use super::chunk::Inflight;
use super::draft::Draft;
use super::run::{Halt, Run};
use super::trace::Trace;
use crate::effects::{Layer, Overlay, View};
use crate::source::State;
use bytes::Bytes;
use overtime_protocol::record::ReadMark;
use std::collections::HashSet;

/// From this conflict in a row on, half a chunk is given up: the less it touches, the sooner it
/// comes through between others that touch the same.
const HALVED_FROM: u32 = 1;

/// How things stand now with the keys of a chunk.
struct Present {
    states: Overlay,
    changed: HashSet<Bytes>,
}

impl Run<'_> {
    /// Does a chunk again and leaves the reader behind it. The result may have fewer items: it
    /// ends before one that fails the task now, which the next draft meets again.
    pub(super) fn do_again(&mut self, inflight: Inflight) -> Result<Draft, Halt> {
        let Inflight { draft: Draft { mut traces, gathered, .. }, conflicts, .. } = inflight;
        let mut present = self.present(gathered.reads())?;
        if conflicts >= HALVED_FROM {
            traces.truncate(traces.len().div_ceil(2));
        }
        let mut again = self.fresh_draft();
        let start = self.tally.cursor.place;
        for trace in traces {
            match self.redo(trace, &again, &mut present) {
                Some(trace) if again.has_room(&trace) && self.may_leave(&trace, &again) => {
                    again.push(trace);
                }
                Some(_) | None => break,
            }
        }
        self.course.go_to(again.end().unwrap_or(start));
        Ok(again)
    }

    fn present<'k>(
        &self,
        keys: impl Iterator<Item = (&'k Bytes, ReadMark)>,
    ) -> Result<Present, Halt> {
        let (mut states, mut changed) = (Overlay::default(), HashSet::new());
        for (key, read) in keys {
            let state = self.source.state(key)?;
            if !is_same(read, state.read) {
                changed.insert(key.clone());
            }
            states.insert(key.clone(), state);
        }
        Ok(Present { states, changed })
    }

    /// What the item leaves behind now; `None` if it fails the task.
    fn redo(&mut self, mut trace: Trace, again: &Draft, present: &mut Present) -> Option<Trace> {
        if !trace.keys().any(|key| present.changed.contains(key)) {
            trace.renew(|key| present.states.state(key).map(|State { read, .. }| read));
            return Some(trace);
        }
        let item = self.course.read_again(trace.before)?;
        // What it wrote before it may not write now, and the other way round.
        present.changed.extend(trace.puts.iter().map(|put| put.key.clone()));
        let lower = Some(&present.states as &dyn Layer);
        let view = View { upper: &again.gathered, lower, source: self.source };
        let trace = self.work.attempt(item, trace.after, view).ok()?;
        present.changed.extend(trace.puts.iter().map(|put| put.key.clone()));
        Some(trace)
    }
}

/// Whether two reads saw the same write.
fn is_same(one: ReadMark, other: ReadMark) -> bool {
    match (one, other) {
        (ReadMark::At { lsn: one, .. }, ReadMark::At { lsn: other, .. }) => one == other,
        // What was not read cannot have changed, and no handler leaves anything unread.
        (ReadMark::Unread, ReadMark::Unread) => true,
        (ReadMark::At { .. } | ReadMark::After { .. } | ReadMark::Unread, _) => false,
    }
}
