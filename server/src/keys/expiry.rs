//! When a key ends, as a person says it: in a while, or at a moment.

use crate::config::Span;
use overtime_protocol::UnixMillis;
use std::str::FromStr;

/// The end of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    In(Span),
    At(UnixMillis),
}

impl Expiry {
    /// The moment, if it is still to come.
    pub(super) fn behind(self, now: UnixMillis) -> Option<UnixMillis> {
        let at = match self {
            Self::In(span) => now + span.0,
            Self::At(at) => at,
        };
        (at > now).then_some(at)
    }
}

impl FromStr for Expiry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = text.parse().map(Self::In);
        span.or_else(|_| text.parse().map(Self::At)).map_err(|_| {
            format!("`{text}` is neither a span, such as 30d, nor a moment, such as 2027-01-01T00:00:00Z")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_span_or_a_moment_to_come() {
        let end = |text: &str, now| text.parse::<Expiry>().unwrap().behind(UnixMillis(now));
        assert_eq!(end("1s", 5), Some(UnixMillis(1_005)));
        assert_eq!(end("0s", 5), None);
        assert_eq!(end("1970-01-01T00:00:02Z", 5), Some(UnixMillis(2_000)));
        assert_eq!(end("1970-01-01T00:00:02Z", 2_000), None);
        assert!("soon".parse::<Expiry>().unwrap_err().contains("`soon`"));
    }
}
