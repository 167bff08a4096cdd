//! What is kept of upstreams beside how their gates stand: the hours that each had, in a ring, and its
//! latest calls. It says where they stand and what they look like, and gathers nothing.

use crate::time::UnixMillis;
use crate::upstream::{CallEnd, CallFailure, UpstreamName};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where hours are kept: each takes the place of the one so many hours before.
pub const HOUR_SPACE: &str = "hour";
/// Where the latest calls are kept.
pub const CALLS_SPACE: &str = "calls";
/// So many hours of an upstream are kept: 90 days.
pub const HOURS_KEPT: u64 = 90 * 24;
/// An hour.
pub const HOUR: Duration = Duration::from_hours(1);

const HOUR_MS: u64 = HOUR.as_secs() * 1_000;

/// What became of the calls of one hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hour {
    /// When it began.
    #[serde(with = "unix_millis")]
    pub hour: UnixMillis,
    /// The calls that ended in it.
    pub calls: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that were told to come later.
    pub busy: u64,
    /// A tenth of them took no longer.
    pub p10: Duration,
    /// A quarter of them took no longer.
    pub p25: Duration,
    /// Half of them took no longer.
    pub p50: Duration,
    /// Three quarters of them took no longer.
    pub p75: Duration,
    /// Nine of ten took no longer.
    pub p90: Duration,
    /// Of a hundred, 99 took no longer.
    pub p99: Duration,
    /// None took longer.
    pub max: Duration,
}

/// A call that is over, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCall {
    /// When it began, in milliseconds of unix time.
    pub started_ms: u64,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// How it ended.
    pub end: KeptEnd,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeptEnd {
    /// It was answered.
    Answered,
    /// There was no connection.
    Connect,
    /// The connection broke.
    Broken,
    /// It was not answered in time.
    Timeout,
    /// It was answered with this.
    Status(u16),
    /// It was told to come later.
    Busy,
}

/// Which hours of an upstream are shown: those that began in a span of time, by their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryFilter {
    /// The upstream.
    pub name: UpstreamName,
    /// From when on; as far back as they are kept unless it is said.
    pub from: Option<UnixMillis>,
    /// Until when; now unless it is said.
    pub to: Option<UnixMillis>,
    /// The most that a page holds.
    pub limit: u32,
    /// Only those behind this one: the page before ended there.
    pub after: Option<UnixMillis>,
}

/// The name in [`HOUR_SPACE`] of an hour that began then.
pub fn hour_name(upstream: &UpstreamName, hour: UnixMillis) -> String {
    format!("{upstream}/{}", hour.0 / HOUR_MS % HOURS_KEPT)
}

/// When the hour began that has this in it.
pub fn hour_of(at: UnixMillis) -> UnixMillis {
    UnixMillis(at.0 / HOUR_MS * HOUR_MS)
}

impl KeptEnd {
    /// How such a call is kept; `None` for one that tells nothing.
    pub fn of(end: CallEnd) -> Option<Self> {
        Some(match end {
            CallEnd::Answered => Self::Answered,
            CallEnd::Failed(CallFailure::Connect) => Self::Connect,
            CallEnd::Failed(CallFailure::Broken) => Self::Broken,
            CallEnd::Failed(CallFailure::Timeout) => Self::Timeout,
            CallEnd::Failed(CallFailure::Status(status)) => Self::Status(status),
            CallEnd::Busy { .. } => Self::Busy,
            CallEnd::Untold => return None,
        })
    }
}

impl From<KeptEnd> for CallEnd {
    fn from(end: KeptEnd) -> Self {
        match end {
            KeptEnd::Answered => Self::Answered,
            KeptEnd::Connect => Self::Failed(CallFailure::Connect),
            KeptEnd::Broken => Self::Failed(CallFailure::Broken),
            KeptEnd::Timeout => Self::Failed(CallFailure::Timeout),
            KeptEnd::Status(status) => Self::Failed(CallFailure::Status(status)),
            KeptEnd::Busy => Self::Busy { retry_after: None },
        }
    }
}

mod unix_millis {
    use crate::time::UnixMillis;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &UnixMillis, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(at.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<UnixMillis, D::Error> {
        u64::deserialize(from).map(UnixMillis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_takes_the_place_of_the_one_of_ninety_days_before() {
        let name = UpstreamName::new("bank").unwrap();
        let hour = |hour: u64| hour_name(&name, UnixMillis(hour * HOUR_MS));
        assert_eq!((hour(5).as_str(), hour(HOURS_KEPT + 5)), ("bank/5", hour(5)));
        assert_ne!(hour(HOURS_KEPT + 4), hour(5));
        assert_eq!(hour_of(UnixMillis(2 * HOUR_MS + 7)), UnixMillis(2 * HOUR_MS));
    }

    #[test]
    fn what_is_kept_of_a_call_is_what_it_was() {
        for end in [
            CallEnd::Answered,
            CallEnd::Failed(CallFailure::Connect),
            CallEnd::Failed(CallFailure::Broken),
            CallEnd::Failed(CallFailure::Timeout),
            CallEnd::Failed(CallFailure::Status(503)),
            CallEnd::Busy { retry_after: None },
        ] {
            assert_eq!(KeptEnd::of(end).map(CallEnd::from), Some(end));
        }
        assert_eq!(KeptEnd::of(CallEnd::Untold), None);
    }
}
