//! A drill: a mixed load on a server that may die at any time, and a comparison of what the server
//! then holds with all that it has acknowledged. It assumes nothing about how the server died, and
//! takes a refusal for an honest answer.
//!
//! The data folder must be new, and nobody else may use the server:
//! ```no_run
//! use overtime_loadtest::drill::{Drill, Scope};
//! use std::time::{Duration, Instant};
//!
//! # fn main() -> anyhow::Result<()> {
//! let address = "127.0.0.1:7070".parse()?;
//! let mut drill = Drill::new(7);
//! let until = Instant::now() + Duration::from_secs(1);
//! // Here something breaks the server while it is loaded; then it is started again.
//! drill.load(address, &|| Instant::now() >= until);
//! let findings = drill.audit(address, Scope::Everything)?;
//! assert!(findings.is_empty(), "{findings:#?}");
//! # Ok(())
//! # }
//! ```

mod account;
mod answer;
mod book;
mod client;
mod command;
mod comparison;
mod counts;
mod evidence;
mod fault_ledger;
mod findings;
mod history;
mod lines;
mod listing;
mod native_caller;
mod order;
mod report;
mod retries;
mod spool;
mod submission;
mod walk;
mod work;

pub use command::{Options, run};
pub use counts::Counts;
pub use findings::{Fault, Finding, Findings};

use client::Client;
use history::History;
use lines::Lines;
use std::net::SocketAddr;
use std::time::Duration;

/// Clients unless it is said otherwise.
const CLIENTS: usize = 8;
/// How long accepted work may take.
const SETTLE: Duration = Duration::from_secs(120);

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What was sent since the last comparison.
    Recent,
    /// All that was ever sent: the state of every task, and the results and contacts of a part.
    Everything,
}

/// Clients with their books.
#[derive(Debug)]
pub struct Drill {
    clients: Vec<Client>,
    history: History,
}

impl Drill {
    /// A drill whose load follows from `seed`, as far as the server's pace does not decide it.
    pub fn new(seed: u64) -> Self {
        Self::with_clients(seed, CLIENTS)
    }

    /// The same with so many clients; each has a thread, and a connection for each protocol.
    pub fn with_clients(seed: u64, clients: usize) -> Self {
        let clients = (0..clients as u64).map(|number| Client::new(seed, number)).collect();
        Self { clients, history: History::default() }
    }

    /// Loads the server at `address` until `is_over`. It may die meanwhile, be it for good.
    pub fn load(&mut self, address: SocketAddr, is_over: &(dyn Fn() -> bool + Sync)) {
        std::thread::scope(|scope| {
            for client in &mut self.clients {
                scope.spawn(move || client.load(&mut Lines::to(address), is_over));
            }
        });
    }

    /// Waits until the server at `address` has done what it has accepted, and compares; returns
    /// what was found since the last comparison.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn audit(&mut self, address: SocketAddr, scope: Scope) -> anyhow::Result<Findings> {
        self.each(address, |client, lines| client.clear_up(lines))?;
        let mut lines = Lines::to(address);
        let after = self.history.newest();
        let (mut listing, revived) = listing::list_settled(&mut lines, after, SETTLE)?;
        self.history.counts.revived += revived;
        if scope == Scope::Everything {
            let mut walk = self.history.walk();
            let mut older = |task, listed| walk.pass(task, listed);
            listing = listing::list(&mut lines, after, Some(&mut older))?;
            let (findings, unknown) = walk.end();
            self.history.findings.extend(findings);
            listing.extend(unknown);
        }
        self.each(address, |client, lines| client.compare(lines, &listing))?;
        if scope == Scope::Everything {
            self.each(address, |client, lines| client.compare_again(lines))?;
        }
        self.history.compare(&listing, &self.clients);
        self.history.compare_faults(&mut lines, &self.clients)?;
        self.clients.iter_mut().for_each(Client::settle);
        Ok(self.take_findings())
    }

    /// What was sent and heard so far.
    pub fn counts(&self) -> Counts {
        let mut counts = self.history.counts;
        self.clients.iter().for_each(|client| counts.add(&client.book.counts));
        counts
    }

    fn each(
        &mut self,
        address: SocketAddr,
        act: impl Fn(&mut Client, &mut Lines) -> anyhow::Result<()> + Sync,
    ) -> anyhow::Result<()> {
        std::thread::scope(|scope| {
            let act = &act;
            let threads: Vec<_> = self
                .clients
                .iter_mut()
                .map(|client| scope.spawn(move || act(client, &mut Lines::to(address))))
                .collect();
            threads.into_iter().try_for_each(|thread| thread.join().expect("no client panics"))
        })
    }

    fn take_findings(&mut self) -> Findings {
        let mut findings = std::mem::take(&mut self.history.findings);
        for client in &mut self.clients {
            findings.append(&mut client.book.findings);
        }
        findings
    }
}
