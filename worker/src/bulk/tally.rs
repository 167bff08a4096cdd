//! The tally: how many items succeeded and failed, and why. The first errors are for the result;
//! all of them are written in blocks beside the effects, up to a bound.

use super::cursor::Cursor;
use super::left::write_note;
use super::trace::{Fate, Trace};
use crate::source::{Source, SourceError};
use bytes::Bytes;
use overtime_protocol::bulk::{ERRORS_MAX_BYTES, errors_key};
use overtime_protocol::json::Json;
use overtime_protocol::{Fault, TaskId};

/// The most errors that a result shows.
const SHOWN_MAX: usize = 100;

/// The line behind the last error that is kept, if there were more.
const TRUNCATED: &[u8] = b"{\"truncated\":true}\n";

/// The most bytes of errors before that line.
const LINES_MAX_BYTES: u64 = (ERRORS_MAX_BYTES - TRUNCATED.len()) as u64;

/// What is known of the items up to a cursor.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) cursor: Cursor,
    /// The first errors, each as a line with its end.
    shown: Vec<Bytes>,
}

/// What a chunk adds to a tally.
#[derive(Debug)]
pub(super) struct Step {
    /// The cursor behind the chunk.
    pub(super) cursor: Cursor,
    /// The errors of the chunk, as one block, if it has any to keep.
    pub(super) block: Option<Bytes>,
    /// The notes of what it leaves over, as one block, if it does.
    pub(super) notes: Option<Bytes>,
    shown: Vec<Bytes>,
}

impl Tally {
    /// The tally up to `cursor`; the errors to be shown are read back.
    pub(super) fn resume(
        cursor: Cursor,
        task: TaskId,
        source: &dyn Source,
    ) -> Result<Self, SourceError> {
        let mut shown = Vec::new();
        for number in 0..cursor.blocks {
            if shown.len() >= SHOWN_MAX {
                break;
            }
            let block = source.state(&errors_key(task, number))?.value;
            let block = block.unwrap_or_default();
            let lines = block.split_inclusive(|byte| *byte == b'\n');
            let lines = lines.filter(|line| *line != TRUNCATED);
            shown.extend(lines.take(SHOWN_MAX - shown.len()).map(|line| block.slice_ref(line)));
        }
        Ok(Self { cursor, shown })
    }

    /// What a chunk of these items adds.
    pub(super) fn step(&self, traces: &[Trace]) -> Step {
        let mut cursor = self.cursor.clone();
        let (mut block, mut notes, mut shown) = (Vec::new(), Vec::new(), Vec::new());
        for trace in traces {
            cursor.place = trace.after;
            match &trace.fate {
                Fate::Done => cursor.succeeded += 1,
                Fate::Left(fault) => {
                    cursor.left.add(fault);
                    write_note(trace.before, &mut notes);
                }
                Fate::Failed(fault) => {
                    cursor.failed += 1;
                    let line = line(trace.before.index, fault);
                    if self.shown.len() + shown.len() < SHOWN_MAX {
                        shown.push(Bytes::copy_from_slice(&line));
                    }
                    keep(&mut cursor, &mut block, &line);
                }
            }
        }
        cursor.blocks += u32::from(!block.is_empty());
        cursor.left.blocks += u32::from(!notes.is_empty());
        let written = |block: Vec<u8>| (!block.is_empty()).then(|| block.into());
        Step { cursor, block: written(block), notes: written(notes), shown }
    }

    /// The chunk was kept.
    pub(super) fn keep(&mut self, step: Step) {
        self.cursor = step.cursor;
        self.shown.extend(step.shown);
    }

    /// The result of the task.
    pub(super) fn result(&self, task: TaskId) -> Vec<u8> {
        let mut out = Vec::with_capacity(128 + self.shown.iter().map(Bytes::len).sum::<usize>());
        let mut json = Json::object(&mut out);
        json.text("id", &task.to_string());
        json.text("state", "succeeded");
        self.write_counters(&mut json);
        json.end();
        // The errors are JSON already, and the last member.
        out.pop();
        out.extend_from_slice(b",\"errors\":[");
        for (place, line) in self.shown.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(line.trim_ascii_end());
        }
        out.extend_from_slice(b"]}");
        out
    }

    /// The members that tell how far a body was read that is malformed at `offset`.
    pub(super) fn members(&self, offset: u64) -> Box<str> {
        let mut out = Vec::new();
        let mut json = Json::object(&mut out);
        self.write_counters(&mut json);
        json.number("offset", offset);
        json.end();
        let text = String::from_utf8_lossy(&out);
        text.trim_start_matches('{').trim_end_matches('}').into()
    }

    fn write_counters(&self, json: &mut Json<'_>) {
        let Cursor { succeeded, failed, .. } = self.cursor;
        json.number("items", succeeded + failed);
        json.number("succeeded", succeeded);
        json.number("failed", failed);
    }
}

/// Adds a line to the errors that are kept, if there is room for it.
fn keep(cursor: &mut Cursor, block: &mut Vec<u8>, line: &[u8]) {
    if cursor.truncated {
        return;
    }
    cursor.truncated = cursor.error_bytes + line.len() as u64 > LINES_MAX_BYTES;
    let line = if cursor.truncated { TRUNCATED } else { line };
    cursor.error_bytes += line.len() as u64;
    block.extend_from_slice(line);
}

fn line(index: u64, fault: &Fault) -> Vec<u8> {
    let mut line = Vec::with_capacity(64 + fault.detail.len());
    let mut json = Json::object(&mut line);
    json.number("index", index);
    json.text("code", &fault.code);
    json.text("detail", &fault.detail);
    json.end();
    line.push(b'\n');
    line
}
