//! One run over a bulk body: item after item, chunk after chunk. While one chunk is on its way
//! into the journal, the next is made ready; what it read of the first is numbered when the first
//! is kept. The run never writes, and nothing that it says was done can be lost: a later run goes
//! on behind the last chunk that was kept.

use super::ahead::{Ahead, Met, Stop};
use super::chunk::{Footing, Inflight};
use super::course::{Course, Stuck};
use super::cursor::Cursor;
use super::draft::Draft;
use super::gathered::Writer;
use super::item::Malformed;
use super::left::LEFT_MAX;
use super::pace::Pace;
use super::tally::Tally;
use super::trace::{Fate, Trace};
use super::work::Work;
use crate::attempt::End;
use crate::door::ChunkDoor;
use crate::effects::{Layer, View};
use crate::failure::Failure;
use crate::source::Source;
use overtime_protocol::{Monotonic, Outcome};
use std::time::Duration;

/// How long it waits for an item before it looks what became of the chunk on its way.
const RULING_LOOK: Duration = Duration::from_millis(100);

/// How long it computes before it lets others go first. The system's scheduler would have whoever is
/// woken wait for milliseconds, however low the priority of this thread is.
const COURTESY: Duration = Duration::from_micros(200);

/// A run.
pub(super) struct Run<'a> {
    pub(super) work: Work<'a>,
    pub(super) course: Course<'a>,
    pub(super) source: &'a dyn Source,
    pub(super) door: &'a mut dyn ChunkDoor,
    pub(super) pace: Pace,
    pub(super) writer: Writer,
    /// What was kept.
    pub(super) tally: Tally,
    /// The chunk on its way.
    pub(super) inflight: Option<Inflight>,
    /// The chunk in the making, behind the one on its way.
    pub(super) draft: Draft,
    /// Items on their way to the upstream, if that is where they go.
    pub(super) ahead: Option<Ahead>,
    /// When it last let others go first.
    pub(super) gave_way: Monotonic,
}

/// Why a run ends in the middle.
#[derive(Debug)]
pub(super) enum Halt {
    /// It was told to.
    Yielded,
    /// Its upstream is shed, or has had no place for long.
    Held,
    /// It cannot go on.
    Failed(Failure),
}

impl From<Stuck> for Filled {
    fn from(stuck: Stuck) -> Self {
        match stuck {
            Stuck::Malformed(malformed) => Self::Malformed(malformed),
            Stuck::Failed(failure) => Self::Failed(failure),
        }
    }
}

impl<E: Into<Failure>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Why no more items are run for a draft.
enum Filled {
    /// It is large enough.
    Enough,
    /// There are no more items.
    Done,
    /// There are none that could be read.
    Malformed(Malformed),
    /// An item failed the task, or the task is to be cancelled.
    Failed(Failure),
    /// Nothing more is to begin.
    Stopped(Halt),
}

