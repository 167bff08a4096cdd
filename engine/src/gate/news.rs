//! What a gate tells: each turn that it takes, once, with the numbers that a person needs to see why.
//! It decides nothing.

use overtime_protocol::{UnixMillis, UpstreamId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Why an upstream is shed. The first of those that hold is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Of 120 calls the tenth percentile is slow.
    TenthPercentile,
    /// 60 % of the last 40 calls are bad.
    MostBad,
    /// Of the last 100 calls 47 are bad, and that lasts.
    HalfBad,
    /// 40 % of the last 120 calls failed, and that lasts.
    Errors,
    /// There were few calls, and the last five are bad.
    InARow,
    /// A person said so.
    Operator,
}

impl Rule {
    /// Those that calls are judged by.
    pub const JUDGED: [Self; 5] =
        [Self::TenthPercentile, Self::MostBad, Self::HalfBad, Self::Errors, Self::InARow];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TenthPercentile => "tenth_percentile",
            Self::MostBad => "most_bad",
            Self::HalfBad => "half_bad",
            Self::Errors => "errors",
            Self::InARow => "in_a_row",
            Self::Operator => "operator",
        }
    }
}

/// What the calls were like when an upstream was shed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The calls that the rule is about.
    pub calls: usize,
    /// How many of them were not over when a slow call would have been.
    pub slow: usize,
    /// How many failed sooner.
    pub failed: usize,
    /// Of all that are old enough to be known as fast or slow, 120 at most, a tenth took no longer.
    pub p10: Duration,
    /// Half of them took no longer.
    pub p50: Duration,
    /// Calls that are out now.
    pub out: usize,
}

/// What has become of an upstream, or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateNews {
    /// It is called no more, and its tasks are held.
    Shed {
        /// The upstream.
        upstream: UpstreamId,
        /// When.
        at: UnixMillis,
        /// Why.
        rule: Rule,
        /// What was seen.
        evidence: Evidence,
        /// How long it is left alone before it is probed.
        hold: Duration,
    },
    /// It would be, if its gate did more than observe.
    WouldShed {
        /// The upstream.
        upstream: UpstreamId,
        /// When.
        at: UnixMillis,
        /// Why.
        rule: Rule,
        /// What was seen.
        evidence: Evidence,
    },
    /// The first probe since it was shed is out.
    Probing {
        /// The upstream.
        upstream: UpstreamId,
        /// When.
        at: UnixMillis,
    },
    /// It turned bad again on its way back, and is shed again.
    Relapsed {
        /// The upstream.
        upstream: UpstreamId,
        /// When.
        at: UnixMillis,
        /// Why.
        rule: Rule,
        /// What was seen.
        evidence: Evidence,
        /// How long it is left alone before it is probed.
        hold: Duration,
    },
    /// Its probes were good, or a person released it: more and more of its tasks go out.
    Ramping {
        /// The upstream.
        upstream: UpstreamId,
        /// When.
        at: UnixMillis,
        /// How long it was shed, relapses included.
        shed_for: Duration,
    },
    /// All of its tasks go out again.
    Opened {
        /// The upstream.
        upstream: UpstreamId,
        /// When.
        at: UnixMillis,
        /// How long it was since it was shed, relapses included.
        lasted: Duration,
    },
    /// One that would have been shed is well again.
    WouldOpen {
        /// The upstream.
        upstream: UpstreamId,
        /// When.
        at: UnixMillis,
        /// How long it was bad.
        lasted: Duration,
    },
    /// More than half of the upstreams that are called turned bad together, so this machine or its
    /// network may be what is bad. No more are shed.
    Suspected {
        /// When.
        at: UnixMillis,
        /// How many are bad.
        bad: usize,
        /// Of how many that are called.
        active: usize,
    },
    /// No more than half of them are bad now.
    Unsuspected {
        /// When.
        at: UnixMillis,
        /// How many are bad.
        bad: usize,
        /// Of how many that are called.
        active: usize,
        /// How long it was suspected.
        lasted: Duration,
    },
}
