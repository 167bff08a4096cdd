//! A folder that is hit again and again, and what is known of it.

use crate::audit::audit;
use crate::ledger::{Ledger, Mix};
use crate::load::{self, Seen};
use crate::server::{Place, Server};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Mutex;

/// How many times a folder is hit before the next is taken.
pub(crate) const HITS_PER_FOLDER: u64 = 6;

/// A folder and its ledger.
pub(crate) struct Series {
    pub(crate) place: Place,
    pub(crate) ledger: Mutex<Ledger>,
}

impl Series {
    pub(crate) fn new() -> Self {
        Self::on(Place::new())
    }

    pub(crate) fn on(place: Place) -> Self {
        Self { place, ledger: Mutex::default() }
    }

    /// The number of the next order.
    pub(crate) fn first(&self) -> usize {
        self.ledger.lock().unwrap().fates.len()
    }

    pub(crate) fn load(&self, server: &Server, mix: Mix) -> Seen {
        let count = if mix == Mix::Heavy { 160 } else { 128 };
        load::run(server, &self.ledger, (mix, count))
    }

    /// Puts load on the server until it is killed, or stops it. How it ended.
    pub(crate) fn wear_out(&self, mut server: Server, mix: Mix) -> ExitStatus {
        let seen = self.load(&server, mix);
        assert!(seen.refusals().is_empty(), "refused without a reason: {seen:?}");
        let status = if server.has_ended() { server.wait() } else { server.stop() };
        assert!(status.success() || status.signal() == Some(9), "{status}");
        status
    }

    /// Starts a server without faults and audits the orders from `first` on; then it is killed.
    pub(crate) fn audit(&self, first: usize) {
        let server = self.place.start();
        audit(&server, &mut self.ledger.lock().unwrap(), first);
        server.kill();
    }
}
