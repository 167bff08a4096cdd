//! Following: those who follow tasks, from the request to the end of the stream. What is written to
//! them is in the file below. It never reads from a socket.
//!
//! A follower is announced to the engine before the journal is asked for the past, so whatever
//! becomes durable behind that page is published, and waits in the task's feed. Where both tell
//! the same event, its sequence number says so.

use super::{Clients, orders};
use crate::callers::Caller;
use crate::connection::{Connection, Stage};
use crate::events::{Feed, Follower, Opening, Standing};
use crate::limits::PAGES_MAX;
use overtime_protocol::http::{
    After, Extent, ReplyContext, Version, write_no_more_events, write_stream_head,
};
use overtime_protocol::{Answer, EventPage, Query, Read, ReplyTo, TaskId};
use std::collections::{HashMap, VecDeque};

mod writing;

/// Writes a head that is a whole answer.
type WriteHead = fn(TaskId, &ReplyContext, &str, &mut Vec<u8>);

/// All that is kept of followers beside their connections.
#[derive(Debug, Default)]
pub(super) struct Following {
    feeds: HashMap<TaskId, Feed>,
    /// Followers that can be written to, in order.
    ready: VecDeque<ReplyTo>,
    /// Followers that wait for their turn to ask the journal.
    waiting: VecDeque<ReplyTo>,
    /// How many have a page of the past, or have asked for one.
    pages: usize,
    /// Tasks that nobody followed any more at some time since the engine was last told.
    unfollowed: Vec<TaskId>,
    /// The server is on its way out: every stream ends.
    is_over: bool,
}

impl Following {
    pub(super) fn has_work(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether somebody can be written to, or waits for a page.
    fn has_news(&self) -> bool {
        !self.ready.is_empty() || !self.waiting.is_empty()
    }

    pub(super) fn count(&self) -> u64 {
        self.feeds.values().map(|feed| feed.followers as u64).sum()
    }
}

impl Clients {
    /// Whether there is anything to be done for followers in this turn.
    pub(crate) fn has_news(&self) -> bool {
        self.following.has_news()
    }

    /// The caller follows the task from here on. Says whether it is the first that does.
    pub(crate) fn follow(
        &mut self,
        to: ReplyTo,
        caller: Caller,
        (task, after): (TaskId, u64),
    ) -> bool {
        let (index, request) = orders::caller(to);
        let Some(connection) = self.connections.get_mut(index) else { return false };
        if connection.request != request {
            return false;
        }
        connection.stage = match std::mem::replace(&mut connection.stage, Stage::Reading) {
            Stage::Waiting(mut context) => {
                // The end of a body without chunks is that of its connection.
                if self.closing || context.version == Version::Http10 {
                    context.after = After::Close;
                }
                Stage::Following(Box::new(Follower::new(caller, (task, after), *context)))
            }
            other => {
                connection.stage = other;
                return false;
            }
        };
        let feed = self.following.feeds.entry(task).or_default();
        feed.followers += 1;
        let is_first = feed.followers == 1;
        self.wait_for_page(index);
        is_first
    }

    /// Tasks that nobody follows any more.
    pub(crate) fn take_unfollowed(&mut self) -> Vec<TaskId> {
        let mut tasks = std::mem::take(&mut self.following.unfollowed);
        tasks.retain(|task| !self.following.feeds.contains_key(task));
        tasks
    }

    /// The next page that a follower asks for, if there is room for one.
    pub(crate) fn next_event_read(&mut self) -> Option<Read> {
        while self.following.pages < PAGES_MAX {
            let reply_to = self.following.waiting.pop_front()?;
            let Some(follower) = self.follower(reply_to) else { continue };
            let query = Query::Events { task: follower.task, after: follower.asks_behind() };
            follower.standing = Standing::Asked;
            let scope = follower.caller.scope.clone();
            self.following.pages += 1;
            return Some(Read { reply_to, scope, query });
        }
        None
    }

