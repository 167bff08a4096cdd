//! The way of chunks and reports of calls out of a run, and of rulings and grants into it.

use crate::pool::{Deliver, Delivery, WorkerId};
use crossbeam_channel::Receiver;
use overtime_protocol::{CallGrant, CallReport, Chunk, Job, Ruling};

/// Where a run's chunks go. There is a ruling for each chunk, and one is asked for before the next
/// chunk is sent.
pub(crate) trait ChunkDoor {
    /// Hands over a chunk.
    fn send(&mut self, chunk: Chunk);

    /// The ruling about the chunk that was sent, if there is one yet.
    fn poll(&mut self) -> Option<Ruling>;

    /// Waits for the ruling about the chunk that was sent.
    fn wait(&mut self) -> Ruling;

    /// Tells which calls to an upstream have ended, and how many more are wanted. There is a grant for
    /// each report that wants any, and one is asked for before the next is sent.
    fn report(&mut self, job: &Job, report: CallReport);

    /// The grant that was asked for; whoever wants to do something else meanwhile selects on it.
    fn grants(&self) -> &Receiver<CallGrant>;
}

/// The door of a worker of the pool.
pub(crate) struct WorkerDoor<'a> {
    worker: WorkerId,
    deliver: &'a Deliver,
    rulings: &'a Receiver<Ruling>,
    grants: &'a Receiver<CallGrant>,
    is_used: bool,
}

impl<'a> WorkerDoor<'a> {
    /// A door for a new run: a ruling that a former run did not wait for says nothing about this
    /// one.
    pub(crate) fn open(
        worker: WorkerId,
        deliver: &'a Deliver,
        (rulings, grants): (&'a Receiver<Ruling>, &'a Receiver<CallGrant>),
    ) -> Self {
        while rulings.try_recv().is_ok() {}
        while grants.try_recv().is_ok() {}
        Self { worker, deliver, rulings, grants, is_used: false }
    }

    /// Whether anything was sent.
    pub(crate) fn is_used(&self) -> bool {
        self.is_used
    }
}

impl ChunkDoor for WorkerDoor<'_> {
    fn send(&mut self, chunk: Chunk) {
        self.is_used = true;
        (self.deliver)(Delivery::Chunk { worker: self.worker, chunk });
    }

    fn poll(&mut self) -> Option<Ruling> {
        self.rulings.try_recv().ok()
    }

    fn wait(&mut self) -> Ruling {
        // Nobody can rule any more only when the process is on its way out.
        self.rulings.recv().unwrap_or(Ruling::Stop)
    }

    fn report(&mut self, job: &Job, report: CallReport) {
        let (worker, task, run) = (self.worker, job.task, job.run);
        (self.deliver)(Delivery::Calls { worker, task, run, report });
    }

    fn grants(&self) -> &Receiver<CallGrant> {
        self.grants
    }
}
