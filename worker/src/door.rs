//! The way of chunks and reports of calls out of a run, and of rulings and grants into it.

use crate::pool::{Deliver, Delivery, WorkerId};
use crossbeam_channel::{Receiver, select};
use overtime_protocol::{
    CallEnd, CallGrant, CallNumber, CallReport, Chunk, Job, Ruling, UpstreamId,
};
use std::sync::Arc;

/// Where a run's chunks go. There is a ruling for each chunk, and one is asked for before the next
/// chunk is sent.
pub(crate) trait ChunkDoor {
    /// Hands over a chunk.
    fn send(&mut self, chunk: Chunk);

    /// The ruling about the chunk that was sent, if there is one yet.
    fn poll(&mut self) -> Option<Ruling>;

    /// Waits for the ruling about the chunk that was sent.
    fn wait(&mut self) -> Ruling;

    /// Waits for the ruling about the chunk that was sent, or for a grant that was asked for.
    fn wait_for_either(&mut self) -> Heard;

    /// The line over which a run of this job tells of its calls to an upstream.
    fn line(&self, job: &Job, upstream: UpstreamId) -> CallLine;

    /// The grant that was asked for; whoever wants to do something else meanwhile selects on it.
    fn grants(&self) -> &Receiver<CallGrant>;
}

/// What a run hears that waits.
pub(crate) enum Heard {
    /// What became of its chunk.
    Ruling(Ruling),
    /// Which calls may begin.
    Grant(CallGrant),
}

/// The way of reports of calls out of a run, for all of its threads.
#[derive(Clone)]
pub(crate) struct CallLine {
    upstream: UpstreamId,
    tell: Arc<dyn Fn(CallReport) + Send + Sync>,
}

impl CallLine {
    pub(crate) fn new(
        upstream: UpstreamId,
        tell: impl Fn(CallReport) + Send + Sync + 'static,
    ) -> Self {
        Self { upstream, tell: Arc::new(tell) }
    }

    /// Tells how calls have ended.
    pub(crate) fn ended(&self, ended: Vec<(CallNumber, CallEnd)>) {
        (self.tell)(CallReport { upstream: self.upstream, ended, wanted: 0 });
    }

    /// Asks for so many calls. There is a grant for each wish, and one is waited for before the next.
    pub(crate) fn want(&self, wanted: u16) {
        (self.tell)(CallReport { upstream: self.upstream, ended: Vec::new(), wanted });
    }
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

    fn wait_for_either(&mut self) -> Heard {
        // As above, if either is closed.
        select! {
            recv(self.rulings) -> ruling => Heard::Ruling(ruling.unwrap_or(Ruling::Stop)),
            recv(self.grants) -> grant => {
                grant.map_or(Heard::Ruling(Ruling::Stop), Heard::Grant)
            }
        }
    }

    fn line(&self, job: &Job, upstream: UpstreamId) -> CallLine {
        let (worker, task, run) = (self.worker, job.task, job.run);
        let deliver = Arc::clone(self.deliver);
        CallLine::new(upstream, move |report| {
            deliver(Delivery::Calls { worker, task, run, report });
        })
    }

    fn grants(&self) -> &Receiver<CallGrant> {
        self.grants
    }
}
