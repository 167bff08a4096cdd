//! Writing to followers: a bounded number of them a turn, in order, one vectored write each. It
//! never asks the journal: whoever has to read on there says so.

use crate::clients::{Clients, orders};
use crate::connection::{Connection, Stage};
use crate::events::{Feed, Frame, PastLeft, Standing, Taken};
use crate::limits::FOLLOWER_WRITES_PER_TURN;
use crate::output::Written;
use crate::patience::Awaited;
use overtime_protocol::http::After;
use overtime_protocol::{Monotonic, TaskEvent, TaskId};

impl Clients {
    /// Something has happened to a task that somebody follows.
    pub(crate) fn publish(&mut self, task: TaskId, event: &TaskEvent) {
        let Some(feed) = self.following.feeds.get_mut(&task) else { return };
        feed.publish(Frame::of(task, event));
        self.following.ready.extend(std::mem::take(&mut feed.idle));
        while let Some(lost) = self.following.feeds.get_mut(&task).and_then(Feed::next_lost) {
            self.make_ready(orders::caller(lost).0);
        }
    }

    /// Writes to this turn's share of those who can be written to.
    pub(crate) fn write_events(&mut self, now: Monotonic) {
        for _ in 0..self.following.ready.len().min(FOLLOWER_WRITES_PER_TURN) {
            let Some(to) = self.following.ready.pop_front() else { return };
            if let Some(follower) = self.follower(to) {
                follower.away = true;
                self.write_to_follower(orders::caller(to).0, now);
            }
        }
    }

    fn write_to_follower(&mut self, index: usize, now: Monotonic) {
        if self.is_lost(index) {
            self.counters.followers_slow += 1;
            self.close(index);
            return;
        }
        if self.connections[index].output.is_empty() {
            self.refill(index);
        }
        let before = self.counters.bytes_written;
        let Connection { stream, output, .. } = &mut self.connections[index];
        let written = output.write_many(stream, &mut self.counters.bytes_written);
        let moved = self.counters.bytes_written - before;
        match written {
            Ok(Written::All) => self.after_events(index, now),
            Ok(Written::Slice) => {
                self.await_reader(index, moved, now);
                match self.connections[index].stage {
                    Stage::Following(_) => self.make_ready(index),
                    _ => self.answering.go_on(index),
                }
            }
            Ok(Written::Blocked) => {
                self.await_reader(index, moved, now);
                self.set_aside(index);
            }
            Err(_) => self.close(index),
        }
    }

    /// Whether the follower is too far behind to be told what is published.
    fn is_lost(&self, index: usize) -> bool {
        let Stage::Following(follower) = &self.connections[index].stage else { return false };
        let Standing::Live(place) = follower.standing else { return false };
        self.following.feeds.get(&follower.task).is_none_or(|feed| feed.is_lost(place))
    }

    /// Takes the next piece for a follower that has all that it was sent.
    fn refill(&mut self, index: usize) {
        let Connection { stage, output, .. } = &mut self.connections[index];
        let Stage::Following(follower) = stage else { return };
        if self.following.is_over && follower.opened {
            self.finish_stream(index);
            return;
        }
        let (seen, coding) = (follower.seen(), follower.coding());
        let taken = match &mut follower.standing {
            Standing::Behind | Standing::Waiting | Standing::Asked => Taken::default(),
            Standing::Past(_) => follower.take_past(),
            Standing::Live(place) => {
                let feed = self.following.feeds.get(&follower.task);
                feed.and_then(|feed| feed.take(place, seen, coding)).unwrap_or_default()
            }
        };
        let Taken { pieces, events, is_final } = taken;
        self.counters.events_written += events;
        pieces.into_iter().for_each(|piece| output.push(piece));
        if is_final {
            self.finish_stream(index);
        }
    }

    /// Everything is said: what is left of the output is the end.
    fn finish_stream(&mut self, index: usize) {
        let Connection { stage, output, .. } = &mut self.connections[index];
        let Stage::Following(follower) = stage else { return };
        output.push(follower.coding().end());
        let after = if self.closing { After::Close } else { follower.context.after };
        self.stop_following(index);
        self.connections[index].stage = Stage::Answering(after);
    }

