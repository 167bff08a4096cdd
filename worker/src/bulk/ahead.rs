//! Ahead of the run: items that go to an upstream are delivered several at a time, and met by the run
//! in their order. They begin in their order too, and no run ends before all that began have come
//! back, so what was delivered is always all before a place. Items are delivered again after a crash,
//! and those behind one that parks the body. It decides nothing about chunks.

use super::course::{Course, Stuck};
use super::item::Item;
use super::left::Place;
use crate::calls::{CallItem, ItemCalls};
use crate::cancel::CancelFlag;
use crate::door::ChunkDoor;
use crate::failure::Failure;
use crate::panics;
use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, select};
use overtime_protocol::{CallEnd, CallGrant, CallNumber, CallReport, Clock, Job};
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::Builder;
use std::time::{Duration, Instant};

/// So many times as many items as may be on their way are read ahead: one that takes long keeps few
/// from beginning.
const WINDOW: usize = 4;
/// How often whoever waits looks whether the task is to be cancelled.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const STACK_BYTES: usize = 256 * 1024;

/// Items that are delivered ahead of the run.
pub(super) struct Ahead {
    calls: Arc<dyn ItemCalls>,
    orders: Sender<Order>,
    arrivals: Receiver<Arrival>,
    entries: VecDeque<Entry>,
    /// The number of the first entry among all.
    first: u64,
    /// The number of the first that has not begun.
    next: u64,
    out: usize,
    is_asking: bool,
    ended: Vec<(CallNumber, CallEnd)>,
    /// Why no more of them begin.
    stop: Option<Stop>,
    /// Why there is nothing to read behind the entries.
    rest: Option<Rest>,
}

/// Why no more items begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Others are to go first.
    Yielded,
    /// The upstream is shed.
    Held,
    /// The task is to be cancelled.
    Cancelled,
}

/// What is met next.
pub(super) enum Met {
    /// An item that has come back.
    Item(Item, Place, Result<(), Failure>),
    /// None yet, and what was met before should be kept meanwhile.
    Later,
    /// There are no more items.
    Over,
    /// They cannot be read any further.
    Stuck(Stuck),
    /// No more are to begin, and all that did have been met.
    Stopped(Stop),
}

enum Rest {
    Over,
    Stuck(Stuck),
}

struct Entry {
    item: Item,
    after: Place,
    result: Option<Result<(), Failure>>,
}

struct Order {
    number: u64,
    call: CallNumber,
    index: u64,
    text: Bytes,
}

struct Arrival {
    number: u64,
    call: CallNumber,
    result: Result<(), Failure>,
    end: CallEnd,
}

impl Ahead {
    /// Starts the threads that deliver; as many as the system allows, and at least one.
    pub(super) fn start(
        calls: Arc<dyn ItemCalls>,
        job: &Job,
        clock: Clock,
    ) -> Result<Self, Failure> {
        let job = Arc::new(job.clone());
        let (orders, todo) = crossbeam_channel::unbounded::<Order>();
        let (done, arrivals) = crossbeam_channel::unbounded();
        let threads = calls.parallel().max(1);
        let spawn = |number: usize| {
            let (todo, done) = (todo.clone(), done.clone());
            let (calls, job) = (Arc::clone(&calls), Arc::clone(&job));
            let builder = Builder::new().name(format!("call-{number:03}")).stack_size(STACK_BYTES);
            builder.spawn(move || deliver(&*calls, (&job, clock), &todo, &done)).is_ok()
        };
        if (0..threads).take_while(|&number| spawn(number)).count() == 0 {
            let detail = "the system refuses a thread to deliver items";
            return Err(Failure::ephemeral("no-thread", detail));
        }
        let (entries, ended) = (VecDeque::new(), Vec::new());
        let (first, next, out, is_asking) = (0, 0, 0, false);
        let (stop, rest) = (None, None);
        Ok(Self {
            calls,
            orders,
            arrivals,
            entries,
            first,
            next,
            out,
            is_asking,
            ended,
            stop,
            rest,
        })
    }

    /// No more items begin.
    pub(super) fn stop(&mut self, why: Stop) {
        self.stop.get_or_insert(why);
    }

