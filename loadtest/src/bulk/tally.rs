//! What came of the bodies that were sent.

use crate::latency::{Latency, Quantiles};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The counters of one or more streams.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Bodies that are done.
    pub bodies: u64,
    /// Of them, those that were answered 202 at first.
    pub accepted: u64,
    /// Bytes of the requests that are done.
    pub bytes: u64,
    /// Items of the bodies that are done.
    pub items: u64,
    /// Of them, those that failed.
    pub failed: u64,
    /// Bodies whose counters are not those of what was sent.
    pub wrong: u64,
    /// Refusals that were tried again, by status.
    pub retried: BTreeMap<u16, u64>,
    /// Refusals that were final, by status.
    pub refused: BTreeMap<u16, u64>,
    /// Bodies without an answer, or whose end was not learned.
    pub lost: u64,
    /// Why, of the first one.
    pub lost_why: Option<String>,
    /// From the first byte to the end of the work.
    pub latency: Latency,
}

impl Tally {
    /// Takes over what another stream has counted.
    pub fn add(&mut self, other: Self) {
        self.bodies += other.bodies;
        self.accepted += other.accepted;
        self.bytes += other.bytes;
        self.items += other.items;
        self.failed += other.failed;
        self.wrong += other.wrong;
        self.lost += other.lost;
        self.lost_why = self.lost_why.take().or(other.lost_why);
        self.latency.add(&other.latency);
        for (of, from) in [(&mut self.retried, other.retried), (&mut self.refused, other.refused)] {
            for (status, count) in from {
                *of.entry(status).or_default() += count;
            }
        }
    }

    /// A body without an answer.
    pub fn lose(&mut self, error: &anyhow::Error) {
        self.lost += 1;
        self.lost_why.get_or_insert_with(|| format!("{error:#}"));
    }

    /// All that went wrong.
    pub fn faults(&self) -> u64 {
        self.failed + self.wrong + self.lost + self.refused.values().sum::<u64>()
    }

    /// The figures to tell, of what took `span`.
    pub fn summary(&self, span: Duration) -> BulkSummary {
        let seconds = span.as_secs_f64();
        BulkSummary {
            seconds,
            bodies: self.bodies,
            accepted: self.accepted,
            items: self.items,
            items_per_second: self.items as f64 / seconds,
            megabytes_per_second: self.bytes as f64 / 1e6 / seconds,
            retried: self.retried.values().sum(),
            faults: self.faults(),
            first_fault: self.first_fault(),
            body_latency: self.latency.quantiles(),
        }
    }

    fn first_fault(&self) -> Option<String> {
        let refused = self.refused.keys().next().map(|status| format!("refused with {status}"));
        let wrong = (self.failed + self.wrong > 0).then(|| "items failed or went missing".into());
        self.lost_why.clone().or(refused).or(wrong)
    }
}

/// What is told of bulk.
#[derive(Clone, Debug, Serialize)]
pub struct BulkSummary {
    /// From the first byte to the end of the last body.
    pub seconds: f64,
    /// Bodies done.
    pub bodies: u64,
    /// Of them, those that were answered 202 at first.
    pub accepted: u64,
    /// Items done.
    pub items: u64,
    /// The same by time.
    pub items_per_second: f64,
    /// Bytes by time, in millions.
    pub megabytes_per_second: f64,
    /// Refusals that were tried again.
    pub retried: u64,
    /// Failed items; bodies that were refused, lost or answered with wrong counters.
    pub faults: u64,
    /// What the first of them was.
    pub first_fault: Option<String>,
    /// From the first byte of a body to the end of its work.
    pub body_latency: Quantiles,
}

impl std::fmt::Display for BulkSummary {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "{} items in {} bodies, {:.0} items/s, {:.1} MB/s, {} answered 202, {} tried again",
            self.items,
            self.bodies,
            self.items_per_second,
            self.megabytes_per_second,
            self.accepted,
            self.retried
        )?;
        match &self.first_fault {
            Some(fault) => write!(out, "; {} FAULTS: {fault}", self.faults),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_add_up_and_name_their_first_fault() {
        let mut all = Tally { items: 5, bodies: 1, ..Tally::default() };
        let mut other = Tally { items: 10, bodies: 2, bytes: 4_000_000, ..Tally::default() };
        other.retried.insert(503, 2);
        other.refused.insert(413, 1);
        all.add(other);
        let told = all.summary(Duration::from_secs(2));
        assert_eq!((told.items_per_second, told.megabytes_per_second), (7.5, 2.0));
        assert_eq!((told.bodies, told.retried, told.faults), (3, 2, 1));
        assert_eq!(told.first_fault.as_deref(), Some("refused with 413"));
        all.lose(&anyhow::anyhow!("cut"));
        assert_eq!(all.summary(Duration::from_secs(1)).first_fault.as_deref(), Some("cut"));
    }
}
