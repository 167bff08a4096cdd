//! What the rounds of a test came to, by call.

use std::collections::BTreeMap;
use std::fmt;

/// Counts of rounds.
#[derive(Default)]
pub(crate) struct Tally {
    rows: BTreeMap<String, Row>,
}

#[derive(Default)]
struct Row {
    rounds: u64,
    struck: u64,
    /// Calls that were seen until the fault, in all rounds.
    calls: u64,
    /// The longest that something took, in milliseconds.
    longest_ms: f64,
}

impl Tally {
    /// Counts a round.
    pub(crate) fn add(&mut self, target: &str, calls: u64, struck: bool) {
        let row = self.rows.entry(target.to_owned()).or_default();
        row.rounds += 1;
        row.struck += u64::from(struck);
        row.calls += calls;
    }

    /// Keeps a span if it is the longest.
    pub(crate) fn lasted(&mut self, target: &str, ms: f64) {
        let row = self.rows.entry(target.to_owned()).or_default();
        row.longest_ms = row.longest_ms.max(ms);
    }

    /// How many rounds the fault struck in.
    pub(crate) fn struck(&self) -> u64 {
        self.rows.values().map(|row| row.struck).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:34} rounds struck  calls longest ms", "thread and call")?;
        for (target, row) in &self.rows {
            let Row { rounds, struck, calls, longest_ms } = row;
            writeln!(f, "{target:34} {rounds:6} {struck:6} {calls:6} {longest_ms:10.0}")?;
        }
        Ok(())
    }
}
