//! A worker's thread: takes a chain, runs its jobs in order, delivers each completion, takes the
//! next chain. It ends when nobody can send it a chain any more. It never decides what to run.

use crate::attempt::{Aftermath, Workshop};
use crate::bulk::Pace;
use crate::cancel::CancelFlag;
use crate::door::WorkerDoor;
use crate::effects::Overlay;
use crate::pool::{Deliver, Delivery, WorkerId};
use crossbeam_channel::{Receiver, Sender};
use overtime_protocol::{Announce, CallGrant, Chain, Completion, Form, Job, Outcome, Ruling};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::thread::{self, Builder};

/// A worker: what its thread owns, and what a thread that takes its place inherits.
#[derive(Clone)]
pub(crate) struct WorkerThread {
    pub(crate) id: WorkerId,
    pub(crate) name: String,
    pub(crate) stack_bytes: usize,
    /// What the thread does first.
    pub(crate) starts: fn(),
    pub(crate) chains: Receiver<Chain>,
    pub(crate) rulings: Receiver<Ruling>,
    pub(crate) grants: Receiver<CallGrant>,
    pub(crate) workshop: Arc<Workshop>,
    pub(crate) deliver: Deliver,
    #[expect(dead_code, reason = "held and never used: once all are dropped, all workers ended")]
    pub(crate) alive: Sender<Infallible>,
}

impl WorkerThread {
    /// Starts the thread.
    pub(crate) fn spawn(self) -> io::Result<()> {
        let builder = Builder::new().name(self.name.clone()).stack_size(self.stack_bytes);
        builder.spawn(move || self.serve()).map(drop)
    }

    fn serve(self) {
        (self.starts)();
        while let Ok(chain) = self.chains.recv() {
            // Without a thread to take its place, a shaken one is better than none.
            if self.run_chain(chain) == Aftermath::Shaken && self.clone().spawn().is_ok() {
                return;
            }
            if self.chains.is_empty() {
                // The core may wait for this very processor to hear of what was delivered, and to
                // wait for a chain begins with turning on the spot.
                thread::yield_now();
            }
        }
    }

    /// Runs the chain to its end or to where it was recalled, also behind a panic: the jobs after
    /// it have nothing to do with it.
    fn run_chain(&self, chain: Chain) -> Aftermath {
        let mut overlay = Overlay::default();
        let mut worst = Aftermath::Sound;
        let Chain { jobs, claims, announce, .. } = chain;
        let count = jobs.len();
        for (place, job) in jobs.into_iter().enumerate() {
            let cancel = CancelFlag::new(&claims, place);
            let mut door = WorkerDoor::open(self.id, &self.deliver, (&self.rulings, &self.grants));
            let (completion, aftermath) = self.run_job(&job, &overlay, cancel, &mut door);
            if door.is_used() {
                // Those before it are on disk by now, and it may have written the same keys since.
                overlay = Overlay::default();
            }
            let run = job.run;
            // The payload's memory is free before anybody hears that the attempt has ended.
            drop(job);
            let chain_ended = claims.claim() >= count;
            if !chain_ended && matches!(completion.outcome, Outcome::Done(_)) {
                overlay.extend(completion.task, run, &completion.puts);
            }
            if aftermath == Aftermath::Shaken {
                worst = Aftermath::Shaken;
            }
            let wakes = chain_ended || announce == Announce::Each;
            let quiet = (!wakes).then(|| claims.clone());
            let worker = self.id;
            (self.deliver)(Delivery::Completion { worker, completion, chain_ended, quiet });
            if chain_ended {
                break;
            }
        }
        worst
    }

    fn run_job(
        &self,
        job: &Job,
        overlay: &Overlay,
        cancel: CancelFlag<'_>,
        door: &mut WorkerDoor<'_>,
    ) -> (Completion, Aftermath) {
        match job.form {
            Form::Single => self.workshop.run(job, overlay, cancel, door),
            Form::Bulk => self.workshop.run_bulk(job, Pace::default(), cancel, door),
        }
    }
}