    /// The next item in order that has come back; waits for it, but no longer than `at_most`.
    pub(super) fn meet(
        &mut self,
        course: &mut Course<'_>,
        (job, cancel): (&Job, CancelFlag<'_>),
        door: &mut dyn ChunkDoor,
        at_most: Duration,
    ) -> Met {
        let until = Instant::now().checked_add(at_most);
        loop {
            if cancel.is_raised() {
                self.stop(Stop::Cancelled);
            }
            let left =
                until.map_or(LOOK_EVERY, |until| until.saturating_duration_since(Instant::now()));
            self.read_ahead(course);
            if self.entries.front().is_some_and(|entry| entry.result.is_some()) {
                return self.pop();
            }
            match (self.stop, self.out) {
                // What it has asked for nobody uses: whatever is granted ends with the run.
                (Some(stop), 0) => return Met::Stopped(stop),
                _ if self.entries.is_empty() => return self.rest(),
                _ if left.is_zero() => return Met::Later,
                _ => {}
            }
            self.ask(job, door);
            self.wait(door, left.min(LOOK_EVERY));
        }
    }

    /// Waits for all that have begun and tells how they ended. What they were is forgotten.
    pub(super) fn finish(&mut self, job: &Job, door: &mut dyn ChunkDoor) {
        self.stop(Stop::Yielded);
        while self.out > 0 {
            let Ok(arrival) = self.arrivals.recv() else { break };
            self.arrive(arrival);
            self.report(job, door, 0);
        }
        self.report(job, door, 0);
    }

    fn read_ahead(&mut self, course: &mut Course<'_>) {
        let window = self.calls.parallel().max(1) * WINDOW;
        while self.stop.is_none() && self.rest.is_none() && self.entries.len() < window {
            match course.next() {
                Ok(Some(item)) => {
                    let result = match &item.text {
                        Ok(_) => None,
                        Err(fault) => Some(Err(Failure::Input(fault.clone()))),
                    };
                    let after = course.place();
                    self.entries.push_back(Entry { item, after, result });
                }
                Ok(None) => self.rest = Some(Rest::Over),
                Err(stuck) => self.rest = Some(Rest::Stuck(stuck)),
            }
        }
    }

    fn pop(&mut self) -> Met {
        let Some(Entry { item, after, result: Some(result) }) = self.entries.pop_front() else {
            return Met::Later;
        };
        self.first += 1;
        self.next = self.next.max(self.first);
        Met::Item(item, after, result)
    }

    fn rest(&mut self) -> Met {
        match self.rest.take() {
            Some(Rest::Stuck(stuck)) => Met::Stuck(stuck),
            Some(Rest::Over) | None => Met::Over,
        }
    }

    /// How many may begin as soon as they are granted.
    fn wanted(&self) -> usize {
        if self.stop.is_some() {
            return 0;
        }
        let begun = usize::try_from(self.next - self.first).unwrap_or(usize::MAX);
        let waiting = self.entries.iter().skip(begun).filter(|entry| entry.result.is_none());
        waiting.count().min(self.calls.parallel().max(1).saturating_sub(self.out))
    }

    /// Tells what has ended, and asks for calls, one wish at a time.
    fn ask(&mut self, job: &Job, door: &mut dyn ChunkDoor) {
        let wanted = if self.is_asking { 0 } else { self.wanted() };
        self.report(job, door, wanted);
    }

    fn report(&mut self, job: &Job, door: &mut dyn ChunkDoor, wanted: usize) {
        if wanted == 0 && self.ended.is_empty() {
            return;
        }
        let ended = std::mem::take(&mut self.ended);
        let wanted = u16::try_from(wanted).unwrap_or(u16::MAX);
        door.report(job, CallReport { upstream: self.calls.upstream(), ended, wanted });
        self.is_asking |= wanted > 0;
    }

    fn wait(&mut self, door: &dyn ChunkDoor, at_most: Duration) {
        select! {
            recv(door.grants()) -> grant => match grant {
                Ok(grant) => self.begin(grant),
                // The process is on its way out.
                Err(_) => self.leave(),
            },
            recv(self.arrivals) -> arrival => match arrival {
                Ok(arrival) => self.arrive(arrival),
                Err(_) => self.leave(),
            },
            default(at_most) => {}
        }
    }

    fn leave(&mut self) {
        self.is_asking = false;
        self.stop(Stop::Yielded);
    }

    fn begin(&mut self, grant: CallGrant) {
        self.is_asking = false;
        let calls = match grant {
            CallGrant::Granted(calls) => calls,
            CallGrant::Shed => return self.stop(Stop::Held),
        };
        for call in calls {
            match self.next_order(call) {
                Some(order) if self.stop.is_none() => {
                    self.out += 1;
                    self.orders.send(order).unwrap_or_else(|_| self.stop(Stop::Yielded));
                }
                // It was wanted, and is not any more.
                _ => self.ended.push((call, CallEnd::Untold)),
            }
        }
    }

    fn next_order(&mut self, call: CallNumber) -> Option<Order> {
        loop {
            let number = self.next;
            let place = usize::try_from(number - self.first).ok()?;
            let entry = self.entries.get(place)?;
            self.next += 1;
            if let (Ok(text), None) = (&entry.item.text, &entry.result) {
                let (index, text) = (entry.item.before.index, text.clone());
                return Some(Order { number, call, index, text });
            }
        }
    }

    fn arrive(&mut self, Arrival { number, call, result, end }: Arrival) {
        self.out -= 1;
        self.ended.push((call, end));
        let place = number.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| self.entries.get_mut(place)) {
            entry.result = Some(result);
        }
    }
}

/// What a thread that delivers does until nobody can order anything any more.
fn deliver(
    calls: &dyn ItemCalls,
    (job, clock): (&Job, Clock),
    todo: &Receiver<Order>,
    done: &Sender<Arrival>,
) {
    for Order { number, call, index, text } in todo {
        let called = panics::catch(|| {
            let now = clock.now().unix;
            calls.call(job, &CallItem { index, text: &text, now })
        });
        let (result, end) =
            called.unwrap_or_else(|told| (Err(Failure::ephemeral("panic", told)), CallEnd::Untold));
        if done.send(Arrival { number, call, result, end }).is_err() {
            return;
        }
    }
}
