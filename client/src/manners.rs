//! The manners of a client, as decisions without I/O: what to do after an answer, whether a request
//! may be repeated and when. A process has one [`Manners`] for a server, which all its [`Errand`]s
//! share; whoever drives them does what [`Next`] says and tells what came back. Nothing here reads a
//! clock, sleeps or sends: a seed and the times that are handed in decide everything.
//!
//! ```
//! use overtime_client::manners::{Answer, Errand, Manners, Next, Rules, Said};
//! use overtime_protocol::Monotonic;
//! use std::time::Duration;
//!
//! let mut manners = Manners::new(Rules::default(), 7);
//! let at = |ms: u64| Monotonic(ms * 1_000_000);
//! let mut errand = Errand::submission(at(30_000));
//! assert_eq!(errand.begin(&mut manners, at(0)), Next::Send { after: Duration::ZERO });
//! let refused = Said { retry_after: Some(Duration::from_secs(2)), ..Said::of(503) };
//! let Next::Send { after } = errand.answered(&Answer::Said(refused), &mut manners, at(5)) else {
//!     panic!("there is time and budget for another")
//! };
//! assert!(after >= Duration::from_secs(2));
//! let done = errand.answered(&Answer::Said(Said::of(200)), &mut manners, at(4_000));
//! assert_eq!(done, Next::Done);
//! assert_eq!((manners.stats().first_attempts, manners.stats().repetitions), (1, 1));
//! ```

mod answer;
mod backoff;
mod budget;
mod circuit;
mod errand;
mod random;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Said, Verdict};
pub use backoff::Backoff;
pub use budget::{Allowance, Budget};
pub use circuit::Circuit;
pub use errand::{Errand, Next, Why};
pub use random::Random;

use overtime_protocol::Monotonic;
use std::time::Duration;

/// The numbers that the decisions are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How much may be repeated.
    pub allowance: Allowance,
    /// When a request that failed is repeated.
    pub repetitions: Backoff,
    /// How far apart polls are that the server does not hold.
    pub polls: Backoff,
    /// How far apart probes are while nobody listens.
    pub probes: Backoff,
    /// The longest that a server is asked to hold a request.
    pub hold_most: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        let spread = |first_ms, most_s| Backoff {
            first: Duration::from_millis(first_ms),
            most: Duration::from_secs(most_s),
        };
        Self {
            allowance: Allowance::default(),
            repetitions: Backoff::default(),
            polls: spread(250, 5),
            probes: spread(500, 30),
            // A server's own limit, unless its operator sets another.
            hold_most: Duration::from_secs(60),
        }
    }
}

/// What was sent, and what was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Errands whose first request was sent.
    pub first_attempts: u64,
    /// Requests that were sent again, be they submissions, polls or fetches.
    pub repetitions: u64,
    /// Polls of tasks that are under way, where the one before was answered.
    pub polls: u64,
    /// Fetches of results.
    pub fetches: u64,
    /// Repetitions that the budget did not allow.
    pub denied: u64,
    /// Errands that failed at once, because nobody listens.
    pub kept_back: u64,
}

impl Stats {
    /// All that was offered to the server as work, first or again.
    pub fn offered(&self) -> u64 {
        self.first_attempts + self.repetitions
    }
}

/// What all errands to one server share.
#[derive(Clone, Debug)]
pub struct Manners {
    rules: Rules,
    budget: Budget,
    circuit: Circuit,
    random: Random,
    stats: Stats,
}

impl Manners {
    /// Manners of a client that has sent nothing yet.
    pub fn new(rules: Rules, seed: u64) -> Self {
        Self {
            rules,
            budget: Budget::new(rules.allowance),
            circuit: Circuit::new(rules.probes),
            random: Random::new(seed),
            stats: Stats::default(),
        }
    }

    /// What was sent so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// How many repetitions the budget has left.
    pub fn budget_left(&self) -> u64 {
        self.budget.left()
    }

    /// Whether calls fail at once, because nobody listens.
    pub fn is_circuit_open(&self) -> bool {
        self.circuit.is_open()
    }

    /// Whether an errand may begin; if so, it counts.
    fn begin(&mut self, now: Monotonic) -> Result<(), Duration> {
        let permitted = self.circuit.permit(now, &mut self.random);
        match permitted {
            Ok(()) => {
                self.stats.first_attempts += 1;
                self.budget.earn();
            }
            Err(_) => self.stats.kept_back += 1,
        }
        permitted
    }

    /// Takes a repetition out of the budget.
    fn spend(&mut self) -> bool {
        let granted = self.budget.spend();
        match granted {
            true => self.stats.repetitions += 1,
            false => self.stats.denied += 1,
        }
        granted
    }
}