    /// There was no room for that read: it is the next again.
    pub(crate) fn put_back(&mut self, read: &Read) {
        let Some(follower) = self.follower(read.reply_to) else { return };
        follower.standing = Standing::Waiting;
        self.following.pages -= 1;
        self.following.waiting.push_front(read.reply_to);
    }

    /// What a follower has asked for is there.
    pub(super) fn answer_follower(&mut self, index: usize, answer: Answer) {
        let Stage::Following(follower) = &self.connections[index].stage else { return };
        match answer {
            Answer::Events(page) => self.take_page(index, *page),
            // Nothing was said yet: it is an answer like any other.
            answer if !follower.opened => {
                let context = follower.context.clone();
                self.stop_following(index);
                self.connections[index].stage = Stage::Waiting(Box::new(context));
                self.answer_here(index, answer);
            }
            // It comes back for the rest.
            _ => self.close(index),
        }
    }

    fn take_page(&mut self, index: usize, page: EventPage) {
        let Stage::Following(follower) = &mut self.connections[index].stage else { return };
        if follower.opened {
            follower.take_page(page);
            self.make_ready(index);
            return;
        }
        match follower.opening(&page) {
            Opening::Again => {
                self.following.pages -= 1;
                self.wait_for_page(index);
            }
            Opening::NothingMore => self.answer_on_head(index, write_no_more_events),
            Opening::Stream if follower.context.extent == Extent::HeadOnly => {
                self.answer_on_head(index, write_stream_head);
            }
            Opening::Stream => {
                follower.take_page(page);
                self.open_stream(index);
            }
        }
    }

    fn open_stream(&mut self, index: usize) {
        let Connection { stage, output, .. } = &mut self.connections[index];
        let Stage::Following(follower) = stage else { return };
        follower.opened = true;
        let mut head = Vec::with_capacity(256);
        let date = self.answering.date();
        write_stream_head(follower.task, &follower.context, date, &mut head);
        output.push(head.into());
        self.make_ready(index);
    }

    /// The answer is a head alone, and is over with it.
    fn answer_on_head(&mut self, index: usize, write: WriteHead) {
        let Connection { stage, output, .. } = &mut self.connections[index];
        let Stage::Following(follower) = stage else { return };
        let (mut head, after) = (Vec::with_capacity(256), follower.context.after);
        write(follower.task, &follower.context, self.answering.date(), &mut head);
        output.push(head.into());
        self.stop_following(index);
        self.connections[index].stage = Stage::Answering(after);
        self.answering.go_on(index);
    }

    /// The journal is asked for the next page when it is the follower's turn.
    fn wait_for_page(&mut self, index: usize) {
        let Connection { stage, request, .. } = &mut self.connections[index];
        let Stage::Following(follower) = stage else { return };
        follower.standing = Standing::Waiting;
        self.following.waiting.push_back(orders::reply_to(index, *request));
    }

    /// The connection follows nothing from here on.
    pub(super) fn stop_following(&mut self, index: usize) {
        let Some(Connection { stage, request, .. }) = self.connections.get(index) else { return };
        let Stage::Following(follower) = stage else { return };
        let Following { feeds, pages, unfollowed, .. } = &mut self.following;
        *pages -= usize::from(follower.has_page());
        let Some(feed) = feeds.get_mut(&follower.task) else { return };
        let to = orders::reply_to(index, *request);
        feed.idle.remove(&to);
        if let Standing::Live(place) = follower.standing {
            feed.stuck.remove(&(place, to));
        }
        feed.followers -= 1;
        if feed.followers == 0 {
            feeds.remove(&follower.task);
            unfollowed.push(follower.task);
        }
    }

    fn follower(&mut self, to: ReplyTo) -> Option<&mut Follower> {
        let (index, request) = orders::caller(to);
        match self.connections.get_mut(index)? {
            Connection { stage: Stage::Following(follower), request: now, .. }
                if *now == request =>
            {
                Some(follower)
            }
            _ => None,
        }
    }
}
