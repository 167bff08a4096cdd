//! The spool's thread: keeps payloads and lets go of them, in the order in which it is told. What
//! goes wrong with a file concerns that file only, so it never poisons the journal.

use super::Spool;
use crate::disk::is_full;
use crate::journal::{Deliver, Report};
use crate::log::Log;
use crate::stats::add;
use crossbeam_channel::Receiver;
use overtime_protocol::{Opener, Payload, SpoolOrder, Spooled, TaskId};
use std::sync::Arc;
use std::time::Instant;

/// How much lower the operating system ranks this thread: nobody waits for it but large payloads.
const NICENESS: i32 = 10;

/// The spool thread's own.
pub(crate) struct Keeper {
    pub(crate) spool: Arc<Spool>,
    pub(crate) opener: Opener,
    pub(crate) log: Arc<Log>,
    pub(crate) deliver: Deliver,
}

impl Keeper {
    /// Does what it is told until every sender is gone.
    pub(crate) fn run(self, orders: &Receiver<SpoolOrder>) {
        // Refusal is no reason not to work.
        let _ = rustix::process::nice(NICENESS);
        orders.iter().for_each(|order| self.obey(order));
        self.spool.clear_spares();
    }

    /// Does what it is told.
    pub(crate) fn obey(&self, order: SpoolOrder) {
        match order {
            // Nothing is acknowledged any more.
            _ if self.log.is_poisoned() => {}
            SpoolOrder::Write { task, payload } => {
                let outcome = self.keep(task, &payload);
                drop(payload);
                (self.deliver)(Report::Spooled(task, outcome));
            }
            SpoolOrder::Remove(task) => self.spool.remove(task),
        }
    }

    fn keep(&self, task: TaskId, payload: &Payload) -> Spooled {
        let Some(segments) = self.opener.open(payload) else {
            return Spooled::Failed("the payload is not in memory".to_owned());
        };
        let before = Instant::now();
        match self.spool.write(task, segments) {
            Ok(()) => {
                let stats = &self.log.stats;
                stats.spool.record(before.elapsed());
                add(&stats.spooled_bytes, payload.len());
                Spooled::Written
            }
            Err(error) if is_full(&error) => Spooled::DiskFull,
            Err(error) => Spooled::Failed(format!("the payload could not be written: {error}")),
        }
    }
}