impl Run<'_> {
    /// Runs to an end.
    pub(super) fn run(&mut self) -> End {
        let ended = self.resume().and_then(|()| self.go_through());
        self.finish_ahead();
        ended.unwrap_or_else(|halt| match halt {
            // It would begin with the next pass at once, and count no attempt.
            Halt::Yielded | Halt::Held if self.pass_is_over().is_ok_and(|over| over) => {
                self.left_over()
            }
            Halt::Yielded => self.end(Outcome::Yielded),
            Halt::Held => self.end(self.held()),
            Halt::Failed(failure) => self.end(failure.into()),
        })
    }

    /// Goes to where the run before has come.
    fn resume(&mut self) -> Result<(), Halt> {
        let Some(bytes) = &self.work.job.cursor else { return Ok(()) };
        let cursor = Cursor::decode(bytes)
            .ok_or_else(|| Failure::defect("cursor-unreadable", "no version wrote this cursor"))?;
        self.tally = Tally::resume(cursor, self.writer.task, self.source)?;
        self.course.resume(&self.tally.cursor);
        if self.pass_is_over()? {
            self.tally.cursor = self.tally.cursor.next_pass();
            self.course.resume(&self.tally.cursor);
        }
        Ok(())
    }

    fn go_through(&mut self) -> Result<End, Halt> {
        loop {
            let filled = self.fill()?;
            if matches!(filled, Filled::Failed(_)) {
                self.begin_no_more();
            }
            if self.settle()? == Footing::Lost {
                continue;
            }
            let left = self.tally.cursor.left.items + self.draft.left;
            match filled {
                Filled::Enough => self.send()?,
                Filled::Done | Filled::Malformed(_) if left > 0 && self.draft.is_empty() => {
                    return Ok(self.left_over());
                }
                Filled::Done if left > 0 => self.send()?,
                Filled::Done => return self.done(),
                Filled::Malformed(malformed) if self.draft.is_empty() => {
                    return Ok(self.broken_off(malformed));
                }
                // What comes before it is kept first, and then it is met again.
                Filled::Malformed(_) => self.send()?,
                Filled::Failed(failure) => {
                    self.send()?;
                    self.settle()?;
                    return Err(failure.into());
                }
                Filled::Stopped(halt) => {
                    self.send()?;
                    self.settle()?;
                    return Err(halt);
                }
            }
        }
    }

    /// Runs items until the draft is large enough or there are no more.
    fn fill(&mut self) -> Result<Filled, Halt> {
        loop {
            if self.inflight.is_some()
                && let Some(ruling) = self.door.poll()
            {
                self.take(ruling)?;
            }
            let now = self.give_way();
            if self.is_enough(now) {
                return Ok(Filled::Enough);
            }
            if self.work.cancel.is_raised() {
                return Ok(Filled::Failed(Failure::Cancelled));
            }
            let before = self.course.place();
            let met = if self.ahead.is_some() { self.meet() } else { self.run_next() };
            let trace = match met {
                Ok(trace) => trace,
                Err(filled) => return Ok(filled),
            };
            if !self.draft.has_room(&trace) {
                // What went to an upstream writes nothing, so there is always room for it.
                self.course.go_to(before);
                return Ok(Filled::Enough);
            }
            if !self.may_leave(&trace, &self.draft)
                && let Fate::Left(fault) = trace.fate
            {
                return Ok(Filled::Failed(Failure::Ephemeral(fault)));
            }
            self.draft.push(trace);
        }
    }

    /// Runs the next item.
    fn run_next(&mut self) -> Result<Trace, Filled> {
        let item = match self.course.next() {
            Ok(Some(item)) => item,
            Ok(None) => return Err(Filled::Done),
            Err(stuck) => return Err(stuck.into()),
        };
        let lower = self.inflight.as_ref().map(|inflight| &inflight.draft.gathered);
        let lower = lower.map(|gathered| gathered as &dyn Layer);
        let view = View { upper: &self.draft.gathered, lower, source: self.source };
        self.work.attempt(item, self.course.place(), view).map_err(Filled::Failed)
    }

    /// The next item that has come back from the upstream. While none has, what was met is kept.
    fn meet(&mut self) -> Result<Trace, Filled> {
        let Some(ahead) = &mut self.ahead else { return Err(Filled::Done) };
        let at_most = match (self.draft.is_empty(), &self.inflight) {
            (true, None) => Duration::MAX,
            // It may be told to yield.
            (true, Some(_)) => RULING_LOOK,
            (false, _) => {
                self.pace.span.saturating_sub(self.work.clock.monotonic().since(self.draft.began))
            }
        };
        match ahead.meet(&mut self.course, self.work.cancel, at_most) {
            Met::Item(item, after, result) => {
                self.work.told(item, after, result).map_err(Filled::Failed)
            }
            Met::Later => Err(Filled::Enough),
            Met::Over => Err(Filled::Done),
            Met::Stuck(stuck) => Err(stuck.into()),
            Met::Stopped(Stop::Yielded) => Err(Filled::Stopped(Halt::Yielded)),
            Met::Stopped(Stop::Held) => Err(Filled::Stopped(Halt::Held)),
            Met::Stopped(Stop::Cancelled) => Err(Filled::Failed(Failure::Cancelled)),
        }
    }

    /// Others are to go first: at once, unless items are on their way to an upstream.
    pub(super) fn yields(&mut self) -> Result<Footing, Halt> {
        match self.ahead {
            None => Err(Halt::Yielded),
            Some(_) => {
                self.begin_no_more();
                Ok(Footing::Firm)
            }
        }
    }

    /// Items that have not begun by now are those of a later run.
    fn begin_no_more(&mut self) {
        if let Some(ahead) = &mut self.ahead {
            ahead.stop(Stop::Yielded);
        }
    }

    fn finish_ahead(&mut self) {
        if let Some(mut ahead) = self.ahead.take() {
            ahead.finish();
        }
    }

    /// Whether there is room for the note of an item that is left over.
    pub(super) fn may_leave(&self, trace: &Trace, draft: &Draft) -> bool {
        let before =
            self.inflight.as_ref().map_or(&self.tally.cursor, |before| &before.step.cursor);
        !matches!(trace.fate, Fate::Left(_)) || before.left.items + draft.left < LEFT_MAX
    }

    /// Lets others have the processor if it is their turn by now; returns the time after that.
    fn give_way(&mut self) -> Monotonic {
        let now = self.now();
        if now.since(self.gave_way) < COURTESY {
            return now;
        }
        std::thread::yield_now();
        self.gave_way = self.now();
        self.gave_way
    }

    fn is_enough(&self, now: Monotonic) -> bool {
        let Draft { traces, weight, began, .. } = &self.draft;
        let Pace { weight: weight_max, items: items_max, span, .. } = self.pace;
        !traces.is_empty()
            && (*weight >= weight_max || traces.len() >= items_max || now.since(*began) >= span)
    }

    pub(super) fn fresh_draft(&self) -> Draft {
        Draft::new(self.writer, self.now())
    }

    pub(super) fn now(&self) -> Monotonic {
        self.work.clock.monotonic()
    }
}
