//! A follower: one caller that is told the events of a task. First it gets the past, page by page
//! from the journal, then what is published. It knows how far it has come and reads nothing itself.

use super::frame::{Coding, Taken};
use crate::callers::Caller;
use crate::limits::PAST_EVENTS_PER_WRITE;
use overtime_protocol::http::ReplyContext;
use overtime_protocol::{EventPage, TaskEvent, TaskId};
use std::vec;

/// One caller that follows a task.
#[derive(Debug)]
pub(crate) struct Follower {
    pub(crate) task: TaskId,
    pub(crate) caller: Caller,
    pub(crate) context: ReplyContext,
    /// The last event that it has.
    seen: u64,
    /// The head of its answer has been sent.
    pub(crate) opened: bool,
    pub(crate) standing: Standing,
    /// It neither waits in its feed nor for its turn to be written to.
    pub(crate) away: bool,
}

/// Where its next event comes from.
#[derive(Debug)]
pub(crate) enum Standing {
    /// From the journal, which is not asked yet.
    Behind,
    /// From the journal, when it is its turn to ask.
    Waiting,
    /// From the journal, which is asked.
    Asked,
    /// From a page of the journal.
    Past(Past),
    /// From the feed, at this place.
    Live(u64),
}

/// What is left of a page.
#[derive(Debug)]
pub(crate) struct Past {
    events: vec::IntoIter<TaskEvent>,
    more: bool,
}

/// How the answer begins, by its first page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// With the events of the page.
    Stream,
    /// It has the last event already.
    NothingMore,
    /// What it says to have seen is none of the task's events: it is to get them all.
    Again,
}

impl Follower {
    /// A follower that has seen the events up to this one.
    pub(crate) fn new(caller: Caller, (task, seen): (TaskId, u64), context: ReplyContext) -> Self {
        let standing = Standing::Behind;
        Self { task, caller, context, seen, opened: false, standing, away: true }
    }

    pub(crate) fn coding(&self) -> Coding {
        Coding::of(self.context.version)
    }

    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// Behind which event the next page begins. The first begins with the event that was seen
    /// last: if that was the task's last, nothing else would tell.
    pub(crate) fn asks_behind(&self) -> u64 {
        if self.opened { self.seen } else { self.seen.saturating_sub(1) }
    }

    /// Whether it holds a page, or is about to.
    pub(crate) fn has_page(&self) -> bool {
        matches!(self.standing, Standing::Asked | Standing::Past(_))
    }

    /// How its answer begins; called with the first page.
    pub(crate) fn opening(&mut self, page: &EventPage) -> Opening {
        let seen = self.seen;
        if page.events.is_empty() && seen > 0 {
            self.seen = 0;
            self.standing = Standing::Behind;
            return Opening::Again;
        }
        let has_last = |event: &TaskEvent| event.is_final() && event.sequence <= seen;
        if page.events.iter().any(has_last) { Opening::NothingMore } else { Opening::Stream }
    }

    /// Takes a page in.
    pub(crate) fn take_page(&mut self, page: EventPage) {
        let EventPage { mut events, more, .. } = page;
        events.retain(|event| event.sequence > self.seen);
        self.standing = Standing::Past(Past { events: events.into_iter(), more });
    }

    /// What one write takes of its page; nothing if that is used up.
    pub(crate) fn take_past(&mut self) -> Taken {
        let coding = self.coding();
        let Standing::Past(past) = &mut self.standing else { return Taken::default() };
        let piece: Vec<TaskEvent> = past.events.by_ref().take(PAST_EVENTS_PER_WRITE).collect();
        let Some(last) = piece.last() else { return Taken::default() };
        self.seen = last.sequence;
        Taken {
            events: piece.len() as u64,
            is_final: piece.iter().any(TaskEvent::is_final),
            pieces: vec![coding.events(self.task, &piece)],
        }
    }

    /// Whether its page is used up, and if so whether there is another.
    pub(crate) fn past_left(&self) -> PastLeft {
        match &self.standing {
            Standing::Past(past) if !past.events.as_slice().is_empty() => PastLeft::Events,
            Standing::Past(Past { more: true, .. }) => PastLeft::Pages,
            _ => PastLeft::Nothing,
        }
    }
}

/// What is left of the past, as far as a follower knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PastLeft {
    /// Events of its page.
    Events,
    /// Other pages.
    Pages,
    /// Nothing.
    Nothing,
}
