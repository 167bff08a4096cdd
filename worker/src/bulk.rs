//! Bulk: a body of many items, each of which is one input of an ordinary handler. A worker reads
//! it item by item and commits effects together with the position reached, chunk by chunk. The
//! body is never joined, never copied and never held twice.
//!
//! From the bottom up: a body in segments (`body`) is read by one of three readers (`items`), once
//! from its start to its end and then where items were left over (`course`, `left`); each item is
//! run (`work`) and leaves a trace (`trace`), traces become a chunk (`draft`, `gathered`), and the
//! run (`run`) sends chunk after chunk through the door (`chunk`), some of them again (`again`), as large
//! as its pace (`pace`) allows, has several items delivered at a time if they go to an upstream
//! (`ahead`, `couriers`), counts what became of them (`tally`), and comes to an end (`ends`).

mod again;
mod ahead;
mod body;
mod chunk;
mod couriers;
mod course;
mod csv;
mod cursor;
mod draft;
mod ends;
pub mod fuzzing;
mod gathered;
mod item;
mod items;
mod json;
mod left;
mod ndjson;
mod pace;
mod run;
mod scan;
mod tally;
mod trace;
mod work;

pub use item::ITEM_MAX_BYTES;
pub(crate) use pace::Pace;

use crate::attempt::{Aftermath, End, Workshop};
use crate::cancel::CancelFlag;
use crate::door::ChunkDoor;
use crate::failure::Failure;
use crate::panics;
use crate::product::json_type;
use ahead::Ahead;
use course::Course;
use draft::Draft;
use gathered::Writer;
use items::{Format, Items};
use overtime_protocol::{Completion, Job, Payload};
use run::Run;
use tally::Tally;
use work::Work;

impl Workshop {
    /// Runs a bulk job until its body is read, or until it is told to stop. What it did on the way
    /// goes through the door.
    pub(crate) fn run_bulk(
        &self,
        job: &Job,
        pace: Pace,
        cancel: CancelFlag<'_>,
        door: &mut dyn ChunkDoor,
    ) -> (Completion, Aftermath) {
        let started = self.clock.monotonic();
        let caught = panics::catch(|| self.work_bulk(job, pace, cancel, door));
        let (ended, aftermath) = caught.unwrap_or_else(|told| {
            let failure = Failure::ephemeral("panic", told);
            (Err(failure), Aftermath::Shaken)
        });
        (self.completion(job, started, ended.unwrap_or_else(End::from)), aftermath)
    }

    fn work_bulk(
        &self,
        job: &Job,
        pace: Pace,
        cancel: CancelFlag<'_>,
        door: &mut dyn ChunkDoor,
    ) -> (Result<End, Failure>, Aftermath) {
        let opened = self.handler(job).and_then(|handler| {
            let format = Format::of(job.content_type.as_deref()).ok_or_else(unsupported)?;
            Ok((handler, format, self.open(job)?))
        });
        let (handler, format, segments) = match opened {
            Ok(opened) => opened,
            Err(failure) => return (Err(failure), Aftermath::Sound),
        };
        let content_type = Some(json_type());
        let job = Job { payload: Payload::seal(Vec::new()), content_type, ..job.clone() };
        let writer = Writer { task: job.task, run: job.run };
        let mut run = Run {
            work: Work { job, handler, clock: &self.clock, cancel, shaken: false },
            course: Course::new(Items::new(format, &segments), writer.task, &*self.source),
            source: &*self.source,
            door,
            pace,
            writer,
            tally: Tally::default(),
            inflight: None,
            draft: Draft::new(writer, self.clock.monotonic()),
            ahead: None,
            gave_way: self.clock.monotonic(),
        };
        let start =
            |calls| Ahead::start(&calls, (&run.work.job, self.clock), &*run.door, pace.patience);
        let end = match handler.item_calls().map(start) {
            None => run.run(),
            Some(Ok(ahead)) => {
                run.ahead = Some(ahead);
                run.run()
            }
            Some(Err(failure)) => failure.into(),
        };
        let aftermath = if run.work.shaken { Aftermath::Shaken } else { Aftermath::Sound };
        (Ok(end), aftermath)
    }
}

fn unsupported() -> Failure {
    let detail = "a bulk body is application/json, application/x-ndjson or text/csv";
    Failure::input("unsupported-media-type", detail)
}

#[cfg(test)]
mod reader_tests;
#[cfg(test)]
mod run_tests;