    /// A follower has all that it was sent: what comes next is found for it.
    fn after_events(&mut self, index: usize, now: Monotonic) {
        let Stage::Following(follower) = &self.connections[index].stage else {
            self.after_output(index, now);
            return;
        };
        let is_in_past = matches!(follower.standing, Standing::Past(_));
        let deadline = &mut self.connections[index].deadline;
        self.timeouts.set(index, deadline, now + self.limits.heartbeat);
        self.patience.begin(index, Awaited::Follower, now);
        if self.following.is_over {
            self.make_ready(index);
            return;
        }
        if is_in_past {
            self.go_on_in_past(index);
        }
        let Connection { stage, request, .. } = &mut self.connections[index];
        let Stage::Following(follower) = stage else { return };
        let Some(feed) = self.following.feeds.get_mut(&follower.task) else { return };
        match follower.standing {
            Standing::Past(_) => self.make_ready(index),
            Standing::Live(place) if feed.has_more(place) => self.make_ready(index),
            Standing::Live(_) => {
                follower.away = false;
                feed.idle.insert(orders::reply_to(index, *request));
            }
            Standing::Behind => self.wait_for_page(index),
            Standing::Waiting | Standing::Asked => {}
        }
    }

    /// Whoever has used its page up asks for the next, or goes over to what is published.
    fn go_on_in_past(&mut self, index: usize) {
        let Stage::Following(follower) = &mut self.connections[index].stage else { return };
        let place = match follower.past_left() {
            PastLeft::Events => return,
            PastLeft::Pages => None,
            PastLeft::Nothing => {
                let feed = self.following.feeds.get(&follower.task);
                feed.and_then(|feed| feed.behind(follower.seen()))
            }
        };
        follower.standing = place.map_or(Standing::Behind, Standing::Live);
        self.following.pages -= 1;
    }

    /// A follower that takes nothing now waits until it does, or is lost. A page is kept only while
    /// its reader takes it: the rest is read again.
    fn set_aside(&mut self, index: usize) {
        let Connection { stage, request, .. } = &mut self.connections[index];
        let Stage::Following(follower) = stage else { return };
        match follower.standing {
            Standing::Past(_) => {
                follower.standing = Standing::Behind;
                self.following.pages -= 1;
            }
            Standing::Live(place) => {
                let Some(feed) = self.following.feeds.get_mut(&follower.task) else { return };
                feed.stuck.insert((place, orders::reply_to(index, *request)));
            }
            Standing::Behind | Standing::Waiting | Standing::Asked => {}
        }
    }

    /// A follower whose socket was full takes more.
    pub(in crate::clients) fn go_on_following(&mut self, index: usize) {
        if let Stage::Following(follower) = &self.connections[index].stage
            && follower.away
        {
            self.make_ready(index);
        }
    }

    /// It is written to when it is its turn.
    pub(super) fn make_ready(&mut self, index: usize) {
        let Connection { stage, request, .. } = &mut self.connections[index];
        let Stage::Following(follower) = stage else { return };
        follower.away = false;
        let to = orders::reply_to(index, *request);
        if let Standing::Live(place) = follower.standing
            && let Some(feed) = self.following.feeds.get_mut(&follower.task)
        {
            feed.stuck.remove(&(place, to));
        }
        self.following.ready.push_back(to);
    }

    /// The time of a follower has come: it takes nothing, or it has not heard of us for a while.
    pub(in crate::clients) fn time_out_follower(&mut self, index: usize, now: Monotonic) {
        let Connection { stage, output, deadline, request, .. } = &mut self.connections[index];
        let Stage::Following(follower) = stage else { return };
        if !output.is_empty() {
            self.counters.timed_out += 1;
            self.close(index);
            return;
        }
        self.timeouts.set(index, deadline, now + self.limits.heartbeat);
        output.push(follower.coding().heartbeat());
        let to = orders::reply_to(index, *request);
        let feed = self.following.feeds.get_mut(&follower.task);
        let was_idle = feed.is_some_and(|feed| feed.idle.remove(&to));
        if was_idle || follower.away {
            self.make_ready(index);
        }
    }

    /// Every stream ends, in order: those who follow may come back to another server.
    pub(crate) fn end_streams(&mut self) {
        self.following.is_over = true;
        for feed in self.following.feeds.values_mut() {
            self.following.ready.extend(std::mem::take(&mut feed.idle));
        }
        let away = |connection: &Connection| match &connection.stage {
            Stage::Following(follower) => follower.away && follower.opened,
            _ => false,
        };
        let away = self.connections.iter().filter(|(_, connection)| away(connection));
        let away: Vec<usize> = away.map(|(index, _)| index).collect();
        away.into_iter().for_each(|index| self.make_ready(index));
    }
}
