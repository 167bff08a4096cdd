//! Couriers: threads of a run that deliver its items to their upstream. Whoever has delivered one tells
//! at once how its call has ended: the run may be waiting for a disk, and a call is judged by how long
//! it takes. What comes next they never decide.

use crate::calls::{CallItem, ItemCalls};
use crate::door::CallLine;
use crate::failure::Failure;
use crate::panics;
use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender};
use overtime_protocol::{CallEnd, CallNumber, Clock, Job};
use std::io;
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

const STACK_BYTES: usize = 256 * 1024;

/// The threads of a run that deliver its items. They end when nobody can order anything any more.
pub(super) struct Couriers {
    orders: Sender<Order>,
    /// What has come back.
    pub(super) arrivals: Receiver<Arrival>,
    count: usize,
}

/// An item that is to be delivered.
pub(super) struct Order {
    /// Its number among all that the run has read.
    pub(super) number: u64,
    /// The call that it is.
    pub(super) call: CallNumber,
    /// Its index in the body.
    pub(super) index: u64,
    /// The item as JSON.
    pub(super) text: Bytes,
    /// How long its call may take, if that is less than its kind says.
    pub(super) limit: Option<Duration>,
}

/// An item that has come back. The end of its call is told by then.
pub(super) struct Arrival {
    /// Its number among all that the run has read.
    pub(super) number: u64,
    /// How that ended.
    pub(super) result: Result<(), Failure>,
}

/// What each of them has.
#[derive(Clone)]
struct Courier {
    calls: Arc<dyn ItemCalls>,
    job: Arc<Job>,
    clock: Clock,
    line: CallLine,
    todo: Receiver<Order>,
    done: Sender<Arrival>,
}

impl Couriers {
    /// Starts as many as items may be on their way, or as the system allows, and at least one.
    pub(super) fn hire(
        calls: &Arc<dyn ItemCalls>,
        (job, clock): (&Job, Clock),
        line: &CallLine,
    ) -> Result<Self, Failure> {
        let (orders, todo) = crossbeam_channel::unbounded();
        let (done, arrivals) = crossbeam_channel::unbounded();
        let (calls, job, line) = (Arc::clone(calls), Arc::new(job.clone()), line.clone());
        let wanted = calls.parallel().max(1);
        let courier = Courier { calls, job, clock, line, todo, done };
        let count = (0..wanted).take_while(|&number| courier.clone().start(number).is_ok()).count();
        if count == 0 {
            let detail = "the system refuses a thread to deliver items";
            return Err(Failure::ephemeral("no-thread", detail));
        }
        Ok(Self { orders, arrivals, count })
    }

    /// How many there are: no more items than that are on their way at a time.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Has an item delivered; it comes back if there is nobody left to do it.
    pub(super) fn send(&self, order: Order) -> Result<(), Order> {
        self.orders.send(order).map_err(|refused| refused.0)
    }
}

impl Courier {
    fn start(self, number: usize) -> io::Result<()> {
        let builder = Builder::new().name(format!("call-{number:03}")).stack_size(STACK_BYTES);
        builder.spawn(move || self.serve()).map(drop)
    }

    fn serve(self) {
        for order in &self.todo {
            let (number, call) = (order.number, order.call);
            let (result, end) = self.deliver(&order);
            self.line.ended(vec![(call, end)]);
            if self.done.send(Arrival { number, result }).is_err() {
                return;
            }
        }
    }

    fn deliver(&self, Order { index, text, limit, .. }: &Order) -> (Result<(), Failure>, CallEnd) {
        let called = panics::catch(|| {
            let item = CallItem { index: *index, text, now: self.clock.now().unix, limit: *limit };
            self.calls.call(&self.job, &item)
        });
        called.unwrap_or_else(|told| (Err(Failure::ephemeral("panic", told)), CallEnd::Untold))
    }
}
