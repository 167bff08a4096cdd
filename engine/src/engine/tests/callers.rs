//! Those who come in a storm, and what they see of the server.

use overtime_protocol::TenantId;
use std::time::Duration;

/// Callers who are alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Callers {
    pub(super) tenant: TenantId,
    /// How long they ask the server to hold them.
    pub(super) wait: Duration,
    pub(super) strict: bool,
    pub(super) returns: Returns,
}

/// When a caller comes again, two to three seconds after it was answered or gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Returns {
    Never,
    UntilServed,
    Always,
}

impl Default for Callers {
    fn default() -> Self {
        Self {
            tenant: TenantId::default(),
            wait: Duration::from_secs(10),
            strict: false,
            returns: Returns::Never,
        }
    }
}

/// What a group of callers saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) offered: u64,
    /// How many callers came for the first time.
    pub(super) first: u64,
    /// Answered 200 while they waited, by second.
    pub(super) served: Vec<u64>,
    pub(super) cut: u64,
    pub(super) refused: u64,
    pub(super) gave_up: u64,
    /// How long those waited who were answered 200.
    pub(super) spans: Vec<Duration>,
    /// The same of those who were told 202.
    pub(super) told: Vec<Duration>,
}

impl Seen {
    /// How many were served from a second to another.
    pub(super) fn served_between(&self, first: usize, end: usize) -> u64 {
        self.served.iter().take(end).skip(first).sum()
    }

    pub(super) fn percentile(&self, of_thousand: usize) -> Duration {
        percentile(&self.spans, of_thousand)
    }
}

pub(super) fn percentile(spans: &[Duration], of_thousand: usize) -> Duration {
    let mut spans = spans.to_vec();
    spans.sort_unstable();
    spans.get(spans.len() * of_thousand / 1000).copied().unwrap_or_default()
}
