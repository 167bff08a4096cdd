//! Ahead of the run: items that go to an upstream are delivered several at a time, and met by the run
//! in their order. They begin in their order too, and no run ends before all that began have come
//! back, so what was delivered is always all before a place. Items are delivered again after a crash,
//! and those behind one that parks the body. It decides nothing about chunks, and delivers nothing
//! itself.

use super::couriers::{Arrival, Couriers, Order};
use super::course::{Course, Stuck};
use super::item::Item;
use super::left::Place;
use crate::calls::ItemCalls;
use crate::cancel::CancelFlag;
use crate::door::{CallLine, ChunkDoor};
use crate::failure::Failure;
use crossbeam_channel::{Receiver, never, select};
use overtime_protocol::{CallEnd, CallGrant, CallNumber, Clock, Job};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So many times as many items as may be on their way are read ahead: one that takes long keeps few
/// from beginning.
const WINDOW: usize = 4;
/// How often whoever waits looks whether the task is to be cancelled.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Items that are delivered ahead of the run.
pub(super) struct Ahead {
    couriers: Couriers,
    line: CallLine,
    grants: Receiver<CallGrant>,
    entries: VecDeque<Entry>,
    /// The number of the first entry among all.
    first: u64,
    /// The number of the first that has not begun.
    next: u64,
    out: usize,
    /// Since when a grant is all that it waits for, unless it has asked for none.
    waits_since: Option<Instant>,
    /// How long it does so at most.
    patience: Duration,
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
    /// The upstream is shed, or has had no place for long.
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

impl Ahead {
    /// Has somebody to deliver the items.
    pub(super) fn start(
        calls: &Arc<dyn ItemCalls>,
        (job, clock): (&Job, Clock),
        door: &dyn ChunkDoor,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let line = door.line(job, calls.upstream());
        Ok(Self {
            couriers: Couriers::hire(calls, (job, clock), &line)?,
            line,
            grants: door.grants().clone(),
            entries: VecDeque::new(),
            first: 0,
            next: 0,
            out: 0,
            waits_since: None,
            patience,
            stop: None,
            rest: None,
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
        cancel: CancelFlag<'_>,
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
            self.ask();
            self.wait(left.min(LOOK_EVERY));
        }
    }

    /// Waits for all that have begun. What they were is forgotten.
    pub(super) fn finish(&mut self) {
        self.stop(Stop::Yielded);
        while self.out > 0 {
            self.wait(LOOK_EVERY);
        }
    }

    fn read_ahead(&mut self, course: &mut Course<'_>) {
        let window = self.couriers.count() * WINDOW;
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
        waiting.count().min(self.couriers.count().saturating_sub(self.out))
    }

    /// Asks for calls, one wish at a time.
    fn ask(&mut self) {
        let wanted = u16::try_from(self.wanted()).unwrap_or(u16::MAX);
        if wanted > 0 && self.waits_since.is_none() {
            self.waits_since = Some(Instant::now());
            self.line.want(wanted);
        }
    }

    /// Whether it has nothing on its way, and for long nothing may begin.
    fn is_out_of_patience(&self) -> bool {
        self.out == 0 && self.waits_since.is_some_and(|since| since.elapsed() >= self.patience)
    }

    fn wait(&mut self, at_most: Duration) {
        select! {
            recv(self.grants) -> grant => match grant {
                Ok(grant) => self.begin(grant),
                // The process is on its way out.
                Err(_) => {
                    self.grants = never();
                    self.stop(Stop::Yielded);
                }
            },
            recv(self.couriers.arrivals) -> arrival => match arrival {
                Ok(arrival) => self.arrive(arrival),
                // Nobody is left who could bring what is out.
                Err(_) => {
                    self.out = 0;
                    self.stop(Stop::Yielded);
                }
            },
            default(at_most) => if self.is_out_of_patience() {
                self.stop(Stop::Held);
            },
        }
    }

    /// Begins what was granted. A call that nobody makes any more has ended.
    pub(super) fn begin(&mut self, grant: CallGrant) {
        self.waits_since = None;
        let (calls, limit) = match grant {
            CallGrant::Granted { calls, limit } => (calls, limit),
            CallGrant::Shed => return self.stop(Stop::Held),
        };
        let unused = calls.into_iter().filter(|&call| !self.begin_next(call, limit));
        let unused: Vec<_> = unused.map(|call| (call, CallEnd::Untold)).collect();
        if !unused.is_empty() {
            self.line.ended(unused);
        }
    }

    fn begin_next(&mut self, call: CallNumber, limit: Option<Duration>) -> bool {
        let order = if self.stop.is_none() { self.next_order(call, limit) } else { None };
        let begins = order.is_some_and(|order| self.couriers.send(order).is_ok());
        self.out += usize::from(begins);
        begins
    }

    fn next_order(&mut self, call: CallNumber, limit: Option<Duration>) -> Option<Order> {
        loop {
            let number = self.next;
            let place = usize::try_from(number - self.first).ok()?;
            let entry = self.entries.get(place)?;
            self.next += 1;
            if let (Ok(text), None) = (&entry.item.text, &entry.result) {
                let (index, text) = (entry.item.before.index, text.clone());
                return Some(Order { number, call, index, text, limit });
            }
        }
    }

    fn arrive(&mut self, Arrival { number, result }: Arrival) {
        self.out -= 1;
        // Its place is free by now: until then no grant could come.
        self.waits_since = self.waits_since.map(|_| Instant::now());
        let place = number.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| self.entries.get_mut(place)) {
            entry.result = Some(result);
        }
    }
}
